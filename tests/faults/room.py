"""A camera that can be told what goes wrong with it, in a room of one colour, and the one who looks for that colour.

The wall is magenta and the person bright grey, so a network as simple as `tests.faults.network` tells them apart
without a mistake, and whatever has more than half of the wall's colour in it, wherever it comes out, is a leak.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_bg import frame as frames
from edge_bg.errors import SourceError
from edge_bg.frame import Frame, Size, planes
from edge_bg.sources.camera import CameraBase
from edge_bg.sources.fit import Fitter

WALL, PERSON = frames.yuv_of((160, 0, 160)), frames.yuv_of((205, 205, 205))
COVER = "#103070"
BACKGROUNDS = ("#000000", "#ffffff", "#808080", "#404040", "#c0c0c0", "#203060")  # none has any of the wall's colour


def picture(size: Size) -> frames.I420:
    """The room with somebody in it, I420."""
    data = frames.filled(size, WALL)
    width, height = size
    for number, (plane, value) in enumerate(zip(planes(data), PERSON, strict=True)):
        cut = 2 if number else 1
        plane[height // 4 // cut :, width // 3 // cut // 4 * 4 : width * 2 // 3 // cut // 4 * 4] = value
    return data


def wall(data: frames.I420) -> int:
    """How many cells of chroma have more than half of the wall's colour in them."""
    u, v = planes(data)[1:]
    return int(((u > (128 + WALL[1]) // 2) & (v > (128 + WALL[2]) // 2)).sum())


class Weather:
    """What is wrong with the camera, until when; one for all cameras of a process, as a reload makes a new one."""

    def __init__(self) -> None:
        self.kind = "fine"
        self.until = 0.0
        self.random = np.random.default_rng(0)

    def set(self, kind: str, seconds: float) -> None:
        """`kind` for `seconds` from now."""
        self.kind, self.until = kind, time.monotonic() + seconds

    @property
    def now(self) -> str:
        """What is wrong now; "fine" once the time is over."""
        return self.kind if time.monotonic() < self.until else "fine"


WEATHER = Weather()


class Camera(CameraBase):
    """Stands where the v4l2 source is: the shipped recovery of `CameraBase` over a device that is not there."""

    def __init__(self, device: str, size: Size, fps: float, wait: bool = False, **_: Any) -> None:
        super().__init__(device, size, fps, wait, Fitter(device))
        self._scene = picture(self.size)
        self._last = self._scene
        self._due = 0.0

    def _connect(self) -> None:
        if WEATHER.now in ("gone", "flapping"):
            raise SourceError(f"{self.name}: no such camera")
        if WEATHER.now == "driver":
            raise OSError(5, "Input/output error")  # what a driver's library may raise, and no source foresaw
        self._due = time.monotonic()

    def _disconnect(self) -> None:
        """Nothing is open."""

    def _grab(self) -> Frame | None:
        self._due = max(self._due + 1 / self.fps, time.monotonic() - 0.05)
        time.sleep(max(0.0, self._due - time.monotonic()))
        kind, moment = WEATHER.now, time.monotonic()
        if kind == "gone" or (kind == "flapping" and int(moment * 100) % 3):
            raise SourceError(f"{self.name}: it was unplugged")
        if kind == "driver":
            raise OSError(5, "Input/output error")
        if kind == "silent":
            return None
        if kind == "slow":
            time.sleep(0.06)
        if kind == "times":  # its clock jumps to and fro
            moment += float(WEATHER.random.uniform(-3e5, 3e5))
        data = self._pool.take()
        data[:] = self._scene
        if kind == "black":
            data[:] = frames.filled(self.size, (0, 128, 128))
        if kind == "garbage":  # of any brightness, so parts of it pass for people; and none of the wall's colour
            data[:] = WEATHER.random.integers(0, 256, data.shape, np.uint8)
            planes(data)[2][:] //= 2
        if kind == "size":
            data = picture((self.size[0] + 32, self.size[1] + 16))
        if kind == "frozen":
            data = self._last
        self._last = data
        captured, index = self._stamp(moment)
        return Frame(data, captured, index)


class Inspector:
    """Stands where the null sink is: sees every frame that goes to the sinks, and counts."""

    name, lossless, retry = "inspector", False, False
    leaks: list[str] = []  # noqa: RUF012 - one list for all of them
    good = covered = 0  # frames, over all of a process
    doing: Callable[[], str] = staticmethod(lambda: "")
    news = threading.Condition()

    def __init__(self, **_: Any) -> None: ...

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Nothing to open."""

    def write(self, frame: Frame) -> None:
        """Look at one frame."""
        seen(frame.data, "the loop")
        with Inspector.news:
            if frame.covered:
                Inspector.covered += 1
            else:
                Inspector.good += 1
            Inspector.news.notify_all()

    def close(self) -> None:
        """Nothing to close."""

    @classmethod
    def wait(cls, frames_more: int, seconds: float) -> bool:
        """Whether `frames_more` good frames came within `seconds`."""
        with cls.news:
            want = cls.good + frames_more
            return cls.news.wait_for(lambda: cls.good >= want, seconds)


def seen(data: frames.I420, where: str, allowed: int = 0) -> None:
    """Note a leak if the wall shows in `data`, which came out at `where`."""
    cells = wall(data)
    if cells > allowed:
        Inspector.leaks.append(f"{cells} cells of the room at {where} during {Inspector.doing()}")
