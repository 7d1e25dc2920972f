"""One life of the real service in this process: its config, its clients, and what it must look like after a fault."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_bg import frame as frames
from edge_bg import service
from edge_bg.board.notify import Notifier
from edge_bg.board.signals import Signals
from edge_bg.errors import EdgeBgError
from edge_bg.network import ladder
from edge_bg.sinks import KINDS as SINKS
from edge_bg.sinks import fanout
from edge_bg.sources import KINDS as SOURCES
from edge_bg.sources import camera
from tests.faults.clients import JPEG, Clients
from tests.faults.room import BACKGROUNDS, COVER, WEATHER, Inspector, seen

SIZES = ((96, 64), (192, 128))  # of one shape, so that the mask fits to the pixel
DISK = 3 << 20  # bytes of the small tmpfs that recordings go to
FASTER = 25  # times: how much sooner than on a board things that were lost are looked for again


class Unrecovered(AssertionError):
    """Frames, or one of the sinks, did not come back in time."""


@contextmanager
def hurried() -> Iterator[None]:
    """The test's camera and inspector in place, and pauses before another attempt `FASTER` times shorter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "v4l2", "tests.faults.room:Camera")
        patch.setitem(SINKS, "null", "tests.faults.room:Inspector")
        for module, names in ((camera, ("FIRST_RETRY", "LAST_RETRY")), (fanout, ("FIRST_PAUSE", "LONGEST_PAUSE"))):
            for name in names:
                patch.setattr(module, name, getattr(module, name) / FASTER)
        patch.setattr(camera, "SILENCE", camera.SILENCE / FASTER)
        patch.setattr(ladder, "RETRY_MOST", 0.5)
        patch.setattr(ladder, "SOON", 0.1)
        patch.setitem(ladder.Ladder.__init__.__kwdefaults__, "retry", 0.1)
        yield


