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
_LOOKS = 3  # looks that go on at the same time, begun one after another; each sees every third frame
_MORE = 1.0  # levels beyond the walls' noise, mean of a cell, that are a change
_NOISE = 1.5  # of what changes at most in half of the walls' cells is noise; edges change where a camera shakes
_MOVING = 0.15  # share of an outline that may change all the same
_SMALL = 2 * TILE * TILE  # cells from which a piece has an outline worth to be looked at
_ENOUGH = 12  # cells of an outline that nobody is beside, by which it is judged
_AROUND = (17, 17)  # pixels at half size in which a shadow is even
_BESIDE = np.ones((7, 7), np.uint8)
_THREE = np.ones((3, 3), np.uint8)


class Rest:
    """Luma and what is said not to be room, frame by frame -> now and then, the cells of what rests."""

    def __init__(self) -> None:
        self._looks = [_Look() for _ in range(_LOOKS)]
        self._frame = 0

    def reset(self) -> None:
        """A break in the stream."""
        for look in self._looks:
            look.posed = None

    def __call__(self, luma: Picture, said: Picture, mask: Picture, walls: Picture) -> Picture | None:
        """uint8 (h, w), 255 where something rests; None for nothing.

        luma: uint8, the frame's at half its size. said, mask: uint8 (h, w), what is not room, and where the first
        network sees people. walls: uint8 (h, w), not 0 where the room surely shows.
        """
        turn = self._frame // _LOOKS
        number = (
            self._frame + turn
        ) % _LOOKS  # not every third frame exactly: what shakes ten times a second would rest
        self._frame += 1
        look, found = self._looks[number], None
        near = cv2.dilate(above(mask, 64), _BESIDE)
        beyond = cv2.subtract(above(said, 127), near)
        turns = LONG // _LOOKS
        if turn % turns == number * turns // _LOOKS:
            if look.posed is not None:
                found = look.found()
            look.begin(luma, beyond, near, walls)
        elif look.posed is not None:
            look.add(luma, beyond, near, walls)
        return found


class _Look:
    """What changed of the frames since it began.

    posed: uint8, luma at half size when it began; None if it has not.
    """

    def __init__(self) -> None:
        self.posed: Any = None
        self._light: Any = None  # float32, how light it was around each of its pixels
        self._most: Any = None  # float32 (h, w), levels by which each cell changed at most
        self._always: Any = None  # uint8 (h, w), 255 where there was something all the time
        self._walls: Any = None  # uint8 (h, w), not 0 where the room showed all the time
        self._near: Any = None  # uint8 (h, w), 255 where somebody was near at any time

    def begin(self, luma: Picture, beyond: Any, near: Any, walls: Any) -> None:
        """The first frame; the arguments are as in `add`."""
        if cv2.countNonZero(beyond) < _SMALL:
            self.posed = None
            return
        self.posed, self._light = luma.astype(np.float32), _around(luma)
        self._always, self._near, self._walls = beyond, near, walls
        self._most = np.zeros(beyond.shape, np.float32)

    def add(self, luma: Picture, beyond: Any, near: Any, walls: Any) -> None:
        """A frame: its luma at half size; beyond, near, walls: uint8 (h, w), what is there, who, and the room."""
        self._near, self._walls = cv2.max(self._near, near), cv2.bitwise_and(self._walls, walls)
        self._always = cv2.bitwise_and(self._always, beyond)
        if cv2.countNonZero(self._always) < _SMALL:
            self.posed = None
            return
        # A shadow that passes is even around an outline: what is seen, under the light of when the look began.
        share: Any = cv2.divide(self._light, _around(luma))
        lit: Any = cv2.multiply(luma, share, dtype=cv2.CV_32F)
        change: Any = cv2.resize(cv2.absdiff(lit, self.posed), beyond.shape[::-1], interpolation=cv2.INTER_AREA)
        np.maximum(self._most, change, out=self._most)

    def found(self) -> Picture | None:
        """uint8 (h, w), 255 where something was all the time and rests; None for nothing."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(self._always)
        calm = self._most[self._walls > 0]
        bound = _MORE + (_NOISE * float(np.median(calm)) if calm.size else 0.0)
        beside = cv2.dilate(self._near, _THREE) > 0
        still: Picture = np.zeros(self._always.shape, np.uint8)
        for number in range(1, count):
            if stats[number, cv2.CC_STAT_AREA] < _SMALL:
                continue
            piece: Any = (labels == number).astype(np.uint8)
            outline = (cv2.morphologyEx(piece, cv2.MORPH_GRADIENT, _THREE) > 0) & ~beside
            if outline.sum() > _ENOUGH and (self._most[outline] > bound).mean() < _MOVING:
                still[piece > 0] = 255
        return still if still.any() else None


def _around(luma: Picture) -> Any:
    """How light it is around each pixel, float32."""
    return np.maximum(cv2.blur(luma, _AROUND), 16).astype(np.float32)
