"""Smooth planes: made at the matte's working size, a tenth of the frame, and enlarged where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.frame.tiles import TILE, Grid, Rect, Scratch


class Smooth:
    """Y, U and V, or one plane in place of all three, at the working size of `grid`; `part` enlarges under a rectangle.

    name: of the scratch buffer that a part lies in until the next part of that name.
    """

    def __init__(self, grid: Grid, name: str) -> None:
        self.grid = grid
        self.name = name
        width, height = grid.size
        self._whole = Rect(0, 0, max(1, width // grid.scale), max(1, height // grid.scale))
        self._box = self._whole
        self._planes: list[Any] = []

    def near(self, rects: Sequence[Rect], margin: int) -> None:
        """Work on what lies within `margin` tiles of `rects` alone; `part` is for these then."""
        side = self.grid.side
        lefts, tops, rights, bottoms = zip(*rects, strict=True)
        left, top = (max(0, min(edges) // side - margin) for edges in (lefts, tops))
        right, bottom = (-(-max(edges) // side) + margin for edges in (rights, bottoms))
        width, height = self._whole[2:]
        self._box = Rect(TILE * left, TILE * top, min(TILE * right, width), min(TILE * bottom, height))

    def shrink(self, plane: Picture) -> Picture:
        """The middle of each working pixel, in a plane of the frame, luma or chroma: `(h, w)` uint8, new."""
        step = max(1, self.grid.scale * plane.shape[1] // self.grid.size[0])
        left, top, right, bottom = (step * edge for edge in self._box)
        middle = step // 2
        return np.ascontiguousarray(plane[top + middle : bottom : step, left + middle : right : step])

    def keep(self, planes: Sequence[Any]) -> None:
        """Take uint8 `(h, w)` planes as large as those that `shrink` gives."""
        after = 1 + TILE  # whole tiles stick out of some frames
        self._planes = [cv2.copyMakeBorder(plane, 1, after, 1, after, cv2.BORDER_REPLICATE) for plane in planes]

    def part(self, plane: int, rect: Rect, scratch: Scratch) -> Picture:
        """What lies under `rect` of the frame for plane 0 (Y), 1 (U) or 2 (V), at that plane's size."""
        halves = 2 if plane else 1
        cell = self.grid.scale // halves
        left, top, right, bottom = (edge // halves for edge in rect)
        x, y = left // cell, top // cell
        across, down = -(-right // cell) + 2 - x, -(-bottom // cell) + 2 - y
        column, row = x - self._box.left, y - self._box.top
        small = self._planes[min(plane, len(self._planes) - 1)][row : row + down, column : column + across]
        shape = (small.shape[0] * cell, small.shape[1] * cell)
        full = scratch.take(self.name, shape, np.uint8)
        cv2.resize(small, shape[::-1], dst=full, interpolation=cv2.INTER_LINEAR)
        x, y = left - x * cell + cell, top - y * cell + cell
        return np.asarray(full[y : y + bottom - top, x : x + right - left], np.uint8)
