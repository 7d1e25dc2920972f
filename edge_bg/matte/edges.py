"""Edges: the fast guided filter, with the full-size work done only in tiles where the alpha is soft.

K. He, J. Sun, "Fast Guided Filter", arXiv:1505.00996: in a window the alpha is taken as a linear function of the
guide, `alpha = a * luma + b`; `a` and `b` are fitted at working size and interpolated, so that the full-size
picture costs one multiply-add a pixel and the alpha follows its edges.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Picture, planes
from edge_bg.tiles import TILE, Grid, Rect, Scratch, SoftAlpha, with_soft

Floats = NDArray[np.float32]


def fit(guide: Picture, mask: Picture, radius: int, epsilon: float) -> tuple[Floats, Floats]:
    """(a, b) of the guided filter, float32, for `guide` and `mask` `(h, w)` uint8; `epsilon` in levels of luma."""
    window = (2 * radius + 1, 2 * radius + 1)
    mean_i: Any = cv2.boxFilter(guide, cv2.CV_32F, window)
    mean_p: Any = cv2.boxFilter(mask, cv2.CV_32F, window)
    i, p = guide.astype(np.float32), mask.astype(np.float32)
    p *= i
    i *= i
    variance: Any = cv2.boxFilter(i, -1, window)
    a: Any = cv2.boxFilter(p, -1, window)
    np.multiply(mean_i, mean_p, out=p)
    a -= p
    np.multiply(mean_i, mean_i, out=i)
    variance -= i
    variance += epsilon * epsilon
    a /= variance
    np.multiply(a, mean_i, out=i)
    mean_p -= i
    b: Any = cv2.boxFilter(mean_p, -1, window)
    a = cv2.boxFilter(a, -1, window)
    return a, b


class Upsampler:
    """working mask + frame -> alpha420 that knows its soft parts.

    Where the mask is 0 or 255 throughout the filter's reach, so is the alpha, exactly; the rest is soft.
    """

    def __init__(self, grid: Grid, *, guided: bool, radius: int, epsilon: float, sharpness: float) -> None:
        self.grid = grid
        self.guided = guided
        self.radius = radius
        self.epsilon = epsilon
        self.sharpness = sharpness
        reach = 2 * radius + 1 if guided else 1
        self._reach = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        across, down = grid.counts
        w, h = grid.working
        self._missing = ((0, down * TILE - h), (0, across * TILE - w))  # up to whole tiles
        self._scratch = Scratch()

    def __call__(self, mask: Picture, guide: Picture, luma: Picture, out: I420) -> SoftAlpha:
        """`mask` and `guide` are `(h, w)` uint8 of the grid's working size, `luma` the frame's `(H, W)`."""
        rects = self.grid.rects(self._soft(mask))
        self._fill(mask, out)
        if rects:
            a: Any = None
            b: Any
            if self.guided:
                a, b = fit(guide, mask, self.radius, self.epsilon)
                a *= self.sharpness
            else:
                b = mask.astype(np.float32)
            b -= 127.5
            b *= self.sharpness
            b += 127.5
            self._soft_parts(rects, a, b, luma, out)
        return with_soft(out, rects)

    def _soft(self, mask: Picture) -> NDArray[np.bool_]:
        """`(down, across)` bool: tiles with a pixel whose alpha need not be 0 or 255."""
        most, least = cv2.dilate(mask, self._reach), cv2.erode(mask, self._reach)
        plain: Any = (np.asarray(least) == 255) | (np.asarray(most) == 0)
        if any(map(any, self._missing)):
            plain = np.pad(plain, self._missing, constant_values=True)
        across, down = self.grid.counts
        tiles: NDArray[np.bool_] = ~plain.reshape(down, TILE, across * TILE).all(axis=1).reshape(
            down, across, TILE
        ).all(axis=2)
        return tiles

    def _fill(self, mask: Picture, out: I420) -> None:
        """Every tile gets the alpha of its first pixel; right where it is plain, and the rest is written later."""
        side, (width, height) = self.grid.side, self.grid.size
        rows = np.repeat(mask[::TILE, ::TILE], side, axis=1)
        for row, top in zip(rows, range(0, height, side), strict=True):
            out[top : top + side] = row[:width]
        # U and V are half as wide and half as high: two of their rows make one row of the array.
        half = np.tile(rows[:, :width:2], 2)
        flat = out[height:].reshape(-1)
        for plane in (flat[: flat.size // 2], flat[flat.size // 2 :]):
            twice = plane.reshape(-1, width // 2)
            for row, top in zip(half, range(0, height // 2, side // 2), strict=True):
                twice[top : top + side // 2] = row[: width // 2]

    def _soft_parts(self, rects: list[Rect], a: Floats | None, b: Floats, luma: Picture, out: I420) -> None:
        """alpha = a * luma + b, interpolated, in `rects`, and the same at half size over U and V."""
        y, u, v = planes(out)
        a = None if a is None else self._widen(a)
        b = self._widen(b)
        for rect in rects:
            left, top, right, bottom = rect
            alpha = y[top:bottom, left:right]
            base = self._upsample(b, rect, "base")
            if a is None:
                cv2.convertScaleAbs(base, alpha)
            else:
                slope = self._upsample(a, rect, "slope")
                np.multiply(slope, luma[top:bottom, left:right], out=slope)
                cv2.add(slope, base, alpha, None, cv2.CV_8U)
            half = u[top // 2 : bottom // 2, left // 2 : right // 2]
            cv2.resize(alpha, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
            v[top // 2 : bottom // 2, left // 2 : right // 2] = half

    def _widen(self, plane: Floats) -> Any:
        """With a pixel of margin all round, for interpolation."""
        return cv2.copyMakeBorder(plane, 1, 1, 1, 1, cv2.BORDER_REPLICATE)

    def _upsample(self, padded: Floats, rect: Rect, name: str) -> Any:
        """The part of a padded working-size plane that lies under `rect`, interpolated to frame size, float32."""
        s = self.grid.scale
        left, top, right, bottom = rect
        # Padded by one, then one more on each side: rows top/s - 1 .. bottom/s + 1 of the plane.
        part = padded[top // s : -(-bottom // s) + 2, left // s : -(-right // s) + 2]
        shape = (part.shape[0] * s, part.shape[1] * s)
        full = self._scratch.take(name, shape, np.float32)
        cv2.resize(part, shape[::-1], dst=full, interpolation=cv2.INTER_LINEAR)
        return full[s : s + bottom - top, s : s + right - left]
