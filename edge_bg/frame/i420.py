"""The layout of I420: what a picture and an alpha are as arrays, and what can be done without leaving it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
I420: TypeAlias = NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]  # width, height

MAX_SIDE = 8192  # pixels


class Area(NamedTuple):
    """A part of a frame, in pixels, all even: columns left..right, rows top..bottom, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """(width, height)."""
        return self.right - self.left, self.bottom - self.top

    def at(self, plane: int) -> tuple[slice, slice]:
        """Index of the part into plane 0 (Y), 1 (U) or 2 (V)."""
        cell = 2 if plane else 1
        return slice(self.top // cell, self.bottom // cell), slice(self.left // cell, self.right // cell)


# The scale for cv2.multiply that makes a share of 255ths: OpenCV rounds the product on x86 and cuts it off on Arm, and
# a hair too much keeps whole products whole there.
SHARE = (1 + 2**-20) / 255


def check_size(size: Size) -> Size:
    """`size` again when both sides are even and within 2..8192 pixels, else ValueError."""
    width, height = size
    if width % 2 or height % 2 or not (2 <= width <= MAX_SIDE and 2 <= height <= MAX_SIDE):
        raise ValueError(f"size {width}x{height}: both sides must be even and within 2..{MAX_SIDE}")
    return size


def empty(size: Size) -> I420:
    """A new I420 array of `size` (width, height), its contents undefined."""
    width, height = check_size(size)
    return np.empty((height * 3 // 2, width), np.uint8)


def filled(size: Size, yuv: tuple[int, int, int]) -> I420:
    """A new I420 picture of `size` in one colour, given as (Y, U, V)."""
    picture = empty(size)
    for plane, value in zip(planes(picture), yuv, strict=True):
        plane[...] = value
    return picture


def size_of(i420: I420) -> Size:
    """(width, height) of an I420 array."""
    rows, width = i420.shape
    return width, rows * 2 // 3


def planes(i420: I420) -> tuple[Picture, Picture, Picture]:
    """Views of Y `(H, W)`, U and V `(H // 2, W // 2)`; they share memory with `i420`."""
    width, height = size_of(i420)
    flat = i420.reshape(-1)
    luma, chroma = width * height, (width // 2) * (height // 2)
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def resize(i420: I420, size: Size, out: I420 | None = None) -> I420:
    """I420 stretched to `size` (width, height); area-averaged when it shrinks."""
    out = empty(size) if out is None else out
    for source, target in zip(planes(i420), planes(out), strict=True):
        shrinks = target.shape[0] <= source.shape[0] and target.shape[1] <= source.shape[1]
        cv2.resize(
            source,
            (target.shape[1], target.shape[0]),
            dst=target,
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
    return out


def unpremultiply(i420: I420, alpha420: I420, out: I420 | None = None) -> I420:
    """Full-range colours that were multiplied by alpha, divided by it again; black where alpha is 0.

    `out` may be `i420`. Where alpha is small the colours are coarse, as little of them was left.
    """
    out = np.empty_like(i420) if out is None else out
    height = i420.shape[0] * 2 // 3
    known = np.maximum(alpha420, 1).astype(np.float32)
    for rows, middle in ((slice(None, height), 0.0), (slice(height, None), 128.0)):
        straight = (i420[rows] - np.float32(middle)) * 255 / known[rows] + middle
        out[rows] = np.where(alpha420[rows] > 0, np.clip(np.rint(straight), 0, 255), middle)
    return out


def crop(i420: I420, area: Area, out: I420 | None = None) -> I420:
    """The part `area` of an I420 picture or alpha, a copy."""
    out = empty(area.size) if out is None else out
    for number, (source, target) in enumerate(zip(planes(i420), planes(out), strict=True)):
        np.copyto(target, source[area.at(number)])
    return out


def paste(i420: I420, area: Area, out: I420) -> I420:
    """Write an I420 picture or alpha of the size of `area` into that part of `out`."""
    for number, (source, target) in enumerate(zip(planes(i420), planes(out), strict=True)):
        np.copyto(target[area.at(number)], source)
    return out
