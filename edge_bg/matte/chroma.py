"""Chroma key, for booths with a green or blue wall, joined with the network's mask.

The key is measured in the plane of U and V: how far a pixel lies along the wall's hue, less how far it lies off it
(P. Vlahos' colour difference, US patent 3,158,477, 1964, in polar form). What is not wall is foreground, whoever holds
it; what has the wall's colour is kept only inside of what the network takes for people, and somewhere is sure of: a
green shirt stays. Beside the wall the network is alone: what is no wall there is the room.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture, yuv_of

_FOLLOW = 0.05  # how fast the wall's colour follows the light
_LEAST = 18.0  # chroma, in levels, below which there is no coloured wall
_SURE = 200  # mask above which there is somebody
_PIECE = 0.02  # of the picture: a smaller piece of the wall's colour may be a plant beside it


class ChromaKey:
    """mask + small picture -> mask without the wall.

    color:     (R, G, B) of the wall, or None to find it: the colour of most of what the network calls room, unless
               that is warm, as skin is.
    tolerance: 0..1, how much of the wall's own unevenness is forgiven.
    """

    def __init__(self, color: tuple[int, int, int] | None = None, tolerance: float = 0.5) -> None:
        self.tolerance = tolerance
        self.wall: tuple[float, float] | None = None  # (U, V) about 0
        if color is not None:
            _, u, v = yuv_of(color)
            self.wall = (u - 128.0, v - 128.0)

    def __call__(self, mask: Picture, colour: Picture) -> Picture:
        """The joined mask; `mask` as it is while no coloured wall was found.

        mask: `(h, w)` uint8. colour: `(h, w, 3)` uint8, Y U V.
        """
        chroma: Any = colour[..., 1:].astype(np.float32) - 128
        self._find(mask, chroma)
        if self.wall is None:
            return mask
        strength = math.hypot(*self.wall)
        along = (chroma[..., 0] * self.wall[0] + chroma[..., 1] * self.wall[1]) / strength
        across = np.abs(chroma[..., 0] * self.wall[1] - chroma[..., 1] * self.wall[0]) / strength
        # 1 on the wall as it is, 0 where a pixel has nothing of its hue; in shadows the wall's chroma is less.
        keyed: Any = (along - across * (2.0 - self.tolerance)) / strength
        low, high = 0.15, 0.75 - 0.4 * self.tolerance
        other: Any = cv2.convertScaleAbs(np.clip((high - keyed) / (high - low), 0, 1), alpha=255)
        joined: Any = cv2.max(other, cv2.erode(_people(mask), _RIM))
        return np.asarray(cv2.copyTo(joined, _screen(other), mask.copy()), np.uint8)

    def _find(self, mask: Picture, chroma: Any) -> None:
        """Follow the wall's colour where the network sees room and the colour is near the wall's."""
        room = cv2.dilate(mask, _BESIDE)[::2, ::2] < 64
        there = chroma[::2, ::2][room]
        if self.wall is not None and len(there):
            near = np.abs(there - np.array(self.wall, np.float32)).sum(axis=1) < 0.6 * math.hypot(*self.wall) + 8
            there = there[near]
        if len(there) < 100:
            return
        u, v = (float(x) for x in np.median(there, axis=0))
        if math.hypot(u, v) < _LEAST:
            return
        if self.wall is None:
            even = np.mean(np.abs(there - np.array((u, v), np.float32)).sum(axis=1) < 24) >= 0.6
            if not even or (v >= 0 and v > u):  # skin has such a hue
                return
        if self.wall is None:
            self.wall = (u, v)
        else:
            self.wall = (self.wall[0] + _FOLLOW * (u - self.wall[0]), self.wall[1] + _FOLLOW * (v - self.wall[1]))


def _people(mask: Picture) -> Any:
    """uint8 (h, w), 255 on the pieces of mask of which some is sure."""
    found: Any = cv2.compare(mask, 127, cv2.CMP_GT)  # type: ignore[call-overload]
    count, labels = cv2.connectedComponents(found, connectivity=8, ltype=cv2.CV_16U)
    pieces = np.zeros(count, np.uint8)
    pieces[np.asarray(labels)[mask > _SURE]] = 255
    return pieces[labels]


def _screen(other: Any) -> Any:
    """uint8 (h, w), 255 between the large pieces of wall, where `other`, what is no wall, is before it."""
    wall = cv2.morphologyEx(cv2.compare(other, 128, cv2.CMP_LT), cv2.MORPH_OPEN, _RIM)  # type: ignore[call-overload]
    _, labels, table, _ = cv2.connectedComponentsWithStats(wall, connectivity=8, ltype=cv2.CV_16U)
    large = table[:, cv2.CC_STAT_AREA] >= _PIECE * other.size
    large[0] = False
    screen = np.zeros_like(other)
    if large.any():
        corners = cv2.findNonZero(large.astype(np.uint8)[labels])
        cv2.fillConvexPoly(screen, cv2.convexHull(corners), 255)
    return cv2.erode(screen, _RIM)


_RIM = np.ones((3, 3), np.uint8)  # of a mask that may be the wall
_BESIDE = np.ones((7, 7), np.uint8)  # of a mask that may be somebody
