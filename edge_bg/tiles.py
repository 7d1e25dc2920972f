"""Which parts of an alpha are soft, so that the costly work is done there and nowhere else.

Most of a matte is plain: 0 over the room, 255 inside the person. Only a band along the outline, a sixth of the
picture or less, needs interpolation and blending. A `Grid` relates the frame to the small working picture the
matte computes on; `SoftAlpha` is an alpha420 that also knows where it is soft.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Picture, Size, check_size

WORKING_WIDTH = 256
TILE = 4  # side of a tile in working pixels; even, so that chroma tiles are whole
_BAND = 4  # rows of tiles that are cut into rectangles together
_GAP = b"\0" * 4  # so many plain tiles side by side part two rectangles: fewer cost less than another call


class Rect(NamedTuple):
    """A part of the frame, in pixels, all even: columns left..right, rows top..bottom, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Grid:
    """How a frame of `size` (width, height) is cut.

    `scale` frame pixels make one working pixel, `TILE` x `TILE` of these one tile. Where the frame's sides are
    no multiples of `scale`, the last working pixels stick out of the frame.
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

    def tiles(self, working: Picture) -> Picture:
        """`(down, across)` uint8: above 0 where any of a tile's pixels is 255; `working` is 0 or 255, `(h, w)`."""
        across, down = self.counts
        h, w = working.shape
        if (w, h) != (across * TILE, down * TILE):
            below, right = down * TILE - h, across * TILE - w
            working = np.asarray(cv2.copyMakeBorder(working, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        return np.asarray(cv2.resize(working, (across, down), interpolation=cv2.INTER_AREA), np.uint8)

    def rects(self, tiles: Picture) -> list[Rect]:
        """Rectangles of whole tiles, cut to the frame, that together hold every tile above 0; none overlap."""
        (width, height), side = self.size, self.side
        found: list[Rect] = []
        for first in range(0, len(tiles), _BAND):
            band = tiles[first : first + _BAND]
            columns = band.max(axis=0).tobytes()
            top, bottom = first * side, min((first + len(band)) * side, height)
            end = 0
            while len(rest := columns[end:].lstrip(b"\0")):
                start = len(columns) - len(rest)
                run = rest.partition(_GAP)[0].rstrip(b"\0")
                end = start + len(run)
                found.append(Rect(start * side, top, min(end * side, width), bottom))
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
        count = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < count or array.dtype != dtype:
            array = self._arrays[name] = np.empty(count + count // 4, dtype)
        return array[:count].reshape(shape)
