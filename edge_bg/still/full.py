"""Alpha and colours at a picture's own size, from what was fitted at a smaller one.

Most of a photograph is surely room or surely person whatever its pixels are: the fit says so. There, nothing is
worked out; only the blocks that hold an edge are.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.pictures import Photo
from edge_bg.still import matting

Rgb = NDArray[np.uint8]
Gray = NDArray[np.uint8]
Bounds = tuple[int, int, int, int]

BLOCK = 32  # pixels of the smaller size
ROOM, EDGE, PERSON = 0, 1, 2
ROUNDING = 1e-4  # alpha that a sum of floats may be off by


def stretched(values: matting.Plane, limits: tuple[float, float]) -> matting.Plane:
    """`limits` become 0 and 1."""
    low, high = limits
    out: matting.Plane = (values - np.float32(low)) / np.float32(high - low)
    return np.clip(out, 0, 1, out=out)


def at_full_size(
    photo: Photo, fit: matting.Colours, front: matting.Colours, back: matting.Colours, clear: tuple[float, float]
) -> tuple[Rgb, Gray]:
    """The person's colours, RGB uint8 (H, W, 3), and alpha, uint8 (H, W).

    Args:
        photo: The picture.
        fit: float32 (h, w, 4) of `matting.guided_coefficients`.
        front: float32 (h, w, 3) in 0..1, the colours in front; black where nobody is near.
        back: Likewise, behind.
        clear: Fitted alpha that becomes 0 and 1; it lies between 0 and 1 itself.
    """
    high, wide = photo.rgb.shape[:2]
    alpha = np.zeros((high, wide), np.uint8)
    colours = np.zeros_like(photo.rgb)
    for kind, (left, top, right, bottom) in _runs(_kinds(fit, front, clear), fit.shape[:2], (high, wide)):
        at = np.s_[top:bottom, left:right]
        if kind == PERSON:
            alpha[at], colours[at] = 255, photo.rgb[at]
        elif kind == EDGE:
            fit_here, front_here, back_here = (
                _enlarged(plane, (wide, high), (left, top, right, bottom)) for plane in (fit, front, back)
            )
            guide = photo.rgb[at].astype(np.float32)
            guide *= np.float32(1 / 255)
            here = stretched(matting.apply_coefficients(fit_here, guide), clear)
            alpha[at] = cv2.convertScaleAbs(here, alpha=255)
            colours[at] = cv2.convertScaleAbs(matting.own_colours(guide, here, front_here, back_here), alpha=255)
    return colours, alpha if photo.alpha is None else np.minimum(alpha, photo.alpha)


def _kinds(fit: matting.Colours, front: matting.Colours, clear: tuple[float, float]) -> NDArray[np.uint8]:
    """Uint8 (h, w): what each pixel is together with its neighbours, from which it is enlarged, whatever its colour.

    Colours are within 0..1, so that a.rgb + b is at most b and what is positive of a, and at least b and the rest.
    """
    r, g, b, most = cv2.split(fit)
    least = most.copy()
    for plane in (r, g, b):
        most += np.maximum(plane, 0)
        least += np.minimum(plane, 0)
    low, high = clear
    near = np.ones((5, 5), np.uint8)
    person = cv2.erode((least >= high + ROUNDING).astype(np.uint8), near)
    nothing = (most <= low - ROUNDING) & (cv2.transform(front, np.ones((1, 3), np.float32)) == 0)
    room = cv2.erode(nothing.astype(np.uint8), near)
    return np.where(room, np.uint8(ROOM), np.where(person, np.uint8(PERSON), np.uint8(EDGE)))


def _runs(kinds: NDArray[np.uint8], small: tuple[int, ...], size: tuple[int, ...]) -> Iterator[tuple[int, Bounds]]:
    """(kind, bounds) of blocks in a picture of `size` (height, width), neighbours of one kind in a row as one."""
    rows, columns = (_cuts(few, many) for few, many in zip(small, size, strict=True))
    for y, bottom, top, last in rows:
        begun, before = 0, -1
        for x, right, left, _end in columns:
            found = kinds[y:bottom, x:right]
            kind = int(found[0, 0])
            kind = kind if (found == kind).all() else EDGE
            if kind != before:
                if before > ROOM:
                    yield before, (begun, top, left, last)
                begun, before = left, kind
        if before > ROOM:
            yield before, (begun, top, size[1], last)


def _cuts(few: int, many: int) -> list[tuple[int, int, int, int]]:
    """Along one side: (from, to) of each block in the small size, (from, to) in the large one."""
    scale = many / few
    return [
        (at, min(at + BLOCK, few), round(at * scale), round(min(at + BLOCK, few) * scale))
        for at in range(0, few, BLOCK)
    ]


def _enlarged(plane: matting.Colours, size: tuple[int, int], bounds: Bounds) -> matting.Colours:
    """The part within `bounds` (left, top, right, bottom) of `plane` enlarged to `size` (width, height)."""
    left, top, right, bottom = bounds
    rows, columns = plane.shape[:2]
    if (columns, rows) == size:
        return plane[top:bottom, left:right]
    across, down = columns / size[0], rows / size[1]
    view = np.array(
        [[across, 0, 0.5 * (across - 1) + left * across], [0, down, 0.5 * (down - 1) + top * down]], np.float64
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = (right - left, bottom - top)
    return np.asarray(cv2.warpAffine(plane, view, part, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)
