"""The last frames, as they came and as they were shown: what a photo is chosen from. They stay in memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Frame

KEPT: Final = 4  # frames; each is a buffer that the source cannot use meanwhile


@dataclass(frozen=True)
class Shot:
    """A frame with its alpha, as it came from the camera (`room`), the composite that went out (`shown`), and what was
    `behind` the person."""

    room: Frame
    shown: Frame
    behind: I420
    full: NDArray[np.uint8] | None = None  # RGB (H, W, 3), a still of the camera's own, a moment later

    def copy(self) -> Shot:
        """In buffers of its own."""
        return Shot(self.room.copy(), self.shown.copy(), self.behind.copy())


class Recent:
    """Notes frames; hands out the sharpest of the last. `note` is called from the loop's thread."""

    def __init__(self) -> None:
        self._shots: deque[Shot] = deque(maxlen=KEPT)
        self._came = threading.Condition()
        self.count = 0
        self._closed = False

    def close(self, closed: bool) -> None:
        """Closed, it notes nothing and hands out nothing, not even what was on its way."""
        with self._came:
            self._closed = closed
            self._shots.clear()

    def note(self, room: Frame, shown: Frame, behind: I420) -> None:
        """A frame went out; `room` carries the same alpha."""
        with self._came:
            if self._closed:
                return
            self._shots.append(Shot(room, shown, behind))
            self.count += 1
            self._came.notify_all()

    def forget(self) -> None:
        """Let go of the frames."""
        with self._came:
            self._shots.clear()

    def sharpest(self, max_age: float, patience: float) -> Shot | None:
        """The sharpest of the last frames that are not older than `max_age` seconds; None if none comes in time."""
        end = time.monotonic() + patience
        with self._came:
            while True:
                now = time.monotonic()
                fresh = [shot for shot in self._shots if now - shot.room.time <= max_age]
                if fresh:
                    break
                if now >= end or self._closed:
                    return None
                self._came.wait(min(0.1, end - now))
        return max(fresh, key=lambda shot: sharpness(shot.room))

    def next(self, after: int, patience: float) -> Shot | None:
        """The first frame after `count` had been `after`; None if none comes in time."""
        with self._came:
            self._came.wait_for(lambda: self.count > after and self._shots, patience)
            return self._shots[-1] if self.count > after and self._shots else None


def sharpness(frame: Frame) -> float:
    """How much detail there is where the person is: variance of the Laplacian of the luma at half size."""
    half = (frame.width // 2, frame.height // 2)
    luma: Any = cv2.resize(frame.y, half, interpolation=cv2.INTER_AREA)
    detail: Any = cv2.Laplacian(luma, cv2.CV_16S)
    alpha = frame.alpha
    mask = None
    if alpha is not None:
        mask = cv2.threshold(cv2.resize(alpha, half, interpolation=cv2.INTER_AREA), 127, 255, cv2.THRESH_BINARY)[1]
        if not cv2.countNonZero(mask):
            mask = None
    _, spread = cv2.meanStdDev(detail, mask=mask)
    return float(spread[0][0])
