"""What a room looks like with nobody in it: mean, deviation and colour of every pixel of the working picture.

The ideas are those of background subtraction with a per-pixel Gaussian (Wren et al., "Pfinder", PAMI 1997) and of
shadow removal by ratio and chroma (Horprasert et al., ICCV-FRAME 1999). A room can be brought to where a pushed camera
sees it now (Evangelidis and Psarakis, "ECC image alignment", PAMI 2008) and under a light that was switched.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.plate import Plate

_SHADOW = 0.5  # a shadow takes at most this share of the light
_SLACK = 4.0  # levels of difference that are never evidence
_FULL = 11.0  # levels beyond that which are proof
_BLUR = 0.15  # of the slope at a room's edges is uncertain once it was moved, of the change once it was lit anew
_ALIKE = 0.7  # correlation from which it is worth to compare the room that was found
_ENOUGH = 0.25  # share of the picture by which the light can be read: a network that errs sees people on all the rest
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)


class Room:
    """The running mean of frames of an empty room, each Y U V `(h, w, 3)` uint8 at working size.

    unseen: uint8 (h, w), 255 where the room is not known: never evidence, no edges, always blind.
    edges: uint8 (h, w), 255 on the room's own edges, drawn by `draw_edges`.
    warp, lit: what `moved` and `relit` did to the room that this one was made of (`Plate.changed`).
    After `evidence`, uint8 (h, w), 255 where the frame
    lighter: is lighter than the room, which no shadow is;
    blind:   is at the end of the camera's range, so that nothing can be told.
    """

    def __init__(self, colour: Picture) -> None:
        self._luma: Any = cv2.extractChannel(colour, 0).astype(np.float32)
        self._noise: Any = np.full(self._luma.shape, 2, np.float32)  # mean deviation of the luma
        self._chroma: Any = colour[..., 1:].astype(np.float32)
        self.unseen: Any = np.zeros(self._luma.shape, np.uint8)
        self.edges: Any = None
        self.warp: Any = None
        self.lit: tuple[Any, Any] | None = None
        self.lighter: Any = None
        self.blind: Any = None

    @classmethod
    def of(cls, plate: Plate) -> Room:
        """What a plate knows of the room so far; the rest is unseen."""
        packed = np.asarray(cv2.merge([cv2.convertScaleAbs(plane) for plane in plate.coarse]), np.uint8)
        room = cls(packed)
        room.unseen = cv2.bitwise_not(plate.known)
        room.draw_edges()
        return room

    def learn(self, colour: Picture, rate: float, where: Any = None, noise: bool = True) -> None:
        """Take in `rate` (0..1) of a frame, all over or where `where` (uint8 (h, w)) is not 0; its `noise`, too."""
        seen: Any = cv2.extractChannel(colour, 0).astype(np.float32)
        if noise:
            cv2.accumulateWeighted(cv2.absdiff(seen, self._luma), self._noise, rate, mask=where)
        cv2.accumulateWeighted(seen, self._luma, rate, mask=where)
        cv2.accumulateWeighted(colour[..., 1:], self._chroma, rate, mask=where)

    def meet(self, colour: Picture, where: Any) -> None:
        """Get to know what was unseen, where `where` (uint8 (h, w)) is not 0; after 32 frames it is room."""
        new = cv2.bitwise_and(where, _above(self.unseen, 0))
        self.learn(colour, 1 / 8, new)
        self.unseen = cv2.subtract(self.unseen, cv2.min(new, 8))  # type: ignore[call-overload]
        self.draw_edges()

    def take(self, colour: Picture, where: Any) -> None:
        """What rests, where `where` (uint8 (h, w)) is not 0, is room from now on; just around it nothing is known."""
        self.unseen = cv2.max(self.unseen, cv2.dilate(where, np.ones((9, 9), np.uint8)))
        self.learn(colour, 1.0, where, noise=False)
        self.unseen = cv2.subtract(self.unseen, where)
        self.draw_edges()

    def draw_edges(self) -> None:
        """Note where the room's own edges are."""
        slope = cv2.morphologyEx(cv2.convertScaleAbs(self._luma), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        self.edges = cv2.subtract(_above(slope, 24), self.unseen)

    # --- comparing -----------------------------------------------------------------------------------

    def evidence(self, colour: Picture, empty: Any) -> Picture:
        """`(h, w)` uint8: how surely each pixel is not the room; shadows and a change of exposure do not count.

        empty: uint8 (h, w), not 0 where the network sees the room: exposure is read there.
        """
        seen: Any = cv2.extractChannel(colour, 0).astype(np.float32)
        there = self._walls(empty)
        expected, gain = self._exposed(seen, there)
        slack: Any = self._noise * np.float32(3) + np.float32(_SLACK)
        self.blind = cv2.max(_above(expected, 245 if gain > 1.1 else 255), self.unseen)
        lighter: Any = seen - expected
        lighter -= slack
        self.lighter = _above(lighter, _FULL)
        darker: Any = expected * np.float32(1 - _SHADOW)
        darker -= seen
        darker -= slack
        differs: Any = np.maximum(lighter, darker)
        np.maximum(differs, 0, out=differs)
        differs += self._cast(seen, expected, gain, colour, there)
        evidence: Any = cv2.convertScaleAbs(differs, alpha=255 / (_FULL * min(1.0, gain)))
        return np.asarray(cv2.subtract(cv2.medianBlur(evidence, 3), self.unseen), np.uint8)

    def _walls(self, empty: Any) -> Any:
        """bool, every second cell: where the light is read. All that is known, if the network leaves too little."""
        known = self.unseen[::2, ::2] == 0
        there: Any = known & (empty[::2, ::2] > 0)
        return there if np.count_nonzero(there) >= _ENOUGH * there.size else known

    def _exposed(self, seen: Any, there: Any) -> tuple[Any, float]:
        """(luma expected now, gain): exposure drifts, lamps are dimmed, and the camera's range ends at 255."""
        known, now = self._luma[::2, ::2][there], seen[::2, ::2][there]
        within = (now < 248) & (known < 248)
        known, now = known[within], now[within]
        if not known.size:
            return self._luma, 1.0
        gain = min(max(float(np.median(now / np.maximum(known, 4))), 0.3), 3.0)
        return np.minimum(self._luma * np.float32(gain), 255), gain

    def _cast(self, seen: Any, expected: Any, gain: float, colour: Picture, there: Any) -> Any:
        """`(h, w)` float32: how far the hue is from the room's, beyond noise; in a shade hues are paler too."""
        shade: Any = seen / np.maximum(self._luma, 1)
        np.clip(shade, 0.3, 2.5, out=shade)
        away: Any = colour[..., 1:] - (self._chroma - 128) * shade[..., None] - 128
        sample = away[::2, ::2][there]
        if sample.size:  # the light has another colour now: each pixel's hue is off by a share of its luma
            tint = np.median(sample / np.maximum(seen[::2, ::2][there], 16)[:, None], axis=0)
            away -= seen[..., None] * tint
        distance: Any = np.abs(away).sum(axis=2)
        distance -= np.float32(_SLACK + 2)
        np.maximum(distance, 0, out=distance)
        if gain > 1.1:  # what is bright has run into the end of the range, one colour before the others
            strength = np.abs(self._chroma - 128).sum(axis=2)
            distance[expected + 2 * np.float32(gain) * strength > 240] = 0
        return distance

    # --- mending -------------------------------------------------------------------------------------

    def moved(self, colour: Picture, empty: Any, how: int) -> Room | None:
        """The room from where the camera looks now, None where it cannot be found in what is seen of it.

        how: OpenCV's kind of motion, `cv2.MOTION_EUCLIDEAN` or `cv2.MOTION_AFFINE`.
        """
        before: Any = cv2.convertScaleAbs(self._luma)
        now: Any = cv2.extractChannel(colour, 0)
        warp: Any = np.eye(2, 3, dtype=np.float32)
        try:
            alike, warp = cv2.findTransformECC(before, now, warp, how, _STEPS, empty, 5)
        except cv2.error:  # it did not converge: another room, or a plain wall
            return None
        if alike < _ALIKE:
            return None
        size = before.shape[::-1]

        def brought(plane: Any, border: int, value: float = 0.0) -> Any:
            return cv2.warpAffine(plane, warp, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value)

        other = Room(colour)
        other.warp = warp
        other._luma = brought(self._luma, cv2.BORDER_REPLICATE)
        other._chroma = brought(self._chroma, cv2.BORDER_REPLICATE)
        slope: Any = cv2.morphologyEx(other._luma, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        other._noise = brought(self._noise, cv2.BORDER_REPLICATE) + _BLUR * slope
        other.unseen = _above(brought(self.unseen, cv2.BORDER_CONSTANT, 255.0), 0)
        other.draw_edges()
        return other

    def relit(self, colour: Picture, empty: Any) -> Room:
        """The room under the light that falls on what is seen of it now, smoothly continued where people hide it."""
        weight: Any = (empty > 0).astype(np.float32)
        reach = (self._luma.shape[1] // 5) | 1
        around: Any = cv2.blur(weight, (reach, reach))

        def smooth(plane: Any) -> Any:
            return cv2.blur(plane * weight, (reach, reach)) / np.maximum(around, 1e-3)

        other = Room(colour)
        seen: Any = cv2.extractChannel(colour, 0).astype(np.float32)
        known = around > 0.02
        light = np.where(known, smooth(seen) / np.maximum(smooth(self._luma), 1), 1).astype(np.float32)
        other._luma = np.minimum(self._luma * light, 255)
        other._noise = self._noise + _BLUR * cv2.absdiff(other._luma, self._luma)
        other.unseen = np.where(known, self.unseen, np.uint8(255))
        tint = np.dstack([smooth(colour[..., i + 1] - self._chroma[..., i]) for i in (0, 1)]).astype(np.float32)
        other._chroma = self._chroma + tint
        other.warp, other.lit = self.warp, (light, tint)
        other.draw_edges()
        return other


def _above(plane: Any, level: float) -> Any:
    return cv2.compare(plane, level, cv2.CMP_GT)  # type: ignore[call-overload]
