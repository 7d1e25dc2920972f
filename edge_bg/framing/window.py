"""The part of the frame the network looks at: planned around people, kept while it fits, pasted back.

Measured on people pasted into rooms at 10 to 80 % of the frame's height: the tighter the look, the better, and
squashing does not matter. A standing person gains more from a look of half their height's width, stretched to
the network's 16:9, than from one of the network's own aspect (IoU 0.91 against 0.80 at 10 to 16 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from edge_bg.frame import Picture, Size
from edge_bg.frame.tiles import Grid
from edge_bg.network.tensors import Region

_NARROWEST = 0.5  # width over height; measured down to here
_WIDEST = 16 / 9  # squashing the other way was not measured, and nobody is that wide
_FAR = 2.5  # times smaller: up to here interpolation does not skip much of a mask
_STEP = 2  # cells: two are an even number of pixels wherever one is whole
_PAYS = 0.7  # of the frame's area: a closer look has to be smaller than this
_LOOSE = 1.6  # times the best side: a look may be so much larger than planned anew
_TIGHT = 0.35  # of the margin has to be left
_APART = 0.6  # of a shared look: if the looks at each cover less, they are taken in turn
_TOGETHER = 0.75  # of it: if they cover more, one does again
_SHARED = 0.25  # of the smaller of two boxes is a good part
_NEAR = 0.4  # of the frame: who needs a larger look is near by, and is looked at in every frame


class Box(NamedTuple):
    """A part of the frame in cells of the canvas: columns left..right, rows top..bottom, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """(width, height)."""
        return self.right - self.left, self.bottom - self.top

    @property
    def area(self) -> int:
        """In cells."""
        return (self.right - self.left) * (self.bottom - self.top)

    def holds(self, other: Box) -> bool:
        """Whether all of `other` lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def join(self, other: Box | None) -> Box:
        """The smallest box around both."""
        if other is None:
            return self
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def meets(self, other: Box) -> bool:
        """Whether the two share a cell."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def shares(self, other: Box) -> bool:
        """Whether a good part of one of the two lies in the other."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide > 0 and high > 0 and wide * high >= _SHARED * min(self.area, other.area)

    @property
    def cut(self) -> tuple[slice, slice]:
        """Index into an array of the canvas's size."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Canvas:
    """Masks of whole frames of `size` (width, height) are drawn in `cells` (across, down), about 256x144 of them: twice
    as many each way as the matte works with.

    Twice as fine a canvas was measured and left out: after the matte IoU rises by 0.002 to 0.006, boundary F by 0.03
    for one person near by but falls by 0.05 for two far away, and the matte takes four times as long. Where the cells
    do not divide the frame, a part's edges are off by up to one pixel.
    """

    size: Size
    cells: Size

    @classmethod
    def of(cls, size: Size) -> Canvas:
        """The canvas of frames of `size`."""
        scale = Grid.of(size).scale // 2
        return cls(size, (max(_STEP, round(size[0] / scale)), max(_STEP, round(size[1] / scale))))

    @property
    def whole(self) -> Box:
        """All of it."""
        return Box(0, 0, *self.cells)

    def region(self, box: Box) -> Region:
        """`box` in pixels of the frame: x, y, width, height, all even, inside the frame."""
        (width, height), (across, down) = self.size, self.cells
        left, right = (_even(edge * width / across) for edge in (box.left, box.right))
        top, bottom = (_even(edge * height / down) for edge in (box.top, box.bottom))
        left, top = min(left, width - 2), min(top, height - 2)
        return left, top, max(2, right - left), max(2, bottom - top)

    def fit(self, mask: Picture, cells: Size | None = None) -> Picture:
        """A mask at the canvas's size, or at `cells` (width, height); averaged where it shrinks a lot."""
        cells = cells or self.cells
        high, wide = mask.shape
        if (wide, high) == cells:
            return mask
        while wide >= 2 * cells[0] and high >= 2 * cells[1] and not (wide % 2 or high % 2):  # four times as fast
            wide, high = wide // 2, high // 2
            mask = np.asarray(cv2.resize(mask, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
        far = wide > _FAR * cells[0] or high > _FAR * cells[1]
        return np.asarray(cv2.resize(mask, cells, interpolation=cv2.INTER_AREA if far else cv2.INTER_LINEAR), np.uint8)

    def paste(self, mask: Picture, box: Box) -> Picture:
        """A mask of the whole frame, uint8 (h, w) of the canvas: `mask` within `box`, 0 elsewhere."""
        out = np.zeros(self.cells[::-1], np.uint8)
        out[box.cut] = self.fit(mask, box.size)
        return out

    def scaled(self, box: Box, mask: Picture) -> Box:
        """A box in cells of `mask`, of any size, in cells of the canvas."""
        (across, down), (high, wide) = self.cells, mask.shape
        x, y = across / wide, down / high
        return Box(int(box.left * x), int(box.top * y), int(np.ceil(box.right * x)), int(np.ceil(box.bottom * y)))

    def around(self, box: Box, margin: float, shortest: float) -> Box:
        """`box` with `margin` parts of its height around it, no side under `shortest` pixels, inside the canvas."""
        (width, height), (across, down) = self.size, self.cells
        px, py = width / across, height / down  # pixels a cell
        wide, high = box.size[0] * px, box.size[1] * py
        room = margin * max(wide / 2, high)
        wide, high = wide + 2 * room, high + 2 * room
        wide = max(wide, high * _NARROWEST, shortest)
        high = max(high, wide / _WIDEST, shortest)
        left, right = _centred((box.left + box.right) / 2, wide / px, across)
        top, bottom = _centred((box.top + box.bottom) / 2, high / py, down)
        return Box(left, top, right, bottom)


def _even(edge: float) -> int:
    return round(edge / 2) * 2


def _centred(middle: float, length: float, limit: int) -> tuple[int, int]:
    """(start, end) of a stretch about `middle`, on multiples of two cells, shifted to lie within 0..limit."""
    if length >= limit - _STEP:
        return 0, limit
    start = min(max(0.0, middle - length / 2), limit - length)
    low = int(start // _STEP) * _STEP
    high = -(-int(np.ceil(start + length)) // _STEP) * _STEP
    return low, limit if high > limit - _STEP else high


class Window:
    """Where to look next: `box`, or None for the whole frame. It changes seldom, as each change stirs the mask."""

    def __init__(self, canvas: Canvas, margin: float, max_zoom: float) -> None:
        self.canvas = canvas
        self.margin = margin
        self._shortest = min(canvas.size) / max_zoom
        self.box: Box | None = None

    @classmethod
    def like(cls, other: Window) -> Window:
        """A window of the same kind that looks at the whole frame."""
        return cls(other.canvas, other.margin, min(other.canvas.size) / other._shortest)

    def plan(self, people: Box | None) -> None:
        """Frame `people`, a box around all of them; None lets go."""
        if people is None:
            self.box = None
            return
        best = self._best(people)
        if self.box is not None and self._fits(people, best):
            return
        pays = best.area <= _PAYS * self.canvas.whole.area * (1.15 if self.box is not None else 1)
        self.box = best if pays else None

    def apart(self, one: Box, other: Box) -> bool:
        """Whether two people, or groups, had better have a look each, in turn: theirs are small beside a shared one."""
        return self._parts(one, other) < _APART

    def together(self, one: Box, other: Box) -> bool:
        """Whether two who have a look each had better share one."""
        return self._parts(one, other) > _TOGETHER

    def _parts(self, one: Box, other: Box) -> float:
        """How much of a look at both the looks at each would cover."""
        whole, both = self.canvas.whole.area, self._best(one.join(other)).area
        looks = [self._best(each).area for each in (one, other)]
        if max(looks) > _NEAR * whole:
            return 1.0
        return sum(looks) / (both if both <= _PAYS * whole else whole)

    def _best(self, people: Box) -> Box:
        return self.canvas.around(people, self.margin, self._shortest)

    def widen(self) -> None:
        """Somebody reaches over the edge: half as much again, the whole frame if that is most of it."""
        if self.box is not None:
            wider = self.canvas.around(self.box, self.margin + 0.1, self._shortest)
            self.box = wider if wider.area <= _PAYS * self.canvas.whole.area else None

    def touched(self, mask: Picture) -> bool:
        """Whether somebody in `mask`, of the canvas, reaches an edge of the window that is none of the frame's."""
        if self.box is None:
            return False
        part, (across, down) = mask[self.box.cut], self.canvas.cells
        edges: list[Any] = []
        if self.box.left > 0:
            edges.append(part[:, 0])
        if self.box.right < across:
            edges.append(part[:, -1])
        if self.box.top > 0:
            edges.append(part[0])
        if self.box.bottom < down:
            edges.append(part[-1])
        return any(int(edge.max()) > 127 for edge in edges)

    def _fits(self, people: Box, best: Box) -> bool:
        """Whether the window still serves: enough margin left, and not much larger than the best one."""
        assert self.box is not None
        (wide, high), (best_wide, best_high) = self.box.size, best.size
        if wide > _LOOSE * best_wide or high > _LOOSE * best_high:
            return False
        room = round(self.margin * _TIGHT * max(people.size[0] / 2, people.size[1]))
        across, down = self.canvas.cells
        near = Box(
            max(0, people.left - room),
            max(0, people.top - room),
            min(across, people.right + room),
            min(down, people.bottom + room),
        )
        return self.box.holds(near)
