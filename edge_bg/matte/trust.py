"""Who is there, what belongs to them, and whether a room fits what is seen of it: questions to small pictures.

All are uint8 `(h, w)` at working size.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.masks import above
from edge_bg.matte.room import Room

MOVED = 24  # levels by which a pixel changes where something moves
STIRRED = 8  # ... where somebody breathes, if the walls change less
_SHOWN = 0.3  # share of somebody that has to differ from the room
WIDE = np.ones((5, 5), np.uint8)
REACH = np.ones((9, 9), np.uint8)
FAR = np.ones((17, 17), np.uint8)
_SURPLUS = 0.2  # what an edge that people hide beyond the wall they hide counts beside one that is out of place


def fit(room: Room, mask: Picture, evidence: Picture, empty: Any) -> tuple[float, float]:
    """The `figures` of a room against what the network calls empty."""
    odd = above(evidence, 127)
    empty = cv2.subtract(empty, room.unseen)
    # Of little that is empty a guest in it whom the network misses would be most.
    share = cv2.countNonZero(cv2.bitwise_and(odd, empty)) / max(1, cv2.countNonZero(empty), empty.size // 2)
    things = above(attached(evidence, near_to(mask)), 127)
    seen = cv2.subtract(empty, cv2.dilate(things, WIDE))  # what people hold hides the room's edges
    broken = _part(room.lighter, cv2.bitwise_and(room.edges, seen))
    edges = cv2.bitwise_and(room.edges, empty)
    if cv2.countNonZero(edges) > mask.size // 8:  # it hides the plain wall as well, else it is the room out of place
        broken = max(broken, _SURPLUS * (_part(things, edges) - _part(things, cv2.subtract(empty, edges))))
    return share, broken


def _part(plane: Any, where: Any) -> float:
    """The share of `where` in which `plane` is not 0 either; 0 where that is too little to tell."""
    size = cv2.countNonZero(where)
    return cv2.countNonZero(cv2.bitwise_and(plane, where)) / size if size > 50 else 0.0


def good(figures: tuple[float, float]) -> bool:
    """Whether a room that was out of place fits again."""
    return figures[0] < 0.1 and figures[1] < 0.05


def nobody(mask: Picture) -> bool:
    """Whether nobody is there. Some rooms hold specks that the network half takes for people for ever; somebody far
    away is larger than these or surer."""
    return (
        cv2.countNonZero(above(mask, 200)) <= mask.size // 2000
        and cv2.countNonZero(above(mask, 128)) < mask.size // 150
    )


def believed(mask: Picture, differs: Any) -> Picture:
    """`mask` without the people whom hardly anything shows: the room is seen in most of where they would be.

    At times a network takes half of a patterned wall for people, for a frame or two. differs: uint8 (h, w), not 0 where
    the room does not show, or nothing can be told. Somebody in clothes of the wall's colours has a face, and hands.
    """
    count, labels = cv2.connectedComponents(above(mask, 64), connectivity=8, ltype=cv2.CV_16U)
    if count == 1:
        return mask
    flat = labels.reshape(-1)
    size = np.bincount(flat, minlength=count)
    shown = np.bincount(flat, weights=np.asarray(differs).reshape(-1) > 0, minlength=count)
    thin = (shown < _SHOWN * size).astype(np.uint8) * np.uint8(255)
    thin[0] = 0
    if not thin.any():
        return mask
    return np.asarray(cv2.subtract(mask, cv2.bitwise_and(thin[labels], cv2.bitwise_not(differs))), np.uint8)


def stirred(moved: Any, mask: Picture) -> bool:
    """Whether anything moved, or somebody stirred more than the walls flicker. moved: uint8 (h, w), in levels."""
    if moved.max() > MOVED:
        return True
    somebody = cv2.dilate(above(mask, 40), REACH) > 0
    walls = moved[~somebody]
    bound = max(STIRRED, float(np.percentile(walls, 99))) if walls.size else STIRRED
    return bool((moved[somebody] > bound).any())


def near_to(mask: Picture) -> Any:
    """uint8 (h, w), not 0 where somebody is or could reach."""
    return cv2.dilate(above(mask, 64), REACH)


def attached(evidence: Picture, near: Any) -> Picture:
    """`evidence` but for pieces that `near` does not touch: nobody holds these."""
    count, labels = cv2.connectedComponents(above(evidence, 64), connectivity=8, ltype=cv2.CV_16U)
    held = np.zeros(count, np.uint8)
    held[np.unique(labels[near > 0])] = 255
    held[0] = 255
    return np.asarray(cv2.min(evidence, held[labels]), np.uint8)
