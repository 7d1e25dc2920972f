"""A real browser before the real service: headless Chromium, driven by Playwright, and `edge-bg run` as a process.

Every page a test opens is held to two promises when the test is over: nothing was written to the browser's console
as an error or a warning, and no request went to another address than the service's.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--no-first-run",
]  # fmt: skip
PATIENCE = 30.0  # seconds the service may take to start on a busy machine


@dataclass
class Service:
    """`edge-bg run` in a process of its own. `url` ends in a slash."""

    process: subprocess.Popen
    url: str
    config: Path
    log: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    @property
    def port(self) -> int:
        return urlsplit(self.url).port

    def stop(self) -> str:
        """End it as Ctrl+C does; its whole log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self.reader.join()
        self.process.stderr.close()
        assert code == 0, "".join(self.log)
        text = "".join(self.log)
        assert "Traceback" not in text, text
        return text


@contextmanager
def services(root: Path, folder: Path) -> Iterator[Callable[[str], Service]]:
    """A function YAML text -> running Service. All are stopped, and must have ended well, at the end of the block."""
    running = []

    def start(yaml: str) -> Service:
        config = folder / "config.yaml"
        config.write_text(yaml)
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_bg", "run", str(config)],
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        service = Service(process, "", config)
        running.append(service)
        service.reader = threading.Thread(target=lambda: service.log.extend(process.stderr), daemon=True)
        service.reader.start()
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"watch at (\S+)", "".join(service.log))):
            assert process.poll() is None and time.monotonic() < end, "".join(service.log)
            time.sleep(0.02)
        service.url = found[1]
        return service

    try:
        yield start
    finally:
        for service in running:
            service.stop()


@pytest.fixture
def serve(root, tmp_path):
    """A function YAML text -> running Service, for this test alone."""
    with services(root, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared(root, tmp_path_factory):
    """A function YAML text -> running Service, for the tests of a file that leave it as they found it."""
    with services(root, tmp_path_factory.mktemp("shared")) as start:
        yield start


@pytest.fixture(scope="session")
def chromium():
    """The browser, for the whole session."""
    if CHROMIUM is None:
        pytest.skip("CHROMIUM IS MISSING: apt install chromium (the pages were not tried)")
    playwright = pytest.importorskip("playwright.sync_api", reason="PLAYWRIGHT IS MISSING: pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """A function (address, width, height, ...) -> Playwright page. See above for what each page is held to."""
    opened = []

    def open_page(address: str, width: int = 1280, height: int = 720, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.complaints, page.asked, page.methods = [], [], set()
        page.on("console", lambda m: m.type in ("error", "warning") and page.complaints.append(m.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        context.on("request", lambda request: (page.asked.append(request.url), page.methods.add(request.method)))
        opened.append((context, page, urlsplit(address).netloc))
        page.goto(address)
        return page

    yield open_page
    for context, page, netloc in opened:
        context.close()
        assert page.complaints == []
        assert page.asked
        for url in page.asked:
            parts = urlsplit(url)
            assert parts.netloc == netloc or parts.scheme in ("data", "blob"), f"a request left the machine: {url}"


@pytest.fixture(scope="session")
def pixels():
    """A function (page, selector of an <img>) -> its pixels as the page's own script sees them, RGB (H, W, 3) uint8."""
    read = """(selector) => {
      const image = document.querySelector(selector), canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth || 1, image.naturalHeight || 1];
      const pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0);
      const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      let text = "";
      for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
      return [canvas.height, canvas.width, btoa(text)];
    }"""

    def look(page, selector="#live"):
        height, width, data = page.evaluate(read, selector)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3].astype(int)

    return look
