"""Where everybody went: one shift between two frames, so that the past can be taken along with who dances or walks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture

Floats = NDArray[np.float32]


def displacement(before: Picture, now: Picture, person: Picture) -> tuple[int, int]:
    """(dx, dy): by so many pixels what `person` marks in `before` is further right and down in `now`; (0, 0) if unsure.

    before, now: luma, `(h, w)` uint8. person: mask of `before`, `(h, w)` uint8, 255 = person.

    One translation for all who are there, by least squares on the luma's gradients: B. D. Lucas and T. Kanade, "An
    Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI 1981. At half the size given,
    where a step reaches further; differences that it cannot explain are held to `_MOST` levels.
    """
    size = (now.shape[1] // 2, now.shape[0] // 2)
    old, new = _half(before, size), _half(now, size)
    inside: Any = cv2.resize(person, size, interpolation=cv2.INTER_AREA)[1:-1, 1:-1] > 127
    if np.count_nonzero(inside) < _LEAST:
        return 0, 0
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))

    def part(picture: Floats, x: int = 1, y: int = 1) -> Floats:
        return picture[top + y : top + y + height, left + x : left + x + width]

    # Outside of the people the gradients are 0, and so count for nothing.
    people = inside[top : top + height, left : left + width]
    across = ((part(old, x=2) - part(old, x=0)) * people).reshape(-1)
    down = ((part(old, y=2) - part(old, y=0)) * people).reshape(-1)
    xx, xy, yy = (float(value) for value in (across @ across + 1, across @ down, down @ down + 1))
    scale = 2 / (xx * yy - xy * xy)  # 2: the gradients are of two pixels
    x = y = 0.0
    middle = left + (width + 1) / 2, top + (height + 1) / 2
    seen = part(new)
    for step in range(_STEPS):
        if step:
            seen = np.asarray(cv2.getRectSubPix(new, (width, height), (middle[0] + x, middle[1] + y)))
        wrong = np.minimum(np.maximum(seen - part(old), -_MOST), _MOST).reshape(-1)
        right, below = float(across @ wrong), float(down @ wrong)
        x -= scale * (yy * right - xy * below)
        y -= scale * (xx * below - xy * right)
        if step == 0 and abs(x) + abs(y) < _STANDS:
            return 0, 0
    far = max(abs(x), abs(y))
    return (round(2 * x), round(2 * y)) if far < _FURTHEST else (0, 0)


def shifted(planes: Picture, x: int, y: int) -> Picture:
    """`planes`, `(..., h, w)` uint8, moved by x pixels to the right and y down; what comes in is what was there."""
    height, width = planes.shape[-2:]
    moved = planes.copy()
    moved[..., max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)] = planes[
        ..., max(0, -y) : height + min(0, -y), max(0, -x) : width + min(0, -x)
    ]
    return moved


def _half(luma: Picture, size: tuple[int, int]) -> Floats:
    """`luma` at half size, a little blurred, in floats."""
    small: Any = cv2.blur(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), (3, 3))
    return np.asarray(small, np.float32)


_STEPS = 3  # each finds most of what is left
_LEAST = 30  # pixels of half size from which somebody is large enough to be followed
_MOST = 30  # levels
_STANDS = 0.12  # pixels of half size: who moves by less in the first step does not come to half a pixel in the end
_FURTHEST = 4  # pixels of half size that a step can find
