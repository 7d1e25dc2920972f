"""Tiles: which parts of an alpha are soft, so that the costly work is done there and nowhere else.

Most of a matte is plain: 0 over the room, 255 inside the person. Only a band along the outline needs
interpolation and blending, a sixth of the picture or so. A `Grid` cuts the frame into tiles that line up with
the small working picture the matte computes on; `SoftAlpha` is an alpha420 that also knows its soft tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Size, check_size

WORKING_WIDTH = 256
TILE = 8  # side of a tile in working pixels; even, so that chroma tiles are whole


_GAP = 3


class Rect(NamedTuple):
    """A part of the frame, in pixels, all even: columns left..right, rows top..bottom, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Grid:
    """How a frame of `size` (width, height) is cut.

    `scale` frame pixels make one working pixel, `TILE` working pixels one tile. Where the frame's sides are
    no multiples, the last tiles stick out of the frame and are cut off when they are read or written.
    """

    size: Size
    scale: int

    @classmethod
    def of(cls, size: Size, width: int = WORKING_WIDTH) -> Grid:
        """The grid whose working picture is about `width` pixels wide; a scale that divides both sides wins."""
        w, h = check_size(size)
        near = max(2, round(w / width))
        fits = [s for s in range(max(2, near - 1), near + 2) if w % s == 0 and h % s == 0]
        return cls(size, min(fits, key=lambda s: abs(s - near)) if fits else near)

    @cached_property
    def exact(self) -> bool:
        """Whether working pixels cover the frame without sticking out."""
        return self.size[0] % self.scale == 0 and self.size[1] % self.scale == 0

    @cached_property
    def working(self) -> Size:
        """(width, height) of the working picture."""
        return -(-self.size[0] // self.scale), -(-self.size[1] // self.scale)

    @cached_property
    def counts(self) -> Size:
        """Tiles across and down."""
        return -(-self.working[0] // TILE), -(-self.working[1] // TILE)

    @cached_property
    def side(self) -> int:
        """Side of a tile in frame pixels; even."""
        return TILE * self.scale

    def rects(self, soft: NDArray[np.bool_]) -> list[Rect]:
        """The tiles marked in `soft`, `(down, across)` bool, as runs along each row of tiles, cut to the frame.

        Runs less than `_GAP` tiles apart are joined: a call costs more than the tiles between.
        """
        (width, height), side = self.size, self.side
        found: list[Rect] = []
        for row in np.flatnonzero(soft.any(axis=1)).tolist():
            columns = np.flatnonzero(soft[row])
            breaks = np.flatnonzero(np.diff(columns) > _GAP)
            firsts = columns[np.append(0, breaks + 1)].tolist()
            lasts = columns[np.append(breaks, len(columns) - 1)].tolist()
            top, bottom = row * side, min((row + 1) * side, height)
            for first, last in zip(firsts, lasts, strict=True):
                found.append(Rect(first * side, top, min((last + 1) * side, width), bottom))
        return found


class SoftAlpha(np.ndarray[Any, np.dtype[np.uint8]]):
    """An alpha420 array that carries `soft`: outside of these parts of the frame every alpha is 0 or 255.

    Views and copies of it are plain in this respect: their `soft` is None, which means "look at every pixel".
    """

    soft: list[Rect] | None = None


def with_soft(alpha420: I420, soft: list[Rect]) -> SoftAlpha:
    """A view of `alpha420` that knows its soft parts."""
    view = alpha420.view(SoftAlpha)
    view.soft = soft
    return view


def soft_parts(alpha420: I420) -> list[Rect] | None:
    """The soft parts `alpha420` knows of, or None when it knows nothing."""
    return getattr(alpha420, "soft", None)


class Scratch:
    """Arrays by name that grow and are otherwise kept, for stages that need room for a varying number of tiles."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array of `shape` and `dtype`; its contents are undefined."""
        count = int(np.prod(shape))
        array = self._arrays.get(name)
        if array is None or array.size < count or array.dtype != dtype:
            array = self._arrays[name] = np.empty(count + count // 4, dtype)
        return array[:count].reshape(shape)
