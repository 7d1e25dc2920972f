"""Alpha before a room that is known pixel by pixel: a small network looks at the soft parts, patch by patch.

It is shown the frame, how far each pixel is from the room, a rough mask, and where the room is known; what it says is
used but for the rim of each patch, where it sees too little around.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.matte.snap import REACH, snap
from edge_bg.network.patches import CHANNELS, PatchNetwork

RIM = REACH  # pixels around each patch that only inform
_NEUTRAL = 128  # no difference
_DARK = 32  # Y below which noise is most of a hue
_GAIN = (2, 4, 4)  # Y, U, V: a difference of 64, or 32, levels is as large as any


def show(now: Picture, room: Picture, rough: Picture, sure: Picture) -> Picture:
    """`(..., 8)` uint8, what the network sees of each pixel.

    0, 1: Y of the frame and of the room. 2: how far they are apart in Y, U or V, whichever is more. 3 to 5: Y, U and V
    of the frame less those of the room, about 128, the room's hue as pale as it is in a shadow. The differences are
    enlarged. 6, 7: `rough` and `sure`.

    now, room: `(3, ...)` uint8, Y, U, V, the room in the light of the frame. rough: `(...)` uint8, 255 = person.
    sure: `(...)` uint8, 255 where the room is known, 0 where it is not: there is no difference.
    """
    away = np.subtract(now, room, dtype=np.int16)
    # A shadow takes from the hue what it takes from the light (Horprasert et al., ICCV-FRAME 1999).
    lost = away[0] / np.maximum(room[0], _DARK, dtype=np.float32)
    np.clip(lost, -1, 0.5, out=lost)
    for plane, behind in zip(away[1:], room[1:], strict=True):
        plane -= ((behind.astype(np.float32) - _NEUTRAL) * lost).astype(np.int16)
    for plane, gain in zip(away, _GAIN, strict=True):
        plane *= gain
    np.clip(away, -_NEUTRAL, _NEUTRAL - 1, out=away)
    np.copyto(away, 0, where=sure < _NEUTRAL)
    far = np.abs(away).max(axis=0)
    wall = np.where(sure < _NEUTRAL, now[0], room[0])
    away += _NEUTRAL
    shown: Picture = np.empty((*rough.shape, CHANNELS), np.uint8)
    for channel, plane in enumerate((now[0], wall, far, *away, rough, sure)):
        shown[..., channel] = plane
    return shown


class KnownRoom:
    """Runs the network over parts of a picture. One for all sizes; for one thread at a time."""

    def __init__(self, network: PatchNetwork | None = None) -> None:
        self.network = PatchNetwork() if network is None else network
        self.inner = self.network.side - 2 * RIM  # side of what a patch gives

    def __call__(
        self,
        where: Picture,
        now: Sequence[Picture],
        room: Sequence[Picture],
        rough: Picture,
        sure: Picture,
        cell: int,
        light: Sequence[Picture] | None = None,
    ) -> tuple[Picture, NDArray[np.bool_]]:
        """(alpha `(h, w)` uint8, where it was looked at, `where`'s shape).

        where: `(h / cell, w / cell)` uint8, not 0 in the cells of `cell` pixels, at most `inner`, that are asked for.
        now, room: three planes, `(h, w)` uint8. rough, sure: `(h, w)` uint8. All sides of planes are whole cells.
        light: tables of 256 levels that bring the planes of the room into the light of now.
        Elsewhere alpha is `rough`.
        """
        alpha = rough.copy()
        most = self.inner // cell
        corners, done = cover(where, most)
        if not len(corners):
            return alpha, done
        at = corners * cell
        planes = [self._cut(plane, at) for plane in (*now, *room, rough, sure)]
        if light is not None:
            planes[3:6] = [table[plane] for plane, table in zip(planes[3:6], light, strict=True)]
        shown = show(np.stack(planes[:3]), np.stack(planes[3:6]), planes[6], planes[7])
        made = snap(self.network(shown), shown[..., 3:6])
        np.copyto(made, shown[..., 6], where=shown[..., 7] < _NEUTRAL)  # nothing is known: the rough mask decides
        step = most * cell
        for (top, left), patch in zip(at.tolist(), made, strict=True):
            part = alpha[top : top + step, left : left + step]
            part[...] = patch[RIM : RIM + part.shape[0], RIM : RIM + part.shape[1]]
        return alpha, done

    def _cut(self, plane: Picture, at: NDArray[np.intp]) -> Picture:
        """The patches of one plane whose inner parts begin at the rows and columns `at`, `(n, side, side)`."""
        side = self.network.side
        wide: Picture = np.asarray(cv2.copyMakeBorder(plane, RIM, side, RIM, side, cv2.BORDER_REPLICATE), np.uint8)
        patches: Picture = sliding_window_view(wide, (side, side))[at[:, 0], at[:, 1]]
        return patches


def cover(where: Picture, side: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(corners, covered): few squares of `side` cells that cover all cells of `where` above 0; row and column of each.

    From above, left to right: a square begins at the first cell that is not covered yet, as high as it lies.
    """
    left = where != 0
    covered = np.zeros_like(left)
    corners = []
    height, width = left.shape
    for row in range(height):
        line = left[row]
        while line.any():
            column = min(int(line.argmax()), max(0, width - side))
            top = min(row, max(0, height - side))
            square = np.s_[top : top + side, column : column + side]
            left[square] = False
            covered[square] = True
            corners.append((top, column))
    return np.array(corners, np.intp).reshape(-1, 2), covered
