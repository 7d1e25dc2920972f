"""Where the subject is when it need not be a person: what stands out, and whether people are what is meant."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_bg.network.segment import Segmenter
from edge_bg.still.mask import Mask, look, person_boxes

Subject = Literal["auto", "people", "anything"]

LEAST = 0.3  # of the largest value of the first look, below which nothing stands out
MARGIN = 0.12  # about what stands out, for the closer look, as a share of its longer side
SMALL = 0.6  # of the picture: what fills more of it gets no closer look
MEANT = 0.7  # overlap (IoU) of people with what stands out, from which people are meant; see docs/lab/cut-outs.md


def things_mask(picture: NDArray[np.uint8], segmenter: Segmenter) -> Mask:
    """float32 (H, W) in 0..1 for RGB uint8 (H, W, 3): 1 = what stands out.

    Two looks, each averaged with its mirror image: at the whole, and closer at what stood out; the closer one draws the
    edge, the first one says what is meant.
    """
    high, wide = picture.shape[:2]
    first = look(picture, (0, 0, wide, high), segmenter)
    peak = float(first.max())
    if peak < LEAST:
        return np.zeros_like(first)
    first /= np.float32(peak)  # as the network's authors stretch it
    boxes = person_boxes(first, MARGIN)
    if not boxes:
        return first
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    if (right - left) * (bottom - top) > SMALL * wide * high:
        return first
    closer = look(picture, (left, top, right - left, bottom - top), segmenter)
    inside = np.s_[round(top) : round(bottom), round(left) : round(right)]
    out = np.zeros_like(first)
    out[inside] = (first[inside] + closer[inside] / np.float32(max(float(closer[inside].max()), LEAST))) / 2
    return out


def people_are_meant(people: Mask, things: Mask) -> bool:
    """Whether what stands out is the people, neither more nor less; masks as `coarse_mask` and `things_mask` give them.

    A network that knows nothing but people takes a cat for one, but not in the cat's outline.
    """
    if float(things.sum()) < 1:
        return float(people.sum()) >= 1
    both, either = np.minimum(people, things).sum(), np.maximum(people, things).sum()
    return float(both) >= MEANT * float(either)
