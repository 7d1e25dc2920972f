"""Three networks, one mask: of two that cut out people, a third that knows only what stands out tells whom to believe.

The robust network (`fast`) never fails outright and has coarse edges. The sharp one is right nearly everywhere, or, in
the dark, out of focus or from far away, nearly nowhere. The third one is neither as sure nor as sharp, but it errs in
other places than both. So it has no say in the edges: it votes on the pieces about which the two differ.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]

# Chosen on 200 photographs of every other number, a quarter of them as they are (docs/lab/two-networks.md).
ALIKE = 0.8  # overlap (IoU) of the two from which on the sharp one is believed
VOUCHED = 0.85  # ... or of the sharp one with the third
HEARD = 0.75  # where it is not: overlap of the robust one with the third from which on there is a vote
THICK = 0.016  # of the longer side: a piece is wider than an edge may be off
WHOLE = 0.1  # of the robust one's person: a larger piece is not lost by the third one's word alone


def voted(fast: Mask, sharp: Mask, third: Mask) -> Mask:
    """One mask of three, float32 `(h, w)` in 0..1: `sharp` with its edges, or `fast`, in pieces as `third` decides."""
    trusted = overlap(fast, sharp) >= ALIKE or overlap(sharp, third) >= VOUCHED
    if not trusted and overlap(fast, third) < HEARD:
        return fast
    width = max(3, int(THICK * max(fast.shape))) | 1
    differs = ((fast > 0.5) ^ (sharp > 0.5)).astype(np.uint8)
    pieces: Any = cv2.morphologyEx(differs, cv2.MORPH_OPEN, _disc(width))
    out = np.maximum(sharp, _deep(fast, width)) if trusted else fast
    if not pieces.any():
        return out
    labels: Any = cv2.connectedComponents(pieces)[1]
    flat = labels.ravel()
    size = np.maximum(np.bincount(flat), 1)
    subject = np.bincount(flat, third.ravel()) > 0.5 * size
    if not trusted:  # the sharp one has failed, and whoever the third one does not see has no other witness
        large = size > WHOLE * np.count_nonzero(fast > 0.5)
        subject |= large & (np.bincount(flat, sharp.ravel()) < 0.5 * size)
    subject[0] = False
    kept = subject[labels]
    out = np.asarray(out + _around(kept, width) * (np.maximum(fast, sharp) - out), np.float32)
    return np.asarray(out + _around((labels > 0) & ~kept, width) * (np.minimum(fast, sharp) - out), np.float32)


def _deep(mask: Mask, width: int) -> Mask:
    """`mask` where it is far from its outline: there a slit is no edge, and no piece to vote on."""
    inside: Any = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(mask * np.clip(inside / np.float32(width) - 1, 0, 1), np.float32)


def overlap(one: Mask, two: Mask) -> float:
    """IoU of two masks in 0..1; 0 where both are empty."""
    sure, also = one > 0.5, two > 0.5
    return int((sure & also).sum()) / max(1, int((sure | also).sum()))


def _around(where: NDArray[np.bool_], width: int) -> Mask:
    """1 in pieces that were opened by a disc `width` pixels across, and in all that this took off; soft beyond."""
    grown = cv2.dilate(where.astype(np.uint8), _disc(2 * width - 1))
    return np.asarray(cv2.blur(grown.astype(np.float32), (width, width)), np.float32)


def _disc(across: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across)), np.uint8)
