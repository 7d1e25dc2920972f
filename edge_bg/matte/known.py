"""Alpha before a room that is known pixel by pixel: a small network looks at the soft parts, patch by patch.

It is shown the frame, how far each pixel is from the room, a rough mask, and where the room is known; what it says is
used but for the rim of each patch, where it sees too little around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.matte.masks import below
from edge_bg.matte.snap import snap
from edge_bg.network.patches import PatchNetwork

RIM = 4  # pixels around each patch that only inform
MOST = 48  # patches a frame: what somebody on a third of it takes; the network costs four times `landscape` then
_NEUTRAL = 128  # no difference
_DARK = 32  # Y below which noise is most of a hue
_GAIN = (2, 4, 4)  # Y, U, V: a difference of 64, or 32, levels is as large as any


def show(now: Sequence[Picture], room: Sequence[Picture], rough: Picture, sure: Picture) -> list[Picture]:
    """Nine planes `(h, w)` uint8, what the network sees of each pixel.

    0, 1: Y of the frame and of the room. 2: how far they are apart in Y, U or V, whichever is more. 3 to 5: Y, U and V
    of the frame less those of the room, about 128, the room's hue as pale as it is in a shadow. The differences are
    enlarged. 6, 7: `rough` and `sure`. 8: the share by which Y is less or more than the room's, about 128, which is the
    same all over a shadow.

    now, room: three planes `(h, w)` uint8, Y, U, V, the room in the light of the frame. rough: `(h, w)` uint8, 255 =
    person. sure: `(h, w)` uint8, 255 where the room is known, 0 where it is not: there is no difference.
    """
    unknown = below(sure, _NEUTRAL)
    hidden = bool(cv2.countNonZero(unknown))
    away: list[Any] = [cv2.subtract(a, b, dtype=cv2.CV_32F) for a, b in zip(now, room, strict=True)]
    # A shadow takes from the hue what it takes from the light (Horprasert et al., ICCV-FRAME 1999).
    lost: Any = cv2.divide(away[0], cv2.max(room[0], _DARK), dtype=cv2.CV_32F)  # type: ignore[call-overload]
    share: Any = cv2.addWeighted(lost, _NEUTRAL - 1, lost, 0, _NEUTRAL, dtype=cv2.CV_8U)
    np.clip(lost, -1, 0.5, out=lost)
    for plane, behind in zip(away[1:], room[1:], strict=True):
        hue: Any = cv2.subtract(behind, _NEUTRAL, dtype=cv2.CV_32F)  # type: ignore[call-overload]
        plane -= cv2.multiply(hue, lost, hue)
    shown: list[Any] = [
        cv2.addWeighted(a, g, a, 0, _NEUTRAL, dtype=cv2.CV_8U) for a, g in zip(away, _GAIN, strict=True)
    ]
    wall: Any = room[0]
    if hidden:
        for plane in (*shown, share):
            plane[unknown > 0] = _NEUTRAL
        wall = np.where(unknown > 0, now[0], room[0])
    parts: list[Any] = [cv2.absdiff(plane, _NEUTRAL) for plane in shown]  # type: ignore[call-overload]
    return [now[0], wall, cv2.max(cv2.max(parts[0], parts[1]), parts[2]), *shown, rough, sure, share]


class KnownRoom:
    """Runs the network over parts of a picture, on at most `most` patches a call. For one thread at a time."""

    def __init__(self, most: int = MOST) -> None:
        self.network, self.most = PatchNetwork(), most
        self.inner = self.network.side - 2 * RIM  # side of what a patch gives

    def __call__(
        self,
        where: Picture,
        now: Sequence[Picture],
        room: Sequence[Picture],
        rough: Picture,
        sure: Picture,
        cell: int,
        light: Sequence[Picture],
        out: Picture,
    ) -> NDArray[np.bool_]:
        """Writes alpha to `out`, `(h, w)` uint8, where it was looked at; returns which cells these are, as `where`.

        where: `(h / cell, w / cell)` uint8, how much each cell of `cell` pixels, even, at most `inner`, is asked for.
            Of more than `most` patches those wait that are asked for least.
        now, room: three planes, `(h, w)` uint8. rough, sure: `(h, w)` uint8. All sides of planes are whole cells.
        light: tables of 256 levels that bring the planes of the room into the light of now.
        """
        most = self.inner // cell  # cells along a patch
        corners = cover(where, most)
        done = np.zeros(where.shape, np.bool_)
        if not len(corners):
            return done
        if len(corners) > self.most:
            asked: Any = np.pad(where.astype(np.int32).cumsum(0).cumsum(1), ((1, most), (1, most)), "edge")
            asked[0], asked[:, 0] = 0, 0
            (y, x), n = corners.T, most
            sums = asked[y + n, x + n] - asked[y, x + n] - asked[y + n, x] + asked[y, x]
            corners = corners[np.argsort(-sums, kind="stable")[: self.most]]
        for row, column in corners.tolist():
            done[row : row + most, column : column + most] = True
        side, step = self.network.side, most * cell
        at = (corners * cell).tolist()
        planes = [self._cut(plane, at) for plane in (*now, *room, rough, sure)]
        planes[3:6] = [np.asarray(cv2.LUT(p, table), np.uint8) for p, table in zip(planes[3:6], light, strict=True)]
        shown = show(planes[:3], planes[3:6], planes[6], planes[7])
        made: Any = snap(self.network(shown), shown[3:6])
        cv2.copyTo(planes[6], below(planes[7], _NEUTRAL), made)  # nothing is known: the rough mask decides
        for (row, column), patch in zip(at, made.reshape(-1, side, side), strict=True):
            part = out[row : row + step, column : column + step]
            part[...] = patch[RIM : RIM + part.shape[0], RIM : RIM + part.shape[1]]
        return done

    def _cut(self, plane: Picture, at: list[list[int]]) -> Picture:
        """The patches of one plane whose inner parts begin at the rows and columns `at`, one below another."""
        side = self.network.side
        wide: Picture = np.asarray(cv2.copyMakeBorder(plane, RIM, side, RIM, side, cv2.BORDER_REPLICATE), np.uint8)
        patches: Picture = np.empty((len(at), side, side), np.uint8)
        for patch, (row, column) in zip(patches, at, strict=True):
            patch[...] = wide[row : row + side, column : column + side]
        return patches.reshape(-1, side)


def cover(where: Picture, side: int) -> NDArray[np.intp]:
    """Few squares of `side` cells that cover all cells of `where` above 0: the first row and column of each, `(n, 2)`.

    They lie in strips: each begins at the first row that is not covered yet and is filled from left to right.
    """
    asked = where != 0
    corners = []
    height, width = asked.shape
    end = 0
    for row in np.flatnonzero(asked.any(axis=1)).tolist():
        if row < end:
            continue
        end, top, column = row + side, max(0, min(row, height - side)), 0
        line = asked[row:end].any(axis=0)
        while line[column:].any():
            column += int(line[column:].argmax())
            corners.append((top, max(0, min(column, width - side))))
            column += side
    return np.array(corners, np.intp).reshape(-1, 2)
