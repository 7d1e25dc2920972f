"""Labelled photographs as a clip: each stands before the camera for a few frames, then the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame
from edge_bg.lab.clips import Clip, Shot
from edge_bg.lab.data import Item

STAND = 6  # frames a photograph stands: framing has found the person by then; figures are taken on the last


@dataclass
class Album(Clip):
    """A clip of `items`, each brought to the frame's height (or width, if that is what fits) and put in its middle.

    What the photograph does not cover is its own border columns, blurred, as television fills a frame; the label as it
    was drawn, hard, is the truth. The camera adds its noise. `room` and `actors` play no part.
    """

    items: Sequence[Item] = ()

    def __iter__(self) -> Iterator[Shot]:
        grain = self.grain()
        for number in range(-(-self.frames // STAND)):
            picture, truth = self._put(self.items[number])
            nothing = np.zeros(truth.shape, bool)
            share = truth[..., None].astype(np.float32) / np.float32(255)
            for index in range(number * STAND, min(self.frames, (number + 1) * STAND)):
                frame = Frame(self.expose(picture, index, grain), index / self.fps, index, truth=truth)
                first, last = index % STAND == 0, index % STAND == STAND - 1
                yield Shot(frame, truth, nothing, nothing, picture * share, cut=first, counted=last)

    def costly(self, shot: Shot) -> bool:
        """In every frame that counts: there are few."""
        return shot.counted

    def _put(self, item: Item) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """(BGR float32 (H, W, 3), truth uint8 (H, W)) of one photograph in the frame."""
        bgr, label = item.read()
        width, height = self.size
        scale = min(width / bgr.shape[1], height / bgr.shape[0])
        w, h = min(width, round(bgr.shape[1] * scale)), min(height, round(bgr.shape[0] * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        shown = cv2.resize(bgr, (w, h), interpolation=how)
        drawn = np.where(cv2.resize(label, (w, h), interpolation=how) >= 128, np.uint8(255), np.uint8(0))
        left, top = (width - w) // 2, (height - h) // 2
        sides = (top, height - h - top, left, width - w - left)
        picture: Any = cv2.blur(cv2.copyMakeBorder(shown, *sides, cv2.BORDER_REPLICATE), (41, 41))
        picture[top : top + h, left : left + w] = shown
        truth = cv2.copyMakeBorder(drawn, *sides, cv2.BORDER_CONSTANT, value=0)
        return picture.astype(np.float32), np.asarray(truth, np.uint8)
