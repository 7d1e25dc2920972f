"""How sure a cut-out is, as the overlap (IoU) that it can be expected to have with the truth.

People: the network for edges is asked again, about the mirror image. How much of the finished cut-out it sees there,
and how much of its first answer was neither person nor room, say more of the true IoU than anything else that was tried
(docs/lab/cut-outs.md). Fitted on 121 labelled pictures; on 79 others it missed the true IoU by 0.011 on the mean, with
a rank correlation of 0.61. Where that network is not installed, or not heard, the firm share of the other's mask tells.

Things: a mask is firm where it is wrong, too. What tells is how much of it has the room's colours.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.still.palette import count_of, lab_of, usual
from edge_bg.still.votes import overlap

DOUBTFUL = 0.9
"""Below it a person should look: 1 of 79 pictures of people that it was not chosen on, 5 of 121 others."""
SLOPE, OFFSET = 1.36, -0.356
FIRM, AGAIN, LESS_OF_PEOPLE = 1.22, 0.84, 1.069  # of people: firm share, overlap with the second look, and less for all
HEARD = 0.8  # overlap of a finished cut-out of people with what the network for edges saw, from which on it counts
SIDE = 400  # pixels of the longer side at which colours are counted
SPOT = 9  # pixels across: smaller pieces of a thing with the room's colours are spots of its own
SPOTS = 0.08  # share of it in larger ones, below which nothing is wrong
FINE = 0.91  # confidence then, at least
VAGUE = 0.5  # of what a thing's mask lacks in firmness counts: real ones are often grey at the edge, and right
ALL, LESS = 0.98, 0.62  # of things: with none of the room's colours, and less for all; 0.9 is where 13 % are the room's


def expected_overlap(mask: NDArray[np.float32]) -> float:
    """0 to 1 for the networks' mask, float32 (H, W) in 0..1, before it is fitted to edges; 0 where it shows nothing."""
    return min(max(SLOPE * _firm(mask) + OFFSET, 0.0), 1.0)


def expected_overlap_of_people(
    alpha: NDArray[np.float32], seen: NDArray[np.float32], mirrored: NDArray[np.float32]
) -> float | None:
    """0 to 1 for the finished alpha and what the network for edges saw, in the picture and in its mirror image.

    All are float32 (H, W) in 0..1. None where that network was not heard: in the dark and out of focus it sees next to
    nothing, and says nothing of a cut-out that the other one made.
    """
    if overlap(alpha, seen) < HEARD:
        return None
    return min(max(FIRM * _firm(seen) + AGAIN * overlap(alpha, mirrored) - LESS_OF_PEOPLE, 0.0), 1.0)


def _firm(mask: NDArray[np.float32]) -> float:
    """Share of a mask that is neither grey nor room; 0 where it shows nothing."""
    total = float(mask.sum())
    return 1 - float(np.minimum(mask, 1 - mask).sum()) / total if total >= 1 else 0.0


def expected_overlap_of_thing(picture: NDArray[np.uint8], mask: NDArray[np.float32]) -> float:
    """0 to 1 for RGB uint8 (H, W, 3) and its mask of a thing, float32 (H, W) in 0..1.

    A frame whose inside was taken along looks like a firm mask. But what is inside has the colours of the room: this
    counts the share of the thing that has colours more usual in the room. White on white and glass, which are hard,
    have many of them, too. Fur and spokes have them in spots, which say nothing: a hole is one piece.
    """
    firm = expected_overlap(mask)
    if firm == 0:
        return firm
    scale = min(1.0, SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    kept = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    near = np.ones((7, 7), np.uint8)  # the edge is both
    thing, room = cv2.erode(kept, near) > 0, cv2.dilate(kept, near) == 0
    if not thing.any() or not room.any():
        return firm
    lab = lab_of(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    own, other = usual(lab[thing]), usual(lab[room])
    sure = max(ALL - LESS * float(own[other > own].sum()), 0.0)
    alike: Any = (thing & (count_of(lab, other) > count_of(lab, own))).astype(np.uint8)
    alike = cv2.morphologyEx(alike, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    alike = cv2.morphologyEx(alike, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPOT, SPOT)))
    if float(alike.sum()) < SPOTS * float(kept.sum()):
        sure = max(sure, FINE)
    return min(1 - VAGUE * (1 - firm), sure)
