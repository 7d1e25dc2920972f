"""Smooth planes: made at the matte's working size, a tenth of the frame, and enlarged where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.tiles import Grid, Rect, Scratch


class Smooth:
    """Y, U and V, or one plane in place of all three, at the working size of `grid`; `part` enlarges under a rectangle.

    name: of the scratch buffer that a part lies in until the next part of that name.
    """

    def __init__(self, grid: Grid, name: str) -> None:
        self.grid = grid
        self.name = name
        width, height = grid.working
        self._size = (max(1, grid.size[0] // grid.scale), max(1, grid.size[1] // grid.scale))
        self._border = (1, 1 + height - self._size[1], 1, 1 + width - self._size[0])
        self._planes: list[Any] = []

    def shrink(self, plane: Picture) -> Any:
        """A plane of the frame, luma or chroma, at working size: `(h, w)` uint8."""
        return cv2.resize(plane, self._size, interpolation=cv2.INTER_LINEAR)

    def keep(self, planes: Sequence[Any]) -> None:
        """Take uint8 `(h, w)` planes of working size."""
        self._planes = [cv2.copyMakeBorder(plane, *self._border, cv2.BORDER_REPLICATE) for plane in planes]

    def part(self, plane: int, rect: Rect, scratch: Scratch) -> Picture:
        """What lies under `rect` of the frame for plane 0 (Y), 1 (U) or 2 (V), at that plane's size."""
        halves = 2 if plane else 1
        cell = self.grid.scale // halves
        left, top, right, bottom = (edge // halves for edge in rect)
        x, y = left // cell, top // cell
        small = self._planes[min(plane, len(self._planes) - 1)][y : -(-bottom // cell) + 2, x : -(-right // cell) + 2]
        shape = (small.shape[0] * cell, small.shape[1] * cell)
        full = scratch.take(self.name, shape, np.uint8)
        cv2.resize(small, shape[::-1], dst=full, interpolation=cv2.INTER_LINEAR)
        x, y = left - x * cell + cell, top - y * cell + cell
        return np.asarray(full[y : y + bottom - top, x : x + right - left], np.uint8)
