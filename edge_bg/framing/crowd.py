"""Who is in a mask: its connected parts, counted at half size, without specks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.framing.window import Box

SURE: Final = 127  # above: somebody
_LEAST: Final = 0.0004  # of the picture: smaller is a speck. A person of a tenth of the height has four times that
_BESIDE: Final = 0.03  # of the largest: smaller is a speck, too


@dataclass(frozen=True)
class Somebody:
    """A connected part of a mask: its number in the label picture, its area in cells and its box."""

    label: int
    area: int
    box: Box


def people(mask: Picture) -> list[Somebody]:
    """Everybody in `mask`, largest first, in its own cells; specks are nobody."""
    small = halve(mask)
    x, y = mask.shape[1] / small.shape[1], mask.shape[0] / small.shape[0]
    return [
        Somebody(
            each.label,
            round(each.area * x * y),
            Box(int(each.box[0] * x), int(each.box[1] * y), math.ceil(each.box[2] * x), math.ceil(each.box[3] * y)),
        )
        for each in parts(small)[1]
    ]


def halve(mask: Picture) -> Picture:
    """`mask` at half size, where all counting is done: a quarter of the cost, and a person is still 4 cells wide."""
    size = (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def parts(small: Picture, level: int = SURE) -> tuple[Any, list[Somebody]]:
    """(labels int32 (h, w), the connected parts of `small` above `level`, largest first); specks are left out."""
    sure = cv2.threshold(small, level, 255, cv2.THRESH_BINARY)[1]
    count, labels, table, _ = cv2.connectedComponentsWithStats(sure, connectivity=8, ltype=cv2.CV_32S)
    least = max(_LEAST * small.size, _BESIDE * int(table[1:, 4].max(initial=0)))
    rows = [(i, *(int(n) for n in table[i])) for i in range(1, count) if table[i, 4] >= least]
    found = [Somebody(i, area, Box(x, y, x + w, y + h)) for i, x, y, w, h, area in rows]
    return labels, sorted(found, key=lambda each: -each.area)
