"""Framing: the network looks at the people instead of at the whole room, and only those who belong are kept.

A person of a fifth of the frame's height is 30 pixels tall to a network of 256x144, and is lost. Once people are
found, the next frames are cropped to them, with a margin, and moved only when they leave it. While nobody is found,
every other frame looks at one part of the room instead of the whole; while someone is, a part is looked at now and
then, and the whole as often, for others who came. So a frame costs one invoke, and one in `look` costs two.

The crop is stretched to the network's input, whatever its shape. That was measured: on a person of 13 % of the
height a crop of the person's own shape gives an IoU of 0.92, one of 16:9 of the same height 0.83, the whole frame 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from edge_bg.frame import Frame, Picture

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame
Keep = Literal["everyone", "largest", "zone"]

_SURE = 127  # a mask above this is a person
_LEAST = 0.0004  # share of the view below which it is a speck
_WORTH = 1.6  # a crop must enlarge by this to be made
_MISSES = 4  # frames without anybody before a crop is given up
_PARTS = [(x / 9, y / 4) for y in (0, 1, 2) for x in (0, 2, 4, 6)]  # corners of parts W / 3 x H / 2


class Looker(Protocol):
    """A segmenter: `(frame, region)` -> uint8 mask of the frame, or of the part `region` of it."""

    def __call__(self, frame: Frame, region: Box | None = None) -> Picture:
        """The mask of `frame`, or of its part `region`."""


@dataclass(frozen=True)
class FramingOptions:
    """What is looked at, and who is kept.

    crop:   look at the people only, once they are found.
    keep:   everyone; the largest person; or those more than half inside `zone`.
    zone:   corners of a polygon, (x, y) in shares of the frame's width and height, 0..1.
    margin: room around the people, as a share of their size, 0.05..1.
    look:   while cropped, one frame in so many also looks at another part of the room, 2..300.
    """

    crop: bool = False
    keep: Keep = "everyone"
    zone: Sequence[tuple[float, float]] = ()
    margin: float = 0.25
    look: int = 8

    def __post_init__(self) -> None:
        if self.keep not in ("everyone", "largest", "zone"):
            raise ValueError(f"framing option keep: {self.keep!r} is none of everyone, largest, zone")
        if (self.keep == "zone") != bool(self.zone):
            raise ValueError("framing options keep: zone and zone: [[x, y], ...] go together")
        if self.zone and (len(self.zone) < 3 or any(not 0 <= v <= 1 for corner in self.zone for v in corner)):
            raise ValueError("framing option zone: wants at least three corners [x, y], each 0..1")
        if not 0.05 <= self.margin <= 1:
            raise ValueError(f"framing option margin: {self.margin} is outside 0.05..1")
        if not 2 <= self.look <= 300:
            raise ValueError(f"framing option look: {self.look} is outside 2..300")


class Framing:
    """A segmenter around a segmenter: `framing(frame)` -> mask of the whole frame, finer where it was cropped.

    The mask is uint8 `(h, w)` over exactly the frame, of the network's size or two or three times that.
    Everything else (`shrink`, `info`, `close` ...) is the inner segmenter's.
    """

    def __init__(self, segmenter: Looker, **options: Any) -> None:
        self.segmenter = segmenter
        self.options = FramingOptions(**options)
        self.region: Box | None = None
        self._found = False
        self._misses = 0
        self._turn = 0
        self._part = 0
        self._kept: Box | None = None  # of the largest, to stay with

    def __getattr__(self, name: str) -> Any:
        return getattr(self.segmenter, name)

    def __enter__(self) -> Framing:
        return self

    def __exit__(self, *_: object) -> None:
        self.segmenter.close()  # type: ignore[attr-defined]

    def __call__(self, frame: Frame, region: Box | None = None) -> Picture:
        """The mask of `frame`; with `region` given, the inner segmenter's mask of that."""
        if region is not None:
            return self.segmenter(frame, region)
        self._turn += 1
        view = self.region
        if view is None and self.options.crop and not self._found and self._turn % 2 == 0:
            view = self._next_part(frame)
        mask = self.segmenter(frame, view)
        whole: Box = (0, 0, frame.width, frame.height)
        mask, box = self._choose(mask, view or whole, frame)
        others = None
        if self.options.crop:
            if self.region is not None and self._turn % self.options.look == 0:
                others = self._look_elsewhere(frame)
            self._aim(frame, box, others)
        return mask if view is None else _paste(mask, view, frame)

    # --- where to look -------------------------------------------------------------------------------

    def _next_part(self, frame: Frame) -> Box:
        x, y = _PARTS[self._part % len(_PARTS)]
        self._part += 1
        return _even((int(x * frame.width), int(y * frame.height), frame.width // 3, frame.height // 2), frame)

    def _look_elsewhere(self, frame: Frame) -> Box | None:
        """Someone in the whole of the room and in its next part, by turns."""
        view = self._next_part(frame) if self._turn // self.options.look % 2 else None
        mask = self.segmenter(frame, view)
        return self._choose(mask, view or (0, 0, frame.width, frame.height), frame, remember=False)[1]

    def _aim(self, frame: Frame, box: Box | None, others: Box | None) -> None:
        """Decide what the next frame looks at."""
        if box is None:
            self._misses += 1
            if self._misses >= _MISSES or self.region is None:
                self.region, self._found = None, False
            return
        self._misses, self._found = 0, True
        if others is not None:
            box = _union(box, others)
        wanted = _grow(box, self.options.margin, frame)
        if min(frame.width / wanted[2], frame.height / wanted[3]) < _WORTH and (
            frame.width * frame.height < _WORTH * _WORTH * wanted[2] * wanted[3]
        ):
            self.region = None
        elif (
            self.region is None
            or not _inside(_grow(box, self.options.margin / 3, frame), self.region)
            or self.region[2] * self.region[3] > 2.2 * wanted[2] * wanted[3]
        ):
            self.region = wanted

    # --- whom to keep --------------------------------------------------------------------------------

    def _choose(self, mask: Picture, view: Box, frame: Frame, *, remember: bool = True) -> tuple[Picture, Box | None]:
        """(`mask` with only those who are kept, the box around them in pixels of the frame)."""
        sure: Any = cv2.compare(mask, _SURE, cv2.CMP_GT)  # type: ignore[call-overload]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(sure)
        people = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= _LEAST * mask.size]
        if self.options.keep == "zone":
            people = self._in_zone(people, labels, stats, view, frame)
        elif self.options.keep == "largest" and people:
            people = [self._largest(people, stats, view, mask, remember)]
        if not people:
            return np.zeros_like(mask), None
        boxes = [_to_frame(stats[i, :4], view, mask) for i in people]
        if len(people) < count - 1:
            wanted = np.zeros(count, np.uint8)
            wanted[people] = 255
            near: Any = cv2.dilate(wanted[labels], _NEAR)
            mask = np.asarray(cv2.min(mask, near), np.uint8)
        return mask, _union(*boxes)

    def _largest(self, people: list[int], stats: Any, view: Box, mask: Picture, remember: bool) -> int:
        """The largest, but rather whoever was kept last unless another is half as large again."""
        areas = {i: int(stats[i, cv2.CC_STAT_AREA]) for i in people}
        best = max(people, key=lambda i: areas[i])
        if self._kept is not None:
            same = max(people, key=lambda i: _overlap(_to_frame(stats[i, :4], view, mask), self._kept))
            if _overlap(_to_frame(stats[same, :4], view, mask), self._kept) and areas[same] * 1.5 > areas[best]:
                best = same
        if remember:
            self._kept = _to_frame(stats[best, :4], view, mask)
        return best

    def _in_zone(self, people: list[int], labels: Any, stats: Any, view: Box, frame: Frame) -> list[int]:
        zone = np.zeros(labels.shape, np.uint8)
        h, w = labels.shape
        scale = np.array([frame.width, frame.height]) * np.array([w / view[2], h / view[3]])
        corners = np.array(self.options.zone) * scale - np.array(view[:2]) * np.array([w / view[2], h / view[3]])
        cv2.fillPoly(zone, [np.rint(corners).astype(np.int32)], 1)
        inside = np.bincount(labels[zone > 0], minlength=len(stats))
        return [i for i in people if 2 * inside[i] > stats[i, cv2.CC_STAT_AREA]]


def _paste(mask: Picture, view: Box, frame: Frame) -> Picture:
    """A mask of the whole frame with `mask` where `view` is; finer than the network's own where it looked closely."""
    zoom = min(frame.width / view[2], frame.height / view[3])
    finer = 1 if zoom < 1.5 else 2 if zoom < 3 else 3
    h, w = mask.shape[0] * finer, mask.shape[1] * finer
    left, right = (round(x * w / frame.width) for x in (view[0], view[0] + view[2]))
    top, bottom = (round(y * h / frame.height) for y in (view[1], view[1] + view[3]))
    full = np.zeros((h, w), np.uint8)
    size = (max(1, right - left), max(1, bottom - top))
    shrinks = size[0] < mask.shape[1] or size[1] < mask.shape[0]
    full[top : top + size[1], left : left + size[0]] = cv2.resize(
        mask, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return full


def _to_frame(box: Any, view: Box, mask: Picture) -> Box:
    """A box in a mask of `view`, in pixels of the frame."""
    sx, sy = view[2] / mask.shape[1], view[3] / mask.shape[0]
    x, y, w, h = (int(v) for v in box)
    return round(view[0] + x * sx), round(view[1] + y * sy), max(1, round(w * sx)), max(1, round(h * sy))


def _grow(box: Box, share: float, frame: Frame) -> Box:
    """`box` with a margin of `share` of its larger side (half of it across), even, within the frame."""
    x, y, w, h = box
    across, down = int(share * (w + max(w, h)) / 2), int(share * max(w, h))
    return _even((x - across, y - down, w + 2 * across, h + 2 * down), frame)


def _even(box: Box, frame: Frame) -> Box:
    x, y, w, h = box
    left, top = max(0, x) // 2 * 2, max(0, y) // 2 * 2
    right, bottom = min(frame.width, x + w + 1) // 2 * 2, min(frame.height, y + h + 1) // 2 * 2
    return left, top, max(2, right - left), max(2, bottom - top)


def _union(*boxes: Box) -> Box:
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    return left, top, max(b[0] + b[2] for b in boxes) - left, max(b[1] + b[3] for b in boxes) - top


def _inside(box: Box, other: Box) -> bool:
    return _union(box, other) == other


def _overlap(box: Box, other: Box | None) -> int:
    """Pixels that two boxes share."""
    if other is None:
        return 0
    across = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    down = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    return max(0, across) * max(0, down)


_NEAR = np.ones((9, 9), np.uint8)
