"""One mask of two networks': a robust one says where people are, a sharp one where their edges run.

The sharp one loses people at times and finds some where nobody is. So it decides only near the outline that the robust
one drew, and of somebody about whom the two do not agree at all it is not heard. On a live picture it may also lose a
head before book shelves: a piece too thick to be an edge comes back where the robust one was sure of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]

REACH = 0.5  # how far from the robust network's outline the sharp one decides: a share of half a body's thickness
AGREED = 0.8  # least IoU of the two for the sharp one to be heard
SURE = 0.9  # mean of the robust network's mask over a piece from which on nobody takes it away
THICK = 5  # pixels across from which on a piece is none of the edge


def agreed(fast: Mask, sharp: Mask, least: float = AGREED, share: float = REACH) -> Mask:
    """One mask of two, float32 in 0..1: `sharp` near the outline of `fast`, `fast` elsewhere.

    Near is `share` of the largest distance to the outline within the person. Where the two have less than `least` in
    common (IoU), all of it is `fast`.
    """
    sure, also = fast > 0.5, sharp > 0.5
    common, together = int((sure & also).sum()), int((sure | also).sum())
    if together == 0 or common < least * together:
        return fast
    inside = cv2.distanceTransform(sure.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~sure).astype(np.uint8), cv2.DIST_L2, 3)
    reach = max(2.0, share * float(np.max(inside)))
    half = np.float32(reach / 2)  # over the outer half of the reach the one gives way to the other
    core = np.clip((inside - half) / half, 0, 1)
    near = np.clip((np.float32(reach) - outside) / half, 0, 1)
    return np.asarray(np.maximum(sharp * near, fast * core), np.float32)


def agreed_each(fast: Mask, sharp: Mask, least: float, share: float, finer: int = 1) -> Mask:
    """The same of masks of some 256x144, asked of each body apart, and without pieces lost (`given_back`).

    finer: masks have so many times as many pixels each way.
    """
    sharp = given_back(fast, sharp, finer)
    either = np.asarray((fast > 0.5) | (sharp > 0.5), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(either, connectivity=4)
    if count <= 2:
        return agreed(fast, sharp, least, share)
    out = fast.copy()
    for label in range(1, count):
        x, y, wide, high, area = (int(n) for n in stats[label])
        if area < _SPECK * finer * finer:
            continue
        room = _MARGIN * finer
        cut = np.s_[max(0, y - room) : y + high + room, max(0, x - room) : x + wide + room]
        others = (labels[cut] != label) & (labels[cut] != 0)
        one, two = (np.where(others, np.float32(0), mask[cut]) for mask in (fast, sharp))
        out[cut] = np.where(others, out[cut], agreed(one, two, least, share))
    return out


def given_back(fast: Mask, sharp: Mask, finer: int = 1) -> Mask:
    """`sharp`, with the pieces of `fast` that it lost, are THICK pixels across, and of which `fast` was SURE."""
    thick = (THICK - 1) * finer + 1  # odd, so that a disc has a middle
    lost = np.asarray((fast > 0.5) & (sharp <= 0.5), np.uint8)
    pieces = cv2.morphologyEx(lost, cv2.MORPH_OPEN, _disc(thick))
    count, labels = cv2.connectedComponents(pieces)
    back = np.zeros_like(lost)
    for label in range(1, count):
        piece = labels == label
        if fast[piece].mean() > SURE:
            back[piece] = 1
    if not back.any():
        return sharp
    weight = cv2.blur(cv2.dilate(back, _disc(2 * thick - 1)).astype(np.float32), (thick, thick))
    return np.asarray(sharp + weight * np.maximum(fast - sharp, 0), np.float32)


def _disc(across: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across)), np.uint8)


_SPECK = 30  # pixels of the mask: less is nobody
_MARGIN = 8  # pixels of room around a body that belong to it
