"""A real browser before the real service: headless Chromium, driven by Playwright, and `edge-bg run` as a process.

Every page a test opens is held to two promises when the test is over: nothing was written to the browser's console
as an error or a warning, and no request went to another address than the service's.
"""

from __future__ import annotations

import base64
import os
import re
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

from tests.browser import chromium
from tests.patience import PATIENCE

VIEW = """
source: {kind: synthetic, size: 320x180, fps: 10}
background: "#00c800"
sinks: [{kind: http, port: 0, token: a-token-of-some-length}]
"""
BOOTH = """# The booth at the entrance
source: {kind: synthetic, size: 320x180, fps: 10}
background: "#00c800"   # green until somebody uploads
composite:
  wrap: 0.2             # a little
sinks: [{kind: http, port: 0}]
booth:
  control: true
  pin: "2468"
  times: {countdown: 0.6, idle: 60}
  folder: EVENTS
  storage: {folder: PHOTOS, consent: "Photos stay here for a day."}
"""


@dataclass
class Service:
    """`edge-bg run` in a process of its own. `url` ends in a slash."""

    process: subprocess.Popen
    url: str
    config: Path
    log: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    @property
    def yaml(self) -> str:
        """Its config as it is now."""
        return self.config.read_text("utf-8")

    @property
    def port(self) -> int:
        return urlsplit(self.url).port

    def stop(self) -> str:
        """End it as Ctrl+C does; its whole log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.reader.join()
        self.process.stderr.close()
        assert code == 0, "".join(self.log)
        text = "".join(self.log)
        assert "Traceback" not in text, text
        return text


@contextmanager
def services(root: Path, folder: Path) -> Iterator[Callable[[str], Service]]:
    """A function YAML text -> running Service; no text: with the file of the last one.

    All are stopped, and must have ended well, at the end of the block.
    """
    running = []

    def start(yaml: str) -> Service:
        config = folder / "config.yaml"
        if yaml:  # else the one that is there already
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


@pytest.fixture(scope="session")
def view(root, tmp_path_factory):
    """A running service as it is by default: it can only be watched. For tests that leave it as they found it."""
    with services(root, tmp_path_factory.mktemp("view")) as start:
        service = start(VIEW)
        service.url = service.url.replace("(yours)", "a-token-of-some-length")
        yield service


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """The folder in which `booth` keeps photos."""
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="session")
def booth(root, photos, tmp_path_factory):
    """A running booth that guests and the operator may touch. For tests that leave it as they found it."""
    with services(root, tmp_path_factory.mktemp("booth")) as start:
        events = tmp_path_factory.mktemp("events")
        for name, text in (("first", "name: First event\n"), ("zoo", "name: Zoo\nlanguage: de\n")):
            (events / name).mkdir()
            (events / name / "event.yaml").write_text(text)
        yield start(BOOTH.replace("PHOTOS", str(photos)).replace("EVENTS", str(events)))


@pytest.fixture(scope="package")
def browser():
    """The browser, for all tests of this folder."""
    with chromium() as started:
        yield started


def excused(message) -> bool:
    """Whether the browser complains of what is nobody's fault."""
    if "GPU stall due to ReadPixels" in message.text:  # our own screenshots of a canvas
        return True
    # A photo that was asked for in the moment in which it was thrown away; a thumbnail, as another event came on.
    gone = r"/(photos/[\w-]{22}|(back|fore)grounds/[\w.-]+/thumb\.\w+)$"
    return "404" in message.text and re.search(gone, where(message)) is not None


def where(message) -> str:
    """The path of what the browser complains of."""
    return urlsplit(message.location.get("url", "")).path


@pytest.fixture
def visit(browser):
    """A function (address, width, height, before, ...) -> Playwright page, which `before` is given before it opens.
    See above for what each page is held to."""
    opened = []

    def open_page(address: str, width: int = 1280, height: int = 720, before=None, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is no fault of the page
        page.complaints, page.asked, page.methods = [], [], set()
        page.on(
            "console",
            lambda m: (
                m.type in ("error", "warning") and not excused(m) and page.complaints.append(f"{m.text} {where(m)}")
            ),
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        context.on("request", lambda request: (page.asked.append(request.url), page.methods.add(request.method)))
        opened.append((context, page, urlsplit(address).netloc))
        if before is not None:
            before(page)
        page.goto(address, wait_until="commit")
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


def until_shown(page, picture, condition, what):
    """Until `condition(picture())` is true, however long this machine takes to show it; that picture."""
    end = time.monotonic() + PATIENCE
    while not condition(shown := picture()):
        assert time.monotonic() < end, f"{what}: never shown"
        page.wait_for_timeout(100)
    return shown


@pytest.fixture(scope="session")
def axe():
    """A function page -> what axe-core finds serious or worse in it, as lines of text."""
    folders = [
        os.environ.get("EDGE_BG_AXE", ""),
        "/usr/share/nodejs/axe-core",
        "/tmp/edge-bg-axe/node_modules/axe-core",
    ]
    script = next((path for folder in folders if folder and (path := Path(folder) / "axe.min.js").is_file()), None)
    if script is None:
        pytest.skip(
            "AXE-CORE IS MISSING: npm install --prefix /tmp/edge-bg-axe axe-core (accessibility was not judged)"
        )
    text = script.read_text("utf-8")

    def judge(page) -> list[str]:
        page.evaluate(text)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{each['impact']} {each['id']}: {each['nodes'][0]['html'][:160]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    return judge
