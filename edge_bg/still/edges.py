"""Two networks, one mask: a fast one says where people are, a sharp one (`portrait`) where their edges run.

The sharp one loses people at times and finds some where nobody is. So it is asked only about the boxes in which the
fast one found somebody, it decides only near the outline that the fast one drew, and where the two do not agree at all
it is not heard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.network.card import ModelCard, models
from edge_bg.network.segment import Segmenter
from edge_bg.still.mask import Box, look, person_boxes

Rgb = NDArray[np.uint8]
Mask = NDArray[np.float32]

MARGIN = 0.06  # about the person's box, as a share of its longer side
REACH = 0.5  # how far from the fast network's outline the sharp one decides: a share of half a body's thickness
AGREED = 0.8  # least IoU of the two in a box for the sharp one to be heard


class Edges:
    """`mask = edges(picture, mask)`: the same mask, its edges drawn by the installed networks for edges.

    Their cards are read at once, a network is opened when a box of its shape comes. For one thread at a time.
    """

    def __init__(self, *, delegates: Sequence[Any] = ("cpu",), threads: int | None = None) -> None:
        self._cards: dict[float, ModelCard] = {}  # by width over height; int8 where there are several
        for card in models():
            shape = card.size[0] / card.size[1]
            if card.use == "edges" and (card.precision == "int8" or shape not in self._cards):
                self._cards[shape] = card
        self._open: dict[float, Segmenter] = {}
        self._how: dict[str, Any] = {"delegates": delegates, "threads": threads}

    def __bool__(self) -> bool:
        """Whether a network for edges is installed at all."""
        return bool(self._cards)

    def __call__(self, picture: Rgb, mask: Mask) -> Mask:
        """float32 (H, W) in 0..1 for RGB uint8 (H, W, 3) and the mask of another network, likewise."""
        out = mask.copy()
        for box in person_boxes(mask, MARGIN) if self._cards else ():
            rows, columns = _within(box, mask.shape)
            sharp = look(picture, box, self._for(box[2] / box[3]), mirror=False)[rows, columns]
            out[rows, columns] = agreed(mask[rows, columns], sharp)
        return out

    def _for(self, shape: float) -> Segmenter:
        """The network whose input is shaped most like a box of this width over height."""
        nearest = min(self._cards, key=lambda own: abs(math.log(own / shape)))
        if nearest not in self._open:
            self._open[nearest] = Segmenter(self._cards[nearest], **self._how)
        return self._open[nearest]

    def close(self) -> None:
        """Let go of the networks; idempotent."""
        while self._open:
            self._open.popitem()[1].close()


def agreed(fast: Mask, sharp: Mask) -> Mask:
    """One mask of two, float32 in 0..1: `sharp` near the outline of `fast`, `fast` elsewhere.

    Near is REACH of the largest distance to the outline within the person. Where the two have less than AGREED in
    common, all of it is `fast`.
    """
    sure, also = fast > 0.5, sharp > 0.5
    common, together = int((sure & also).sum()), int((sure | also).sum())
    if together == 0 or common < AGREED * together:
        return fast
    inside = cv2.distanceTransform(sure.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~sure).astype(np.uint8), cv2.DIST_L2, 3)
    reach = max(2.0, REACH * float(np.max(inside)))
    half = np.float32(reach / 2)  # over the outer half of the reach the one gives way to the other
    core = np.clip((inside - half) / half, 0, 1)
    near = np.clip((np.float32(reach) - outside) / half, 0, 1)
    return np.asarray(np.maximum(sharp * near, fast * core), np.float32)


def _within(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    high, wide = shape
    top, bottom = max(0, int(box[1])), min(high, int(np.ceil(box[1] + box[3])))
    left, right = max(0, int(box[0])), min(wide, int(np.ceil(box[0] + box[2])))
    return slice(top, bottom), slice(left, right)
