"""What lies before the person: a frame, a logo, a text, as a picture with alpha."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import PictureError
from edge_bg.frame import I420, SHARE, Picture, Size, empty, from_rgb, planes

_TALL, _WIDE = 32, 64  # pixels of a block that is skipped where the layer is clear


class Layer:
    """A picture with alpha, drawn once for frames of `size` (width, height).

    rgba: uint8 (H, W, 4), R G B A, alpha not multiplied in; stretched to `size`, as a frame is made for a shape.
    """

    def __init__(self, rgba: NDArray[np.uint8], size: Size) -> None:
        if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
            raise PictureError(f"foreground of {rgba.dtype} {rgba.shape}: RGBA uint8 (H, W, 4) was expected")
        self.size = size
        fitted = stretched(rgba, size)
        self.colour = from_rgb(np.ascontiguousarray(fitted[..., :3]))  # multiplied by alpha, chroma about 128
        self.alpha: I420 = empty(size)
        full, *halves = planes(self.alpha)
        full[...] = fitted[..., 3]
        for half in halves:
            cv2.resize(full, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
        self._rest = cv2.bitwise_not(self.alpha)
        self._parts = _parts(full)

    def over(self, out: I420, alpha420: I420 | None = None) -> None:
        """Lay it over `out`, in place; `alpha420`, if given, becomes what is covered by one or the other."""
        for number, (target, colour, rest) in enumerate(
            zip(planes(out), planes(self.colour), planes(np.asarray(self._rest)), strict=True)
        ):
            for part in self._parts:
                at = _at(part, number)
                _lay(colour[at], rest[at], target[at], 128 if number else 0)
        if alpha420 is not None:
            for target, share, rest in zip(
                planes(alpha420), planes(self.alpha), planes(np.asarray(self._rest)), strict=True
            ):
                cv2.add(cv2.multiply(target, rest, scale=SHARE), share, target)


def stretched(rgba: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """RGBA at `size`, its colours multiplied by alpha: what is clear has no colour that could bleed."""
    share = rgba[..., 3:].astype(np.uint16)
    colours = ((rgba[..., :3] * share + 127) // 255).astype(np.uint8)
    joined = np.dstack((colours, rgba[..., 3]))
    smaller = size[0] < rgba.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(joined, size, interpolation=how), np.uint8)


def _lay(colour: Picture, rest: Picture, out: Picture, middle: int) -> None:
    """`out = colour + (out - middle) * rest / 255`; colour was multiplied by its alpha about `middle`."""
    if not middle:
        cv2.add(cv2.multiply(out, rest, scale=SHARE), colour, out)
        return
    kept: Any = cv2.multiply(out, rest, scale=SHARE)
    zero: Any = cv2.convertScaleAbs(rest, alpha=middle / 255)
    cv2.add(cv2.subtract(colour, zero), kept, out)


def lay_on(cut: I420, alpha420: I420, behind: I420, out: I420) -> None:
    """`out`: a person cut out (colours multiplied by alpha, chroma about 128) on `behind`; all of one size."""
    for number, (target, colour, share, back) in enumerate(
        zip(planes(out), planes(cut), planes(np.asarray(alpha420)), planes(behind), strict=True)
    ):
        np.copyto(target, back)
        box = cv2.boundingRect(share)
        if not box[2]:
            continue
        at = (slice(box[1], box[1] + box[3]), slice(box[0], box[0] + box[2]))
        # Chroma was made as alpha * colour + (1 - alpha) * 128: what is added for the room is taken off again.
        rest = np.asarray(cv2.bitwise_not(share[at]), np.uint8)
        if number:
            zero = np.asarray(cv2.convertScaleAbs(rest, alpha=128 / 255), np.uint8)
            cv2.add(cv2.subtract(colour[at], zero), cv2.multiply(target[at], rest, scale=SHARE), target[at])
        else:
            cv2.add(colour[at], cv2.multiply(target[at], rest, scale=SHARE), target[at])


def _parts(alpha: Picture) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom), all even, of the runs of blocks where alpha is not 0."""
    height, width = alpha.shape
    found = []
    for top in range(0, height, _TALL):
        rows = alpha[top : top + _TALL]
        used = [bool(rows[:, left : left + _WIDE].any()) for left in range(0, width, _WIDE)]
        start: int | None = None
        for column, some in enumerate([*used, False]):
            if some and start is None:
                start = column
            elif not some and start is not None:
                found.append((start * _WIDE, top, min(column * _WIDE, width), min(top + _TALL, height)))
                start = None
    return found


def _at(part: tuple[int, int, int, int], plane: int) -> tuple[slice, slice]:
    cell = 2 if plane else 1
    left, top, right, bottom = part
    return slice(top // cell, bottom // cell), slice(left // cell, right // cell)


class Place:
    """Where the person stands: `x`, `y` shift by shares of the frame; `scale` is about the middle of its lower edge,
    as people are mostly cut off there."""

    def __init__(self, x: float = 0.0, y: float = 0.0, scale: float = 1.0) -> None:
        if not (-1 <= x <= 1 and -1 <= y <= 1 and 0.2 <= scale <= 2):
            raise ValueError(f"place {x}, {y}, {scale}: x and y are -1..1, scale is 0.2..2")
        self.x, self.y, self.scale = x, y, scale

    @property
    def as_seen(self) -> bool:
        """True where nothing is moved."""
        return (self.x, self.y, self.scale) == (0, 0, 1)

    def matrix(self, size: Size) -> NDArray[np.float64]:
        """The 2x3 map of pixel centres in a picture of `size` (width, height)."""
        w, h = size
        across, down = (w - 1) / 2, h - 0.5
        s = self.scale
        return np.array([[s, 0, across * (1 - s) + self.x * w], [0, s, down * (1 - s) + self.y * h]], np.float64)

    def move(self, picture: Picture, border: int = 0) -> Picture:
        """One plane, or a picture with channels, moved; what comes in from outside is `border`."""
        size = (picture.shape[1], picture.shape[0])
        how = cv2.INTER_AREA if self.scale < 0.5 else cv2.INTER_LINEAR
        value = [border] * 4
        return np.asarray(cv2.warpAffine(picture, self.matrix(size), size, flags=how, borderValue=value), np.uint8)

    def move_i420(self, picture: I420, chroma: int) -> I420:
        """A picture or an alpha420 moved; `chroma` is what U and V are outside: 128 for a picture, 0 for an alpha."""
        out = np.empty(picture.shape, np.uint8)
        for number, (plane, target) in enumerate(zip(planes(np.asarray(picture)), planes(out), strict=True)):
            np.copyto(target, self.move(plane, chroma if number else 0))
        return out
