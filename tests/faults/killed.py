"""A service that dies at any moment: killed, crashed in native code, short of memory. It is started again, as systemd
does, and what it had written by then is whole: photos, recordings, the config.

    scripts/faults --deaths 200 --seed 7
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
import yaml

SOON = 6.0  # seconds until pictures come again after a start, on an idle machine: there it takes two
CONFIG = """# The booth at the entrance
source: {{kind: synthetic, size: 320x180, fps: 30}}
model: {{name: small}}
background: "#00c800"   # green
sinks:
- {{kind: http, port: {port}}}
- {{kind: file, path: '{folder}/take-{{time}}.mkv'}}
booth:
  control: true
  pin: "2468"
  folder: {folder}/events
  storage: {{folder: {folder}/photos, hours: 24}}
"""


@dataclass
class Deaths:
    """What came of it."""

    injected: int = 0
    died: int = 0  # how often the process ended of it
    photos: int = 0  # that were kept, and are whole
    recordings: int = 0  # that play
    pictures: int = 0  # frames in them
    slowest: float = 0.0  # seconds until pictures came again
    problems: list[str] = field(default_factory=list)


class Service:
    """`edge-bg run` in a process of its own, started again whenever it ends."""

    def __init__(self, folder: Path, chance: random.Random, result: Deaths, soon: float) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.folder, self.chance, self.result, self.soon = folder, chance, result, soon
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "booth.yaml"
        self.config.write_text(CONFIG.format(port=port, folder=folder))
        self.log = (folder / "log.txt").open("ab")
        self.kept: set[str] = set()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edge_bg", "run", str(self.config)]
        # glibc's heaps are one per thread and grow by 64 MB of addresses: a limit on addresses would hit those alone.
        environment = os.environ | {"MALLOC_ARENA_MAX": "2"}
        return subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment)

    def flows(self, after: str) -> None:
        """Wait until pictures come, starting the service again where it has ended."""
        begun = time.monotonic()
        while time.monotonic() - begun < self.soon:
            if self.process.poll() is not None:
                self.result.died += 1
                self.process = self._start()
            with suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.url}/snapshot.jpg", timeout=2.0)
                if answer.status_code == 200 and answer.content[-2:] == b"\xff\xd9":
                    self.result.slowest = max(self.result.slowest, time.monotonic() - begun)
                    return
            time.sleep(0.05)
        self.result.problems.append(f"no picture {self.soon:g} s after {after}")

    def busy(self) -> None:
        """Somebody takes photos and keeps them, and saves the settings, for as long as the service lets them."""
        with suppress(httpx.HTTPError, KeyError, ValueError), httpx.Client(timeout=5.0) as client:
            api = f"{self.url}/api/v1"
            photo = client.post(f"{api}/photos").json()["id"]
            client.post(f"{api}/login", json={"pin": "2468"})
            client.patch(f"{api}/settings", json={"composite.wrap": self.chance.choice((0.1, 0.2, 0.3))})
            client.post(f"{api}/settings/save")
            for _ in range(100):
                if client.get(f"{api}/photos/{photo}").json()["state"] == "ready":
                    break
                time.sleep(0.05)
            if client.post(f"{api}/photos/{photo}/keep").status_code == 200:
                self.kept.add(photo)

    def close(self) -> None:
        """Tell it to end, which it does well: in time, and with 0."""
        self.process.terminate()
        try:
            code = self.process.wait(2 * self.soon)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = -9
        if code:
            self.result.problems.append(f"told to end, it ended with {code}")
        self.log.close()


def killed(service: Service) -> None:
    """kill -9, or the kernel's own when memory is out."""
    service.process.kill()
    service.process.wait()


def crashed(service: Service) -> None:
    """What a fault in a delegate's or a codec's native code does."""
    service.process.send_signal(service.chance.choice((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)))
    service.process.wait()


def starved(service: Service) -> None:
    """No more memory is given for a while: it goes on afterwards, or it has ended and is started again."""
    pid = service.process.pid
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        room = psutil.Process(pid).memory_info().vms + service.chance.choice((0, 1 << 16, 1 << 20, 1 << 23))
        resource.prlimit(pid, resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
        time.sleep(service.chance.uniform(0.05, 1.0))
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def stopped(service: Service) -> None:
    """Nothing of it runs for a while, as when a board swaps."""
    service.process.send_signal(signal.SIGSTOP)
    time.sleep(service.chance.uniform(0.2, 1.5))
    service.process.send_signal(signal.SIGCONT)


KINDS: tuple[Callable[[Service], None], ...] = (killed, crashed, starved, stopped)


def run(
    folder: Path, count: int, seed: int, say: Callable[[Deaths], None] | None = None, *, slack: float = 5.0
) -> Deaths:
    """Inject `count` deaths, each kind in turn at a random moment of somebody's visit; judge what is left.

    slack: times the seconds that a service may take, on a machine that is busy.
    """
    chance, result = random.Random(seed), Deaths()
    service = Service(folder, chance, result, SOON * slack)
    try:
        service.flows("the start")
        for number in range(count):
            visit = threading.Thread(target=service.busy)
            visit.start()
            time.sleep(chance.uniform(0.0, 1.5))
            act = KINDS[number % len(KINDS)]
            act(service)
            result.injected += 1
            service.flows(f"{act.__name__} ({number})")
            visit.join()
            _config(service.config, result)
            if number % 20 == 19 and say is not None:
                say(result)
    finally:
        service.close()
    _photos(folder / "photos", service.kept, result)
    _recordings(folder, result)
    said = (folder / "log.txt").read_text(errors="replace")
    if "Traceback" in said:
        first = said[said.index("Traceback") :]
        result.problems.append(f"{said.count('Traceback')} tracebacks, the first: {first[:3500]}")
    return result


def _config(path: Path, result: Deaths) -> None:
    words = path.read_text()
    try:
        whole = yaml.safe_load(words)["booth"]["control"] and "# The booth at the entrance" in words
    except (yaml.YAMLError, KeyError, TypeError):
        whole = False
    if not whole:
        result.problems.append(f"the config is half written: {words[-200:]!r}")


def _photos(folder: Path, kept: set[str], result: Deaths) -> None:
    """What was said to be kept is there and whole; nothing else that begins like a photo lies about."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if lost := kept - there:
        result.problems.append(f"kept, and lost: {sorted(lost)}")
    for name in there:
        if name.startswith("."):
            result.problems.append(f"half a photo: {name}")
            continue
        files = {each.name: each for each in (folder / name).iterdir()}
        notes = json.loads(files["photo.json"].read_bytes()) if "photo.json" in files else {}
        data = np.frombuffer(files["photo.jpg"].read_bytes(), np.uint8) if "photo.jpg" in files else np.empty(0)
        if not notes or not data.size or cv2.imdecode(data, cv2.IMREAD_COLOR) is None:
            result.problems.append(f"half a photo: {name}: {sorted(files)}")
        result.photos += 1


def _recordings(folder: Path, result: Deaths) -> None:
    """Every one plays to where it was cut; one whose service died in its first second may hold no picture yet."""
    import av

    for path in sorted(folder.glob("take-*")):
        count = 0
        try:
            with av.open(str(path)) as film, suppress(av.error.InvalidDataError, EOFError):  # the cut
                for _ in film.decode(video=0):
                    count += 1
        except av.error.FFmpegError as error:
            if path.stat().st_size > 100_000:
                result.problems.append(f"{path.name} ({path.stat().st_size} bytes) does not play: {error}")
            continue
        result.recordings += bool(count)
        result.pictures += count
