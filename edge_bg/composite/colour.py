"""Colour: what is seen through hair and soft edges is the old room, and is taken out before the new one goes in.

A camera sees `alpha * person + (1 - alpha) * room`. The plain blend scales all of that by alpha and so keeps a rim
of the old room. Here the room behind the edge is estimated from the room beside it, by normalised convolution on a
tenth of the frame, and `(1 - alpha) * room` is subtracted; what is left is `alpha * person`, held to 0..alpha so that
a wrong guess cannot put texture of the room where alpha is 0. The idea is that of M. Forte, "Approximate Fast
Foreground Colour Estimation", ICIP 2021 ("blur fusion"), which estimates both colours: the room alone does as well
and costs half (docs/decisions/0060).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.composite.smooth import Smooth
from edge_bg.frame import I420, SHARE, Picture, planes
from edge_bg.frame.tiles import TILE, Behind, Grid, Rect, Scratch

_CLEAR = 25  # alpha up to which a pixel shows the room alone
_NEAR, _WIDE = (3, 3), (5, 5)  # working pixels, and tiles of them, in which room is looked for
_REACH = 2  # tiles round the soft parts that are looked at
_OWN = 2  # what a working pixel's own room counts beside, once more, that of all nine
_FALLBACK = 1e-3  # what a tile of the wide window counts beside a working pixel of the near one
_PLAIN = 128  # as light as the known room
_PRIOR = 1e-4  # where no room is in reach the tile's own colour counts, and nothing is taken out


class OldRoom(Smooth):
    """The old room's colours behind the person, for one frame size; `look` first, then `part` for each rectangle."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid, "old room")
        self._known: Behind | None = None

    def look(self, picture: I420, alpha: I420, rects: Sequence[Rect], tables: Sequence[Picture] | None = None) -> None:
        """Estimate under `rects` from a frame and its alpha420; `tables`: what the person's planes are mapped by.

        Where the alpha knows the room behind, only that room's shade is estimated, by how far what is seen beside the
        edge differs from it.
        """
        self.near(rects, _REACH)
        self._known = getattr(alpha, "room", None) if tables is None else None
        thin = self.shrink(planes(np.asarray(alpha))[1])
        room: Any = cv2.threshold(thin, _CLEAR, 255, cv2.THRESH_BINARY_INV)[1]
        seen = [self.shrink(plane) for plane in planes(picture)]
        if tables is not None:
            seen = [np.asarray(cv2.LUT(plane, table), np.uint8) for plane, table in zip(seen, tables, strict=True)]
        if self._known is not None:
            seen = [
                _shade(plane, cv2.LUT(self.shrink(known), table))
                for plane, known, table in zip(seen, *self._known, strict=True)
            ]
        # The colours and how much there is of them, all four in one picture: fewer calls.
        own: Any = cv2.merge([*seen, np.full_like(thin, 255)])
        sure = cv2.bitwise_and(own, cv2.merge([room] * 4))
        total: Any = cv2.boxFilter(sure, cv2.CV_32F, _NEAR, normalize=False)
        wide: Any = cv2.boxFilter(_by_tiles(sure), cv2.CV_32F, _WIDE, normalize=False)
        wide *= _FALLBACK
        wide += _by_tiles(own) * np.float32(_PRIOR)
        total += wide.repeat(TILE, axis=0).repeat(TILE, axis=1)[: thin.shape[0], : thin.shape[1]]
        total += sure * np.float32(_OWN)
        *colours, weight = cv2.split(total)
        self.keep([cv2.convertScaleAbs(cv2.divide(colour, weight, colour, 255)) for colour in colours])

    def part(self, plane: int, rect: Rect, scratch: Scratch) -> Picture:
        """What lies under `rect` of the frame for plane 0 (Y), 1 (U) or 2 (V), at that plane's size."""
        estimate = super().part(plane, rect, scratch)
        if self._known is None:
            return estimate
        left, top, right, bottom = (edge // 2 for edge in rect)
        room, tables = self._known
        known = np.asarray(cv2.LUT(room[plane][top:bottom, left:right], tables[plane]), np.uint8)
        if plane == 0:
            known = np.asarray(cv2.resize(known, estimate.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        return np.asarray(cv2.addWeighted(known, 1, estimate, 1, -_PLAIN), np.uint8)


def _shade(seen: Picture, known: Any) -> Picture:
    """How far a picture is from the known room, about `_PLAIN`."""
    return np.asarray(cv2.addWeighted(seen, 1, known[: seen.shape[0], : seen.shape[1]], -1, _PLAIN), np.uint8)


def _by_tiles(picture: Any) -> Any:
    """The mean of each tile of a picture of working size; the last ones may stick out of it."""
    height, width = picture.shape[:2]
    whole = cv2.copyMakeBorder(picture, 0, -height % TILE, 0, -width % TILE, cv2.BORDER_REPLICATE)
    return cv2.resize(whole, (whole.shape[1] // TILE, whole.shape[0] // TILE), interpolation=cv2.INTER_AREA)


def blend_without(
    person: Picture, old: Picture, behind: Picture, alpha: Picture, out: Picture, scratch: Scratch
) -> None:
    """`person - old * (255 - alpha) / 255`, held to 0..alpha, `+ behind * (255 - alpha) / 255`; all uint8 `(h, w)`."""
    rest, other = scratch.take("blend", (2, *alpha.shape), np.uint8)
    cv2.bitwise_not(alpha, rest)
    cv2.multiply(old, rest, other, SHARE)
    cv2.subtract(person, other, other)
    cv2.min(other, alpha, other)
    cv2.multiply(behind, rest, rest, SHARE)
    cv2.add(other, rest, out)


def blend(person: Picture, alpha: Picture, out: Picture, scratch: Scratch) -> None:
    """`out = (person * alpha + out * (255 - alpha)) / 255` for uint8 arrays `(h, w)`, within one level.

    One product, of the difference: OpenCV rounds it on x86 and cuts it off on Arm, where the two products of the
    formula as it stands made every soft pixel a level too dark.
    """
    step, more, brighter = scratch.take("blend", (3, *alpha.shape), np.uint8)
    cv2.compare(person, out, cv2.CMP_GT, brighter)
    cv2.absdiff(person, out, step)
    cv2.multiply(step, alpha, step, SHARE)
    cv2.add(out, step, more)
    cv2.subtract(out, step, out)
    cv2.copyTo(more, brighter, out)
