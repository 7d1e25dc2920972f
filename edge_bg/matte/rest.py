"""What rests is nobody's: a chair that was moved, a box that was put down, a screen that was switched on.

Whoever holds a thing breathes and sways, and its outline with them, by a fraction of a pixel at least. What stands
beside a guest does not: along its outline the picture changes by no more than the walls' noise.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.frame.tiles import TILE
from edge_bg.matte.masks import above

LONG = 45  # frames in which nothing of an outline changed, after which what it is around rests
_FINER = 8  # steps to a level of luma, as changes are means over a cell
_MORE = 1.0  # levels beyond the walls' noise, mean of a cell, that are a change
_MOVING = 0.15  # share of an outline that may change all the same, as a shadow passes
_SMALL = 2 * TILE * TILE  # cells from which a piece has an outline worth to be looked at
_BESIDE = np.ones((7, 7), np.uint8)
_THREE = np.ones((3, 3), np.uint8)


class Rest:
    """Luma and what is said not to be room, frame by frame -> now and then, the cells of what rests."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A break in the stream, or nothing to look at."""
        self._frames = 0
        self._posed: Any = None  # luma at half size when the look began
        self._most: Any = None  # float32 (h, w), levels by which each cell changed at most since then
        self._always: Any = None  # uint8 (h, w), 255 where there was something in all of that time

    def __call__(self, luma: Picture, said: Picture, mask: Picture, walls: Picture) -> Picture | None:
        """uint8 (h, w), 255 where something rests; None for nothing.

        luma: uint8, the frame's at half its size. said, mask: uint8 (h, w), what is not room, and where the first
        network sees people. walls: uint8 (h, w), not 0 where the room surely shows.
        """
        beyond = cv2.subtract(above(said, 127), cv2.dilate(above(mask, 64), _BESIDE))
        if self._posed is None or self._frames >= LONG:
            found = self._found() if self._posed is not None else None
            self._frames, self._posed, self._always = 0, luma.copy(), beyond
            self._most = np.zeros(said.shape, np.float32)
            return found
        self._always = cv2.bitwise_and(self._always, beyond)
        if cv2.countNonZero(self._always) < _SMALL:
            self.reset()
            return None
        self._frames += 1
        fine = cv2.convertScaleAbs(cv2.absdiff(luma, self._posed), alpha=_FINER)  # or means would be whole levels
        change: Any = cv2.resize(fine, said.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / _FINER
        calm = change[walls > 0]
        noise = float(np.mean(calm)) if calm.size else 0.0
        np.maximum(self._most, change - noise, out=self._most)
        return None

    def _found(self) -> Picture | None:
        count, labels, stats, _ = cv2.connectedComponentsWithStats(self._always)
        still: Picture = np.zeros(self._always.shape, np.uint8)
        for number in range(1, count):
            if stats[number, cv2.CC_STAT_AREA] < _SMALL:
                continue
            piece: Any = (labels == number).astype(np.uint8)
            outline = cv2.morphologyEx(piece, cv2.MORPH_GRADIENT, _THREE) > 0
            if (self._most[outline] > _MORE).mean() < _MOVING:
                still[piece > 0] = 255
        return still if still.any() else None
