"""The room's picture, pixel by pixel at half the frame's size, and where it is known: what edges are told by.

It is the running mean of what was surely room (Wren et al., "Pfinder", PAMI 1997), pixel by pixel, in Y, U and V. It
is brought to where a pushed camera sees it now as the small one is (`edge_bg.matte.room`), and is always compared under
the light of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.masks import above, below

KNOWN = 20  # looks at a cell that showed the same, after which it is known
_SAME = 8  # levels by which a look may differ from the mean and show the same
_BANDS = 8  # rows of the large picture are learned in turn, a band a frame
_AROUND = np.ones((9, 9), np.uint8)
Light = tuple[Picture, Picture, Picture]


class Plate:
    """The room, from the first frame on; nothing of it is known yet.

    colour: `(3, h, w)` uint8, Y U V at working size. halves: the same at half the frame's size, whole cells.

    looks: uint8 (h, w), how often each cell showed the same, up to `KNOWN`.
    picture: three uint8 planes at half size.
    """

    def __init__(self, colour: Picture, halves: Sequence[Picture]) -> None:
        self.coarse: Any = colour.astype(np.float32)
        self._fine: Any = np.stack(halves).astype(np.float32)
        self.picture = [plane.copy() for plane in halves]
        self.looks: Any = np.zeros(colour.shape[1:], np.uint8)
        self._band = 0

    @property
    def known(self) -> Picture:
        """uint8 (h, w), 255 where the room is known."""
        return np.asarray(above(self.looks, KNOWN - 1), np.uint8)

    def meet(self, colour: Picture, halves: Sequence[Picture], where: Picture) -> None:
        """Get to know what is not known yet where `where` (uint8 (h, w)) is not 0: what shows the same look by look."""
        new = cv2.bitwise_and(where, below(self.looks, KNOWN))
        if not cv2.countNonZero(new):
            return
        mean: Any = np.stack([cv2.convertScaleAbs(plane) for plane in self.coarse])
        same: Any = _near(colour, mean)
        again, other = cv2.bitwise_and(new, same), cv2.bitwise_and(new, cv2.bitwise_not(same))
        rate = 1 / (1 + np.minimum(self.looks, KNOWN).astype(np.float32)) * (again > 0)
        rate[other > 0] = 1
        self.looks[other > 0] = 0
        cv2.add(self.looks, 1, self.looks, mask=again)  # type: ignore[call-overload]
        self._learn(colour, halves, rate, slice(None))

    def follow(self, colour: Picture, halves: Sequence[Picture], rate: float, where: Picture) -> None:
        """Take in `rate` (0..1) of a frame where `where` (uint8 (h, w)) is not 0 and the room is known."""
        rates = (cv2.bitwise_and(where, self.known) > 0) * np.float32(rate)
        bands = np.array_split(np.arange(len(rates)), _BANDS)
        band = bands[self._band % _BANDS]
        self._band += 1
        if not rates[band].any():
            return
        self._learn(colour, halves, np.minimum(rates * _BANDS, 1), slice(int(band[0]), int(band[-1]) + 1))

    def take(self, colour: Picture, halves: Sequence[Picture], where: Picture) -> None:
        """What rests, where `where` (uint8 (h, w)) is not 0, is room from now on; just around it nothing is known."""
        around = cv2.dilate(where, _AROUND)
        self._learn(colour, halves, (where > 0).astype(np.float32), slice(None))
        self.looks[around > 0] = 0
        self.looks[where > 0] = KNOWN

    def _learn(self, colour: Picture, halves: Sequence[Picture], rate: Any, rows: slice) -> None:
        """Take in so much of each cell, float32 (h, w), of these rows of cells."""
        part = self.coarse[:, rows]
        part += (colour[:, rows] - part) * rate[rows]
        step = halves[0].shape[0] // rate.shape[0]
        top, bottom, _ = rows.indices(rate.shape[0])
        fine = np.s_[top * step : bottom * step]
        width = halves[0].shape[1]
        wide: Any = cv2.resize(rate[rows], (width, (bottom - top) * step), interpolation=cv2.INTER_LINEAR)
        for known, shown, seen in zip(self._fine, self.picture, halves, strict=True):
            mean = known[fine]
            mean += (seen[fine] - mean) * wide
            cv2.convertScaleAbs(mean, shown[fine])

    # --- light ---------------------------------------------------------------------------------------

    def light(self, colour: Picture, empty: Any) -> Light:
        """Tables for Y, U and V that bring the room into the light of a frame, read where `empty` (uint8) is not 0.

        Exposure drifts, lamps are dimmed and change colour, and the camera's range ends at 255.
        """
        there = cv2.bitwise_and(empty, self.known)[::2, ::2] > 0
        known, now = self.coarse[:, ::2, ::2][:, there], colour[:, ::2, ::2][:, there].astype(np.float32)
        within = (now[0] < 248) & (known[0] < 248)
        known, now = known[:, within], now[:, within]
        gain, offsets = 1.0, [0.0, 0.0]
        if now.size:
            gain = float(np.median(now[0] / np.maximum(known[0], 4)))
            gain = min(max(gain, 0.3), 3.0)
            offsets = [float(v) for v in np.median(now[1:] - 128 - (known[1:] - 128) * gain, axis=1)]
        levels = np.arange(256, dtype=np.float32)
        luma = levels * gain
        chroma = [(levels - 128) * gain + 128 + offset for offset in offsets]
        one, two, three = (np.clip(np.rint(v), 0, 255).astype(np.uint8) for v in (luma, *chroma))
        return one, two, three

    # --- mending -------------------------------------------------------------------------------------

    def changed(self, warp: Any, light: tuple[Any, Any] | None) -> Plate:
        """The plate for a camera that moved by `warp` and for a `light` that changed, None for neither.

        warp: float32 (2, 3) at working size, from here to there. light: (factor of Y (h, w), what U and V gain
        (h, w, 2)), float32.
        """
        other = Plate(self.coarse, self.picture)
        other.coarse, other._fine, other.looks = self.coarse, self._fine, self.looks
        times = self._fine.shape[2] / self.coarse.shape[2]
        if warp is not None:
            # The same motion in larger pixels, whose middles lie elsewhere.
            large, middle = warp.copy(), np.full(2, (times - 1) / 2, np.float32)
            large[:, 2] = warp[:, 2] * times + middle - warp[:, :2] @ middle
            other.coarse = np.stack([_brought(plane, warp) for plane in other.coarse])
            other._fine = np.stack([_brought(plane, large) for plane in other._fine])
            inside = _brought(self.known, warp, cv2.BORDER_CONSTANT)
            other.looks = np.where(inside > 254, KNOWN, 0).astype(np.uint8)
        if light is not None:
            other.coarse = _lit(other.coarse, *light)
            size = self._fine.shape[:0:-1]
            other._fine = _lit(other._fine, *(cv2.resize(each, size) for each in light))
        other.picture = [np.asarray(cv2.convertScaleAbs(plane), np.uint8) for plane in other._fine]
        return other


def _lit(planes: Any, factor: Any, more: Any) -> Any:
    """Planes (3, h, w), Y times `factor` (h, w), U and V plus `more` (h, w, 2); held to 0..255."""
    return np.clip(np.stack((planes[0] * factor, planes[1] + more[..., 0], planes[2] + more[..., 1])), 0, 255)


def _brought(plane: Any, warp: Any, border: int = cv2.BORDER_REPLICATE) -> Any:
    size = plane.shape[::-1]
    return cv2.warpAffine(plane, warp, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _near(a: Picture, b: Picture) -> Any:
    """255 where the planes of two pictures `(3, h, w)` differ by no more than `_SAME` levels."""
    return below(np.maximum.reduce(cv2.absdiff(a, b)), _SAME + 1)
