"""Hard cuts in a film: from one frame to the next, another picture."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import I420, planes

_SMALL = (32, 18)  # cells that a frame is compared by
_READ = 160  # columns that are read, about, of a frame
_ALIKE = 0.6  # correlation of two frames from which they show the same scene, whatever light falls on it
_FALL = 0.3  # by which it lies below that of the frames before: a camera that is swung is unlike itself all the time
_CHANGE = 12  # levels of Y, U and V together by which a cell is another one
_MUCH = 0.25  # of the cells are others
_PAST = 5  # frames whose likeness is remembered


class Cuts:
    """`cuts(picture)` -> whether an I420 picture begins another scene than the one before; the first one does not.

    A flash and a fade change the light and no shapes, and a person who walks changes a part: neither is a cut.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._likeness: deque[float] = deque(maxlen=_PAST)

    def __call__(self, picture: I420) -> bool:
        """Compare with the last picture, and remember this one."""
        every = max(2, picture.shape[1] // _READ // 2 * 2)
        cells = [_shrink(plane, every // 2 if number else every) for number, plane in enumerate(planes(picture))]
        now = np.stack(cells).astype(np.float32)
        before, self._before = self._before, now
        if before is None:
            return False
        changed = float((np.abs(now - before).sum(axis=0) > _CHANGE).mean())
        alike = 1.0 if changed < _MUCH else _correlation(now, before)
        usual = min(float(np.median(self._likeness)), 1.0) if self._likeness else 1.0
        self._likeness.append(alike)
        return alike < _ALIKE and alike < usual - _FALL


def _shrink(plane: Any, every: int) -> Any:
    """`plane` in a few cells, by means of every few pixels."""
    part = np.ascontiguousarray(plane[every // 2 :: every, every // 2 :: every])
    return cv2.resize(part, _SMALL, interpolation=cv2.INTER_AREA)


def _correlation(one: Any, two: Any) -> float:
    """-1..1, of Y, U and V each about its mean; flat pictures are alike if they have one colour."""
    means = np.abs(one.mean(axis=(1, 2)) - two.mean(axis=(1, 2)))
    one, two = (each - each.mean(axis=(1, 2), keepdims=True) for each in (one, two))
    power = float(np.sqrt((one * one).sum() * (two * two).sum()))
    if power < one.size:  # a level each: nothing is seen in at least one of them
        return 1.0 if means.max() < 16 else 0.0
    return float((one * two).sum()) / power
