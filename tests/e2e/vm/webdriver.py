"""Debian's Chromium on the third disk, driven through its chromedriver. Standard library only."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = "/browser"
DRIVER = "http://127.0.0.1:9515"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=9222", "--user-data-dir=/tmp/profile",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--disable-extensions", "--use-fake-ui-for-media-stream", "--window-size=1000,700", "--in-process-gpu",
    "--ipc-connection-timeout=300",  # seconds instead of 15, after which a process of its that is not heard ends itself
]  # fmt: skip


def sh(command: str) -> None:
    subprocess.run(["/bin/sh", "-ec", command], check=True)


def ask(method: str, url: str, body: Any = None, timeout: float = 700, **headers: str) -> Any:
    """One request of JSON; the answer. RuntimeError with what it says, where it is refused."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {url}: {error.code} {error.read().decode()[:600]}") from error


class Browser:
    """Chromium, from its disk. It sees the machine's devices and nothing of its files."""

    def __init__(self) -> None:
        sh(f"mkdir -p {ROOT}; mount -o ro /dev/vdc {ROOT}; mount --rbind /dev {ROOT}/dev; mount -t proc p {ROOT}/proc")
        sh(f"mount -t sysfs s {ROOT}/sys; mount -t tmpfs t {ROOT}/tmp; mount --bind /run {ROOT}/run")
        environment = {"HOME": "/tmp", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        for command in (["/usr/bin/chromium", *FLAGS, "about:blank"], ["/usr/bin/chromedriver", "--port=9515"]):
            with Path("/tmp/chromium.log").open("ab") as log:
                subprocess.Popen(["/usr/sbin/chroot", ROOT, *command], stdout=log, stderr=log, env=environment)
        self._wait("http://127.0.0.1:9222/json/version")
        self._wait(DRIVER + "/status")
        options = {"goog:chromeOptions": {"debuggerAddress": "127.0.0.1:9222"}}
        made = ask("POST", DRIVER + "/session", {"capabilities": {"alwaysMatch": options}})["value"]
        self.version = made["capabilities"]["browserVersion"]
        self._session = f"{DRIVER}/session/{made['sessionId']}"
        self._ask("/timeouts", {"script": 600_000, "pageLoad": 600_000})

    def _wait(self, url: str, seconds: float = 900) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                return ask("GET", url, timeout=30)
            except (OSError, RuntimeError) as error:
                if time.monotonic() > end:
                    said = Path("/tmp/chromium.log").read_text(errors="replace")[-1500:]
                    raise TimeoutError(f"{url}: not within {seconds:.0f} s ({error}): {said}") from error
                time.sleep(0.5)

    def _ask(self, path: str, body: Any) -> Any:
        return ask("POST", self._session + path, body)["value"]

    def open(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def allow_camera(self) -> None:
        self._ask("/permissions", {"descriptor": {"name": "camera"}, "state": "granted"})

    def run(self, script: str, *values: Any) -> Any:
        """What `script`, the body of an asynchronous function, returns; `arguments` are the values."""
        wrapped = f"return (async (...values) => {{ {script} }})(...arguments)"
        return self._ask("/execute/sync", {"script": wrapped, "args": list(values)})

    def until(self, script: str, seconds: float = 600) -> Any:
        """Wait until the expression is true; its value."""
        end = time.monotonic() + seconds
        while not (value := self.run(f"return {script}")):
            if time.monotonic() > end:
                raise TimeoutError(f"{script}: not within {seconds:.0f} s")
            time.sleep(0.3)
        return value
