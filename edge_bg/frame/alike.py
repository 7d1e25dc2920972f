"""How much two pictures are alike, by a few cells of each: the same scene under any light, or another one."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np

from edge_bg.frame.i420 import I420, planes

SAME: Final = 0.6  # likeness from which it is one scene; chosen with `pytest tests/sources/test_cuts.py`
_SMALL: Final = (32, 18)  # cells that a picture is compared by
_READ: Final = 160  # columns that are read, about, of a picture
_CHANGE: Final = 12  # levels of Y, U and V together by which a cell is another one
_MUCH: Final = 0.25  # of the cells are others; with fewer only a part has changed, as when somebody walks


def cells(picture: I420) -> Any:
    """Float32 (3, 18, 32): Y, U and V of an I420 picture in a few cells."""
    every = max(2, picture.shape[1] // _READ // 2 * 2)
    parts = [_shrink(plane, every // 2 if number else every) for number, plane in enumerate(planes(picture))]
    return np.stack(parts).astype(np.float32)


def likeness(one: Any, two: Any) -> float:
    """-1..1 for the `cells` of two pictures; 1 where only a part has changed."""
    changed = float((np.abs(one - two).sum(axis=0) > _CHANGE).mean())
    return 1.0 if changed < _MUCH else _correlation(one, two)


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
