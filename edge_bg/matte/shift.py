"""Where everybody went: one shift between two frames, so that the past can be taken along with who dances or walks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture

Floats = NDArray[np.float32]
Part = tuple[slice, slice, slice]


def displacement(before: Picture, now: Picture, person: Picture) -> tuple[int, int]:
    """(dx, dy): by so many pixels what `person` marks in `before` is further right and down in `now`; (0, 0) if unsure.

    before, now: luma, `(h, w)` uint8. person: mask of `before`, `(h, w)` uint8, 255 = person.

    One translation for all who are there, by least squares on the luma's gradients: B. D. Lucas and T. Kanade, "An
    Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI 1981. At half the size given,
    where a step reaches further; differences that it cannot explain are held to `_MOST` levels.
    """
    size = (now.shape[1] // 2, now.shape[0] // 2)
    inside: Any = cv2.threshold(cv2.resize(person, size, interpolation=cv2.INTER_AREA), 127, 1, cv2.THRESH_BINARY)[1]
    inside = inside[1:-1, 1:-1]
    left, top, width, height = cv2.boundingRect(inside)
    people = inside[top : top + height, left : left + width]
    if cv2.countNonZero(people) < _LEAST:
        return 0, 0
    # What is looked at: the people, one pixel more for the gradients, and as far as a step may lead.
    x_0, y_0 = max(0, left - _FURTHEST), max(0, top - _FURTHEST)
    around = np.s_[2 * y_0 : 2 * (top + height + 2 + _FURTHEST), 2 * x_0 : 2 * (left + width + 2 + _FURTHEST)]
    old, new = _half(before[around]), _half(now[around])
    left, top = left - x_0 + 1, top - y_0 + 1
    old = old[top - 1 : top + height + 1, left - 1 : left + width + 1]
    slopes: Floats = np.empty((2, height, width), np.float32)
    np.subtract(old[1:-1, 2:], old[1:-1, :-2], out=slopes[0])
    np.subtract(old[2:, 1:-1], old[:-2, 1:-1], out=slopes[1])
    slopes *= people  # outside of the people the gradients are 0, and so count for nothing
    both = slopes.reshape(2, -1)
    (xx, xy), (_, yy) = (both @ both.T).tolist()
    xx, yy = xx + 1, yy + 1
    scale = 2 / (xx * yy - xy * xy)  # 2: the gradients are of two pixels
    x = y = 0.0
    middle = left + (width - 1) / 2, top + (height - 1) / 2
    old, seen = old[1:-1, 1:-1], new[top : top + height, left : left + width]
    wrong: Floats = np.empty((height, width), np.float32)
    for step in range(_STEPS):
        if step:
            seen = np.asarray(cv2.getRectSubPix(new, (width, height), (middle[0] + x, middle[1] + y)))
        np.subtract(seen, old, out=wrong)
        np.minimum(np.maximum(wrong, -_MOST, out=wrong), _MOST, out=wrong)
        right, below = (both @ wrong.reshape(-1)).tolist()
        x -= scale * (yy * right - xy * below)
        y -= scale * (xx * below - xy * right)
        if step == 0 and abs(x) + abs(y) < _STANDS:
            return 0, 0
    far = max(abs(x), abs(y))
    return (round(2 * x), round(2 * y)) if far < _FURTHEST else (0, 0)


def overlap(shape: tuple[int, ...], x: int, y: int) -> tuple[Part, Part]:
    """(before, now): the parts of planes `(..., h, w)`, of that `shape` each, that show the same, moved by (x, y)."""
    height, width = shape
    before = np.s_[:, max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    now = np.s_[:, max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    return before, now


def _half(luma: Picture) -> Floats:
    """`luma` at half size, a little blurred, in floats."""
    size = (luma.shape[1] // 2, luma.shape[0] // 2)
    small: Any = cv2.blur(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), (3, 3))
    return np.asarray(small, np.float32)


_STEPS = 3  # each finds most of what is left
_LEAST = 30  # pixels of half size from which somebody is large enough to be followed
_MOST = 30  # levels
_STANDS = 0.12  # pixels of half size: who moves by less in the first step does not come to half a pixel in the end
_FURTHEST = 4  # pixels of half size that a step can find
