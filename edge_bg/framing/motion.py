"""What moves, told from sensor noise on a thumbnail of the luma, 64 cells wide."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Frame, Picture, Size, planes
from edge_bg.framing.window import Box
from edge_bg.network.tensors import Region, Shrinker

_ACROSS = 64  # cells over the width of a frame
_NOISE = 5.0  # times the mean change: the largest of 2000 cells of plain noise stays below
_LARGE = 8  # a region over this part of the frame is seen well enough in the frame's small picture
_PARTS = 4  # that are looked at by themselves
_CEILING = 8.0  # levels; a scene of which much moves must not pass for noise


class Motion:
    """Thumbnails and how they differ. A cell averages hundreds of pixels, so that noise of 4 levels leaves 0.2.

    level: change of a cell, in levels, that counts. size: (width, height) of the frames. Changes are measured from
    the thumbnail of the last look, not of the last frame: slow motion adds up until it counts.
    """

    def __init__(self, level: float, size: Size) -> None:
        self.level = level
        self.cells = (_ACROSS, max(2, round(_ACROSS * size[1] / size[0])))
        self._shrink = Shrinker()
        self._last: Picture | None = None

    def thumb(self, frame: Frame, region: Region | None = None) -> Picture:
        """Luma, uint8 `(cells[1], cells[0])`, a new array; of a `region` of the frame, half as many cells each way."""
        luma = planes(frame.small)[0] if frame.small is not None else frame.y
        width, height = self.cells
        if region is not None:
            x, y, wide, high = region
            width, height = width // 2, height // 2
            if frame.small is not None and wide * high * _LARGE < frame.width * frame.height:
                luma = frame.y
            sx, sy = luma.shape[1] / frame.width, luma.shape[0] / frame.height
            luma = luma[int(y * sy) : int((y + high) * sy), int(x * sx) : int((x + wide) * sx)]
            width, height = min(width, luma.shape[1]), min(height, luma.shape[0])
        return self._shrink(luma, np.empty((height, width), np.uint8))

    def changes(self, now: Picture, before: Picture) -> Picture:
        """uint8 of the thumbnail's shape: 255 where something moved between the two, else 0."""
        change: Any = cv2.absdiff(now, before)
        level = max(self.level, min(_CEILING, _NOISE * float(cv2.mean(change)[0])))
        return np.asarray(cv2.threshold(change, level, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def since(self, now: Picture) -> Picture:
        """`changes` since the thumbnail of the last call; nothing at the first."""
        before, self._last = self._last, now
        return self.changes(now, now if before is None else before)

    def within(self, box: Box, cells: Size) -> tuple[slice, slice]:
        """Index of `box`, which is in a canvas of `cells`, into a thumbnail; at least all of it."""
        x, y = self.cells[0] / cells[0], self.cells[1] / cells[1]
        return (
            slice(int(box.top * y), int(np.ceil(box.bottom * y))),
            slice(int(box.left * x), int(np.ceil(box.right * x))),
        )

    def parts(self, changes: Picture, cells: Size) -> list[Box]:
        """Where to look at what moved, in a canvas of `cells`: the box around all of it, then, if it lies apart, the
        box of each part, largest first. Empty where nothing moved."""
        count, labels, table, _ = cv2.connectedComponentsWithStats(cv2.dilate(changes, _NEAR), connectivity=8)
        found = [changes] if count > 1 else []
        if count > 2:
            largest = np.argsort(-table[1:, 4], kind="stable")[:_PARTS]
            found += [np.where(labels == 1 + number, changes, np.uint8(0)) for number in largest]
        boxes = [cv2.boundingRect(each) for each in found]
        x, y = cells[0] / self.cells[0], cells[1] / self.cells[1]
        return [
            Box(int(left * x), int(top * y), int(np.ceil((left + wide) * x)), int(np.ceil((top + high) * y)))
            for left, top, wide, high in boxes
        ]


_NEAR = np.ones((3, 3), np.uint8)  # cells so near one another are one part
