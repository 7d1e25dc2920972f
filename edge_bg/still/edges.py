"""A fast network says where people are, a sharp one (`portrait`) where their edges run.

The sharp one loses people at times and finds some where nobody is. So it is asked only about the boxes in which the
fast one found somebody, and a third network, which knows nothing but what stands out, tells whom to believe: `votes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_bg.matte.agreed import agreed
from edge_bg.network.card import ModelCard, models
from edge_bg.network.segment import Segmenter
from edge_bg.still.mask import Box, look, person_boxes, two_looks
from edge_bg.still.votes import voted

Rgb = NDArray[np.uint8]
Mask = NDArray[np.float32]

MARGIN = 0.06  # about the person's box, as a share of its longer side
AIR = 0.06  # more about it for the third network: what stands out needs something to stand out from
LEAST = 0.3  # of the third network's largest value, below which nothing stands out


class Drawn(NamedTuple):
    """float32 (H, W) in 0..1: the mask of all networks, and what the sharp one saw in its boxes and in their mirror
    images; None where nobody was looked for."""

    mask: Mask
    seen: Mask | None = None
    mirrored: Mask | None = None


class Edges:
    """`mask = edges(picture, mask)`: the same mask, its edges drawn by the installed networks for edges.

    Their cards are read at once, a network is opened when a box of its shape comes. For one thread at a time.

    third: Gives the network for what stands out (`objects`), opened; it is not closed here. None: nobody votes, and the
        sharp network decides near the outline alone (`matte.agreed`).
    """

    def __init__(
        self, third: Callable[[], Segmenter] | None, *, delegates: Sequence[Any] = ("cpu",), threads: int | None = None
    ) -> None:
        self._third = third
        self._cards: dict[float, ModelCard] = {}  # by width over height; int8 where there are several
        found = [card for card in models() if card.use == "edges"]
        largest = max((card.size[0] * card.size[1] for card in found), default=0)
        for card in found:
            shape = card.size[0] / card.size[1]
            if card.size[0] * card.size[1] == largest and (card.precision == "int8" or shape not in self._cards):
                self._cards[shape] = card
        self._open: dict[float, Segmenter] = {}
        self._how: dict[str, Any] = {"delegates": delegates, "threads": threads}

    def __bool__(self) -> bool:
        """Whether a network for edges is installed at all."""
        return bool(self._cards)

    def __call__(self, picture: Rgb, mask: Mask) -> Mask:
        """float32 (H, W) in 0..1 for RGB uint8 (H, W, 3) and the mask of another network, likewise."""
        return self.drawn(picture, mask, twice=False).mask

    def drawn(self, picture: Rgb, mask: Mask, *, twice: bool = True) -> Drawn:
        """The same, with what it is drawn from; `twice` looks at each box's mirror image, too."""
        boxes = person_boxes(mask, MARGIN) if self._cards else []
        out, seen = mask.copy(), np.zeros_like(mask)
        mirrored = np.zeros_like(mask) if twice else None
        for box in boxes:
            at = _within(box, mask.shape)
            network = self._for(box[2] / box[3])
            if mirrored is None:
                sharp = look(picture, box, network, mirror=False)[at]
            else:
                sharp, other = (each[at] for each in two_looks(picture, box, network))
                mirrored[at] = np.maximum(mirrored[at], other)
            if self._third is None:
                out[at] = agreed(mask[at], sharp)
            else:
                out[at] = voted(mask[at], sharp, self._stands_out(picture, box, self._third())[at])
            seen[at] = np.maximum(seen[at], sharp)
        return Drawn(out, seen, mirrored) if boxes else Drawn(out)

    def _stands_out(self, picture: Rgb, box: Box, network: Segmenter) -> Mask:
        """What stands out in and about a box, float32 (H, W) in 0..1: 1 where it does most."""
        x, y, wide, high = box
        air = AIR * max(wide, high)
        left, top = max(0.0, x - air), max(0.0, y - air)
        right, bottom = min(picture.shape[1], x + wide + air), min(picture.shape[0], y + high + air)
        around = (left, top, right - left, bottom - top)
        seen = look(picture, around, network, mirror=False)
        peak = float(seen[_within(around, seen.shape)].max())
        return np.asarray(np.minimum(seen / peak, 1) if peak >= LEAST else np.zeros_like(seen), np.float32)

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


def _within(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    high, wide = shape
    top, bottom = max(0, int(box[1])), min(high, int(np.ceil(box[1] + box[3])))
    left, right = max(0, int(box[0])), min(wide, int(np.ceil(box[0] + box[2])))
    return slice(top, bottom), slice(left, right)
