"""Colour: what is seen through hair and soft edges is the old room, and is taken out before the new one goes in.

A camera sees `alpha * person + (1 - alpha) * room`. The plain blend scales all of that by alpha and so keeps a rim
of the old room. Here the room behind the edge is estimated from the room beside it, by normalised convolution on a
tenth of the frame, and `(1 - alpha) * room` is subtracted; what is left is `alpha * person`, held to 0..alpha so that
a wrong guess cannot put texture of the room where alpha is 0. The idea is that of M. Forte, "Approximate Fast
Foreground Colour Estimation", ICIP 2021 ("blur fusion"), which estimates both colours: the room alone does as well
and costs half (docs/decisions/0060).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.composite.smooth import Smooth
from edge_bg.frame import I420, SHARE, Picture, planes
from edge_bg.tiles import Grid, Scratch

_CLEAR = 26  # alpha below which a pixel shows the room alone
_NEAR, _WIDE = (3, 3), (11, 11)  # working pixels in which room is looked for
_FALLBACK = 1e-3  # what a pixel of the wide window counts beside one of the near
_PRIOR = 1e-4  # where no room is in reach the pixel's own colour counts, and nothing is taken out


class OldRoom(Smooth):
    """The old room's colours behind the person, for one frame size; `look` first, then `part` for each rectangle."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid, "old room")

    def look(self, picture: I420, alpha: I420, tables: Sequence[Picture] | None = None) -> None:
        """Estimate from a frame and its alpha420; `tables` are what the person's planes are mapped by, if they are."""
        thin = self.shrink(planes(np.asarray(alpha))[1])
        room: Any = cv2.compare(thin, _CLEAR, cv2.CMP_LT)  # type: ignore[call-overload]
        weight = _gather(room, np.full_like(room, 255))
        estimates = []
        for number, plane in enumerate(planes(picture)):
            small = self.shrink(plane)
            if tables is not None:
                small = cv2.LUT(small, tables[number])
            total = _gather(cv2.bitwise_and(small, room), small)
            estimates.append(cv2.convertScaleAbs(cv2.divide(total, weight, total, 255)))
        self.keep(estimates)


def _gather(room: Any, own: Any) -> Any:
    """Sum of `room` near each pixel and, for much less, farther off, and a trace of `own`: float32."""
    near: Any = cv2.boxFilter(room, cv2.CV_32F, _NEAR, normalize=False)
    wide = cv2.boxFilter(room, cv2.CV_32F, _WIDE, normalize=False)
    cv2.scaleAdd(wide, _FALLBACK, near, near)
    return cv2.scaleAdd(own.astype(np.float32), _PRIOR, near, near)


def blend_without(
    person: Picture, old: Picture, behind: Picture, alpha: Picture, out: Picture, scratch: Scratch
) -> None:
    """`person - old * (255 - alpha) / 255`, held to 0..alpha, `+ behind * (255 - alpha) / 255`; all uint8 `(h, w)`."""
    rest = scratch.take("rest", alpha.shape, np.uint8)
    other = scratch.take("other", alpha.shape, np.uint8)
    cv2.bitwise_not(alpha, rest)
    cv2.multiply(old, rest, other, SHARE)
    cv2.subtract(person, other, other)
    cv2.min(other, alpha, other)
    cv2.multiply(behind, rest, rest, SHARE)
    cv2.add(other, rest, out)


def blend(person: Picture, alpha: Picture, out: Picture, scratch: Scratch) -> None:
    """`out = (person * alpha + out * (255 - alpha)) / 255` for uint8 arrays `(h, w)`, within one level.

    One product, of the difference: OpenCV rounds it on x86 and cuts it off on Arm, where the two products of the
    formula as it stands made every soft pixel a level too dark.
    """
    step = scratch.take("other", alpha.shape, np.uint8)
    more = scratch.take("more", alpha.shape, np.uint8)
    brighter = scratch.take("brighter", alpha.shape, np.uint8)
    cv2.compare(person, out, cv2.CMP_GT, brighter)
    cv2.absdiff(person, out, step)
    cv2.multiply(step, alpha, step, SHARE)
    cv2.add(out, step, more)
    cv2.subtract(out, step, out)
    cv2.copyTo(more, brighter, out)
