"""Which parts of an alpha are soft, so that the costly work is done there and nowhere else.

Most of a matte is plain: 0 over the room, 255 inside the person. Only a band along the outline, a sixth of the
picture or less, needs interpolation and blending. A `Grid` relates the frame to the small working picture the
matte computes on; `SoftAlpha` is an alpha420 that also knows where it is soft.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame.i420 import I420, Picture, Size, check_size, planes

WORKING_PIXELS = 128 * 72  # pixels in which a frame is looked at for where it is soft
TILE = 2  # side of a tile in working pixels
_BAND = 8  # rows of tiles that are cut into rectangles together
_WORTH = 32  # tiles that cost as much as the calls for another rectangle
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

    `scale` frame pixels, an even number, make one working pixel, `TILE` x `TILE` of these one tile. Where the
    frame's sides are no multiples of a tile, the last tiles stick out of it; `padded` is what they cover.
    """

    size: Size
    scale: int

    @classmethod
    def of(cls, size: Size, pixels: int = WORKING_PIXELS) -> Grid:
        """The grid whose working picture has about `pixels` pixels; a scale that divides both sides wins."""
        w, h = check_size(size)
        near = max(2, 2 * round(math.sqrt(w * h / pixels) / 2))
        fits = [s for s in range(max(2, near - 2), near + 4, 2) if w % s == 0 and h % s == 0]
        return cls(size, min(fits, key=lambda s: abs(s - near)) if fits else near)

    @cached_property
    def side(self) -> int:
        """Side of a tile in frame pixels; even."""
        return TILE * self.scale

    @cached_property
    def counts(self) -> Size:
        """Tiles across and down."""
        return -(-self.size[0] // self.side), -(-self.size[1] // self.side)

    @cached_property
    def working(self) -> Size:
        """(width, height) of the working picture: whole tiles."""
        return self.counts[0] * TILE, self.counts[1] * TILE

    @cached_property
    def padded(self) -> Size:
        """(width, height) of the frame with the last tiles whole."""
        return self.counts[0] * self.side, self.counts[1] * self.side

    def shares(self, working: Picture) -> Picture:
        """`(down, across)` uint8: the mean of each tile of `working`, `(h, w)` uint8; above 0 if one pixel is 255."""
        return np.asarray(cv2.resize(working, self.counts, interpolation=cv2.INTER_AREA), np.uint8)

    def cut(self, soft: Picture, person: Picture) -> tuple[list[Rect], list[Rect]]:
        """(soft, solid): few rectangles of whole tiles, cut to the frame, none over another; around them is only room.

        soft:   `(down, across)` uint8, above 0 where a tile is soft; every such tile is in a soft rectangle.
        person: likewise, 1 where a tile that is not soft is person, else 0; it is in a solid or a soft rectangle.

        Runs of tiles along bands of rows, from the first that is not all room, are joined with the rectangle above
        while that adds less area than another rectangle is worth.
        """
        _, first, _, high = cv2.boundingRect(cv2.bitwise_or(soft, person))
        if not high:
            return [], []
        # What there is in each column of a band: 1 room, 2 person, 4 soft. The last row as often as it takes.
        kinds = np.bitwise_or(person + np.uint8(1), cv2.threshold(soft, 0, 4, cv2.THRESH_BINARY)[1])
        rows = np.minimum(np.arange(first, first - (-high // _BAND) * _BAND), first + high - 1)
        kinds = np.bitwise_or.reduce(kinds.take(rows, axis=0).reshape(-1, _BAND, kinds.shape[1]), axis=1)
        # A column that is neither room nor person all the way down is as good as soft.
        mixed, inside = kinds > 2, kinds == 2
        found: list[list[Rect]] = [[] for _ in mixed]
        for run in _runs(mixed, _GAP):
            found[run.top].append(run)
        done: list[Rect] = []
        open_: list[Rect] = []  # reaching down to the last band; rows are bands until the end
        for band, runs in enumerate(found):
            joined = _join(open_, runs) if open_ else runs
            done += [rect for rect in open_ if rect.bottom <= band]
            open_ = joined
        done += open_
        for left, top, right, bottom in done:
            inside[top:bottom, left:right] = 0
        solid: list[Rect] = []
        for run in _runs(inside, b"\0"):
            if solid and solid[-1][::2] == run[::2] and solid[-1].bottom == run.top:
                run = Rect(run.left, solid.pop().top, run.right, run.bottom)
            solid.append(run)
        return self._in_pixels(done, first), self._in_pixels(solid, first)

    def _in_pixels(self, rects: list[Rect], first: int) -> list[Rect]:
        """Rectangles in pixels of the frame, from columns of tiles and bands, the first of which is at row `first`."""
        (width, height), side = self.size, self.side
        above, band = first * side, _BAND * side
        return [
            Rect(left * side, above + top * band, min(right * side, width), min(above + bottom * band, height))
            for left, top, right, bottom in rects
        ]


def _runs(bands: NDArray[Any], gap: bytes) -> Iterator[Rect]:
    """The runs of ones in each of `bands`, rows of 0 and 1 in bytes; runs that are nearer than `gap` are one."""
    height, width = bands.shape
    pitch = width + len(gap)
    lines = np.zeros((height, pitch), np.uint8)
    lines[:, :width] = bands
    line = lines.tobytes()
    start = line.find(1)
    while start >= 0:
        end = line.find(gap, start)
        band, left = divmod(start, pitch)
        yield Rect(left, band, left + end - start, band + 1)
        start = line.find(1, end)


def _join(above: list[Rect], found: list[Rect]) -> list[Rect]:
    """`found`, each rectangle grown upwards over one of `above` where that pays; what was used leaves `above`."""
    joined: list[Rect] = []
    for rect in found:
        for other in above:
            left, right = min(rect.left, other.left), max(rect.right, other.right)
            wide, tall = right - left, rect.bottom - other.top
            added = wide * tall - (rect.right - rect.left) - (other.right - other.left) * (tall - 1)
            if added * _BAND > _WORTH:
                continue
            if all(
                right <= r.left or r.right <= left
                for r in (*above, *found, *joined)
                if r is not rect and r is not other
            ):
                above.remove(other)
                rect = Rect(left, other.top, right, rect.bottom)
                break
        joined.append(rect)
    return joined


Behind = tuple[Sequence[Picture], Sequence[Picture]]


class SoftAlpha(np.ndarray[Any, np.dtype[np.uint8]]):
    """An alpha420 array that carries `soft` and `solid`, parts of the frame, none over another.

    Outside of the soft parts alpha is 255 in the solid ones and else 0. `room` is what is behind the soft parts, where
    that is known: three uint8 planes at half the frame's size, whole tiles, and for each a table of 256 levels that
    brings it into the light of the frame; valid until the next alpha. Views and copies are plain in this respect:
    their `soft` is None, which means "look at every pixel".
    """

    soft: list[Rect] | None = None
    solid: list[Rect] | None = None
    room: Behind | None = None


def with_soft(alpha420: I420, soft: list[Rect], solid: list[Rect], room: Behind | None = None) -> SoftAlpha:
    """A view of `alpha420` that knows its soft and its solid parts, and the room behind them where that is known."""
    view = alpha420.view(SoftAlpha)
    view.soft, view.solid, view.room = soft, solid, room
    return view


def soft_parts(alpha420: I420) -> tuple[list[Rect], list[Rect]] | None:
    """(soft parts, solid parts) as `alpha420` knows them, or None when it knows nothing."""
    soft, solid = getattr(alpha420, "soft", None), getattr(alpha420, "solid", None)
    return None if soft is None or solid is None else (soft, solid)


def clip(alpha420: I420, clear: Picture) -> I420:
    """`alpha420` where the picture itself, `clear` `(H, W)`, is opaque, in place: never more than that is.

    What was solid counts as soft afterwards.
    """
    y, u, v = planes(np.asarray(alpha420))
    cv2.min(y, clear, dst=y)
    half = cv2.resize(clear, u.shape[::-1], interpolation=cv2.INTER_AREA)
    for plane in (u, v):
        cv2.min(plane, half, dst=plane)
    known = soft_parts(alpha420)
    return alpha420 if known is None else with_soft(np.asarray(alpha420), known[0] + known[1], [])


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