class Life:
    """The service on a config that faults rewrite. Use `live(faults)`, on the main thread."""

    def __init__(
        self, folder: Path, chance: random.Random, card: Path, trouble: Path, *, delegates: str = "[cpu]"
    ) -> None:
        self.folder, self.chance, self.card, self.delegates = folder, chance, card, delegates
        self.trouble = trouble  # the folder whose files tell the tiny delegate what to do wrong
        self.faulty: list[str] = []  # files that are half written
        self.counts = {"files": 0, "recorded": 0, "piped": 0}
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.mounted = _mount(self.disk)
        self.config = folder / "config.yaml"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.sync = chance.choice(("exact", "latest"))
        self.size = SIZES[0]
        self.threads = 1
        self.clock = 0.0  # seconds that time.time() is off
        self.felt = 0  # full disks that a recording failed of
        self.streamed = self.socketed = self.cut = 0  # pictures that real clients have seen
        self.starts = 0
        self.ended: list[str] = []  # how services ended that were not told to
        self.doing = "the start"
        self._over = threading.Event()
        self._service: service.Service | None = None
        self._problem: BaseException | None = None

    # --- config --------------------------------------------------------------------------------------

    def text(self, **changes: Any) -> str:
        """A valid config; every call another background."""
        background = changes.get("background", self.chance.choice(BACKGROUNDS))
        more = changes.get("more", "")
        return (
            f"source: {{kind: v4l2, device: test, size: {self.size[0]}x{self.size[1]}, fps: 120}}\n"
            f"model: {{name: {self.card}, threads: {self.threads}, delegates: {self.delegates}}}\n"
            f'background: "{background}"\n'
            f"sinks: ['null', {{kind: http, port: {self.port}}},\n"
            f"  {{kind: pipe, command: dd of={self.folder}/pipe.y4m oflag=append conv=notrunc status=none}},\n"
            f"  {{kind: file, path: '{self.disk}/take-{{time}}.mkv'}}]\n"
            f"sync: {self.sync}\n"
            f'privacy: {{max_mask_age: 0.1, cover: "{COVER}"}}\n{more}'
        )

    def write(self, text: str | bytes) -> None:
        """Write the config as an editor would: in place."""
        self.config.write_bytes(text.encode() if isinstance(text, str) else text)

    def reload(self, text: str | bytes) -> None:
        """Write it and tell the service."""
        self.write(text)
        os.kill(os.getpid(), signal.SIGHUP)

    # --- the service ---------------------------------------------------------------------------------

    @property
    def booth(self) -> Any:
        """What runs now, None between two."""
        return self._service._booth if self._service is not None else None

    def live(self, faults: Any) -> None:
        """Run the service here, `faults(self)` on a thread beside it, and judge what is left at the end."""
        Inspector.doing = lambda: self.doing
        self.write(self.text())
        driver = threading.Thread(target=self._drive, args=(faults,), name="driver")
        client = threading.Thread(target=self._watch, name="client")
        others = Clients(self.port, self.card, self._over)
        with Signals() as signals:
            driver.start()
            client.start()
            others.start()
            try:
                while not self._over.is_set():
                    self._once(signals)
            finally:
                self._over.set()
                driver.join()
                client.join()
                others.join()
                self.socketed, self.cut = others.sockets, others.cut
        if self._problem is not None:
            raise self._problem

    def _once(self, signals: Signals) -> None:
        """One run of the service, which systemd would start again."""
        self.starts += 1
        notifier = Notifier()
        try:
            self._service = service.Service(self.config, service.load(self.config), notifier, signals)
            code = self._service.run()
            if not self._over.is_set():
                self.ended.append(f"code {code} during {self.doing}")
        except EdgeBgError as error:
            if not self._over.is_set():
                self.ended.append(f"{error.message} during {self.doing}")
                time.sleep(0.05)
        except Exception:
            self.ended.append(f"during {self.doing}: {traceback.format_exc()}")
            time.sleep(0.05)
        finally:
            notifier.close()

    def _drive(self, faults: Any) -> None:
        try:
            self.recover(60.0)
            faults(self)
            self.doing = "the end"
        except BaseException as problem:
            self._problem = problem
        self._over.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def recover(self, limit: float) -> float:
        """Wait until good frames flow to every sink; after how many seconds they did. Raises `Unrecovered`."""
        start = time.monotonic()
        before: tuple[Any, dict[str, int]] = (None, {})
        report: dict[str, Any] = {}
        Inspector.wait(1, limit)
        good = Inspector.good
        while time.monotonic() - start < limit:
            booth = self.booth
            report = booth.sinks.report() if booth is not None else {}
            counts = {name: sink["delivered"] for name, sink in report.items()}
            if booth is None or booth is not before[0]:
                before, good = (booth, counts), Inspector.good
            elif Inspector.good >= good + 2 and all(counts[name] > n for name, n in before[1].items()):
                return time.monotonic() - start
            time.sleep(0.002)
        raise Unrecovered(f"after {self.doing}: {limit:g} s later {Inspector.good - good} frames, sinks {report}")

    # --- a real client -------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, HTTPException, ValueError):
                line = HTTPConnection("127.0.0.1", self.port, timeout=2.0)
                try:
                    line.request("GET", "/stream.mjpg")
                    self._look(line.getresponse())
                finally:
                    line.close()
            self._over.wait(0.02)

    def _look(self, stream: Any) -> None:
        while not self._over.is_set():
            length = 0
            while (words := stream.readline().lower()) not in (b"\r\n", b""):
                if words.startswith(b"content-length:"):
                    length = int(words.split(b":")[1])
            if words == b"":
                return
            if length:
                picture = cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)
                seen(frames.from_bgr(np.asarray(picture, np.uint8)), "the stream", JPEG)
                self.streamed += 1

    # --- afterwards ----------------------------------------------------------------------------------

    def inspect(self) -> dict[str, int]:
        """What lies about at the end: every recording plays, no half file, and none of it shows the room."""
        for path in sorted(self.disk.iterdir()):
            self.look_at(path)
        self.counts["piped"] = _piped(self.folder / "pipe.y4m")
        return self.counts

    def look_at(self, path: Path) -> None:
        """One recording that is finished; it is removed, as the disk is small."""
        self.counts["files"] += 1
        try:
            self.counts["recorded"] += _plays(path)
        except AssertionError as problem:
            self.faulty.append(str(problem))
        path.unlink()

    def close(self) -> None:
        """Give the small disk back."""
        if self.mounted:
            subprocess.run(["umount", str(self.disk)], check=True)


def _mount(folder: Path) -> bool:
    options = f"size={DISK}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "edge-bg-test", str(folder)], capture_output=True)
    return done.returncode == 0


def _plays(path: Path) -> int:
    """Frames of a recording, each looked at. Raises AssertionError for one that does not play."""
    import av

    count = 0
    try:
        with av.open(str(path)) as film:
            for picture in film.decode(video=0):
                count += 1
                seen(frames.from_bgr(picture.to_ndarray(format="bgr24")), path.name, JPEG)
    except av.error.FFmpegError as error:
        raise AssertionError(f"{path.name} ({path.stat().st_size} bytes) does not play: {error}") from error
    assert count, f"{path.name} ({path.stat().st_size} bytes) is empty"
    return count


def _piped(path: Path) -> int:
    """Frames that the command behind the pipe was given, over all its starts, each looked at."""
    count = 0
    for part in path.read_bytes().split(b"YUV4MPEG2 ")[1:]:
        header, _, rest = part.partition(b"\n")
        width, height = (int(word[1:]) for word in header.split()[:2])
        step = len(b"FRAME\n") + width * height * 3 // 2
        for at in range(0, len(rest) - step + 1, step):
            assert rest[at : at + 6] == b"FRAME\n", "half a frame in the pipe"
            data = np.frombuffer(rest[at + 6 : at + step], np.uint8).reshape(height * 3 // 2, width)
            seen(data, "the pipe")
            count += 1
    return count


__all__ = ["WEATHER", "Life", "Unrecovered", "hurried"]
