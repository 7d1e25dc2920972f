"""Where everybody went: one shift between two frames, so that what is older goes along with who dances or walks.

It takes the smoothing's past along, and a mask that is older than its frame (`sync: latest`).
"""

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
    Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI 1981. At a quarter of the size
    given, where a step reaches further, noise is averaged and there is little to compute.
    """
    size = (now.shape[1] // _SMALLER, now.shape[0] // _SMALLER)
    old, new, mask = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (before, now, person))
    # Not along the border, where there are no gradients.
    inside: Any = cv2.threshold(mask, 127, 1, cv2.THRESH_BINARY)[1][1:-1, 1:-1]
    left, top, width, height = cv2.boundingRect(inside)
    people = inside[top : top + height, left : left + width]
    if cv2.countNonZero(people) < _LEAST:
        return 0, 0
    around: Floats = old[top : top + height + 2, left : left + width + 2].astype(np.float32)
    ahead: Floats = new.astype(np.float32)
    slopes: Floats = np.empty((2, height, width), np.float32)
    np.subtract(around[1:-1, 2:], around[1:-1, :-2], out=slopes[0])
    np.subtract(around[2:, 1:-1], around[:-2, 1:-1], out=slopes[1])
    slopes *= people  # outside of the people the gradients are 0, and so count for nothing
    both = slopes.reshape(2, -1)
    xx, xy = (both @ both[0]).tolist()
    xx, yy = xx + 1, float(both[1] @ both[1]) + 1
    scale = 2 / (xx * yy - xy * xy)  # 2: the gradients are of two pixels
    x = y = 0.0
    for step in range(_STEPS):
        middle = left + (width + 1) / 2 + x, top + (height + 1) / 2 + y
        wrong: Any = cv2.getRectSubPix(ahead, (width, height), middle)
        wrong -= around[1:-1, 1:-1]
        right, below = (both @ wrong.reshape(-1)).tolist()
        x -= scale * (yy * right - xy * below)
        y -= scale * (xx * below - xy * right)
        if step == 0 and abs(x) + abs(y) < _STANDS:
            return 0, 0
    far = max(abs(x), abs(y))
    return (round(_SMALLER * x), round(_SMALLER * y)) if far < _FURTHEST else (0, 0)


def catch_up(mask: Picture, then: Picture, now: Picture) -> Picture:
    """`mask` of an older picture, moved to where its people are now; itself where they do not fit much better there.

    mask: `(h, w)` uint8, 255 = person. then, now: luma of its picture and of this one, `(h, w)` uint8.
    """
    x, y = displacement(then, now, mask)
    if not x and not y:
        return mask
    there, here = overlap(mask.shape, x, y)
    old: Picture = np.stack((mask, then))
    moved = old.copy()
    moved[here] = old[there]
    people = cv2.threshold(cv2.max(mask, moved[0]), 127, 255, cv2.THRESH_BINARY)[1]
    better = cv2.norm(now, moved[1], cv2.NORM_L1, people) < _CLEARLY * cv2.norm(now, then, cv2.NORM_L1, people)
    return moved[0] if better else mask


def overlap(shape: tuple[int, ...], x: int, y: int) -> tuple[Part, Part]:
    """(before, now): the parts of planes `(..., h, w)`, of that `shape` each, that show the same, moved by (x, y)."""
    height, width = shape
    before = np.s_[:, max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    now = np.s_[:, max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    return before, now


_SMALLER = 4  # times, each way
_STEPS = 3  # each finds most of what is left
_LEAST = 8  # small pixels from which somebody is large enough to be followed
_STANDS = 0.06  # small pixels: who moves by less in the first step does not come to half a pixel in the end
_FURTHEST = 2  # small pixels that a step can find
_CLEARLY = 0.8  # of the change where people were or would be may be left, or a mask stays where it was
