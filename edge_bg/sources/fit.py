"""Makes pictures of any size into frames of one even size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, MAX_SIDE, Pool, Size, check_size, planes, resize, size_of

Picture = NDArray[np.uint8]


def asked_size(size: Size | None, whose: str) -> Size | None:
    """`size` checked, as whole even numbers; SourceError names `whose` otherwise. None stays None."""
    if size is None:
        return None
    try:
        return check_size((int(size[0]), int(size[1])))
    except ValueError as error:
        raise SourceError(f"{whose}: {error}", hint="such as size: 1280x720") from None


def even(picture: Picture) -> Picture:
    """`(H, W, ...)` with even sides: an odd last row or column is cut off, a side of one pixel is doubled.

    What is larger than 8192 pixels is scaled down first.
    """
    longest = max(picture.shape[:2])
    if longest > MAX_SIDE:
        scale = MAX_SIDE / longest
        size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    for axis in (0, 1):
        if picture.shape[axis] == 1:
            picture = np.repeat(picture, 2, axis=axis)
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]


def fit(picture: I420, size: Size, pool: Pool) -> I420:
    """All of `picture` in a frame of `size`, its shape kept, black where it does not reach.

    `picture` itself when it has that size, else a buffer of `pool`.
    """
    if size_of(picture) == size:
        return picture
    out = pool.take()
    width, height = size_of(picture)
    scale = min(size[0] / width, size[1] / height)
    inner = (_even(width * scale, size[0]), _even(height * scale, size[1]))
    if inner == size:
        return resize(picture, size, out)
    scaled = resize(picture, inner)
    left, top = (size[0] - inner[0]) // 4 * 2, (size[1] - inner[1]) // 4 * 2
    for number, (target, source) in enumerate(zip(planes(out), planes(scaled), strict=True)):
        half = 1 if number == 0 else 2
        target.fill(0 if number == 0 else 128)
        x, y = left // half, top // half
        target[y : y + source.shape[0], x : x + source.shape[1]] = source
    return out


def _even(value: float, most: int) -> int:
    return min(max(2 * round(value / 2), 2), most)
