"""Films with more than the usual range of light, HLG and PQ in BT.2020, as a usual screen shows them.

Both are read as signals in which diffuse white is 203 cd/m2, as ITU-R BT.2408 has it (75 % of HLG, 58 % of PQ). Up to
three quarters of that white light stays as it is; what is brighter is pressed together below the screen's white.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18  # transfer functions, by their numbers in ITU-T H.273
_WHITE: Final = 203.0  # cd/m2
_KNEE: Final = 0.75  # of full light: what is brighter is pressed together
_BITS: Final = (6, 7, 7)  # of Y, U and V that the tables know; the rest of Y is in a finer table of its own
# RGB of BT.2020 to RGB of BT.709, linear light (ITU-R BT.2087).
_GAMUT: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
Plane = NDArray[Any]


class Tone:
    """10-bit Y, U, V -> 8-bit Y, U, V, BT.601 full range; `kind`: (transfer, whether its range is full)."""

    def __init__(self, transfer: int, full: bool) -> None:
        self.kind = (transfer, full)
        self._between: list[NDArray[np.int32]] | None = None
        # Grey is one of the steps, so that it stays grey.
        codes = [np.arange(1 << bits, dtype=np.float32) * (1 << (10 - bits)) for bits in _BITS]
        y, u, v = np.meshgrid(*codes, indexing="ij")
        luma, blue, red = (np.rint(plane).ravel() for plane in _map(y, u, v, transfer, full))
        grey = np.arange(1024, dtype=np.float32)
        middle = np.full_like(grey, 512)
        self._luma = np.rint(_map(grey, middle, middle, transfer, full)[0]).astype(np.int16)
        off = luma - np.repeat(
            self._luma[codes[0].astype(int)], blue.size // codes[0].size
        )  # what colour changes of it
        self._table = np.empty(blue.size, np.dtype([("u", np.uint8), ("v", np.uint8), ("off", np.int16)]))
        self._table["u"], self._table["v"], self._table["off"] = np.clip(blue, 0, 255), np.clip(red, 0, 255), off

    def __call__(self, y: Plane, u: Plane, v: Plane) -> list[NDArray[np.uint8]]:
        """Planes of uint16, chroma at half size, to planes of uint8."""
        half = cv2.resize(np.ascontiguousarray(y), u.shape[::-1], interpolation=cv2.INTER_AREA)
        at = np.zeros(u.shape, np.int32)
        if self._between is None or self._between[0].shape != u.shape:
            self._between = [_between(u.shape, 10 - bits, turns) for turns, bits in enumerate(_BITS)]
        for plane, bits, between in zip((half, u, v), _BITS, self._between, strict=True):
            at = (at << bits) + np.minimum((plane.astype(np.int32) + between) >> (10 - bits), (1 << bits) - 1)
        found = self._table.view(np.uint32)[at].view(self._table.dtype)
        off = cv2.resize(np.ascontiguousarray(found["off"]), y.shape[::-1], interpolation=cv2.INTER_LINEAR)
        luma = cv2.add(self._luma[np.minimum(y, 1023)], off, dtype=cv2.CV_8U)
        return [np.asarray(luma, np.uint8), np.ascontiguousarray(found["u"]), np.ascontiguousarray(found["v"])]


def _between(shape: tuple[int, ...], bits: int, turns: int) -> NDArray[np.int32]:
    """What to add before `bits` bits are cut off, so that 16 pixels have the right mean: ordered dithering, after
    B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures", ICC 1973."""
    order = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
    tile = np.rot90(order, turns) * (1 << bits) // 16
    rows, columns = (-(-side // 4) for side in shape)
    return np.tile(tile, (rows, columns))[: shape[0], : shape[1]].astype(np.int32)


def _map(y: Plane, u: Plane, v: Plane, transfer: int, full: bool) -> tuple[Plane, Plane, Plane]:
    """Y, U, V in 10-bit codes of BT.2020 to Y, U, V in 8-bit codes of BT.601, as floats."""
    luma = y / 1023 if full else (y - 64) / 876
    blue, red = ((each - 512) / (1023 if full else 896) for each in (u, v))
    rgb = np.stack(
        (luma + 1.4746 * red, luma - 0.16455 * blue - 0.57135 * red, luma + 1.8814 * blue)
    )  # not the constant luminance variant
    light = (_pq if transfer == PQ else _hlg)(np.clip(rgb, 0, 1))
    light = np.clip(np.tensordot(_GAMUT, light, 1), 0, None)
    most = np.maximum(light.max(axis=0), 1e-6)
    pressed = np.where(most > _KNEE, 1 - (1 - _KNEE) ** 2 / np.maximum(most + 1 - 2 * _KNEE, 1e-6), most)
    r, g, b = 255 * _srgb(np.clip(light * (pressed / most), 0, 1))
    grey = 0.299 * r + 0.587 * g + 0.114 * b
    return grey, (b - grey) / 1.772 + 128, (r - grey) / 1.402 + 128


def _pq(signal: Plane) -> Plane:
    """SMPTE ST 2084: signal 0..1 to light, 1 being diffuse white."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = np.power(signal, 1 / m2)
    light: Plane = np.power(np.maximum(power - c1, 0) / (c2 - c3 * power), 1 / m1) * (10000 / _WHITE)
    return light


def _hlg(signal: Plane) -> Plane:
    """ARIB STD-B67: signal 0..1 to light in the scene, 1 being what gives 75 % signal."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(signal <= 0.5, signal * signal / 3, (np.exp((signal - c) / a) + b) / 12)
    white = (np.exp((0.75 - c) / a) + b) / 12
    scaled: Plane = light / white
    return scaled


def _srgb(light: Plane) -> Plane:
    coded: Plane = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return coded
