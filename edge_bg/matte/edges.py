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


def saturate(values: Any, plus: Any = None, out: Picture | None = None) -> Picture:
    """`values`, or `values + plus`, float32, rounded to uint8 and held to 0..255."""
    if plus is None:
        return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0), out), np.uint8)
    return np.asarray(cv2.add(values, plus, out, None, cv2.CV_8U), np.uint8)


class Upsampler:
    """working mask + frame -> alpha420 that knows its soft parts.

    Where the alpha at working size is next to 0 or 255 all round, so it is taken to be at full size, exactly.
    """

    def __init__(self, grid: Grid, *, guided: bool, radius: int, epsilon: float, sharpness: float) -> None:
        self.grid = grid
        self.guided = guided
        self.radius = radius
        self.epsilon = epsilon
        self.sharpness = sharpness
        self._scratch = Scratch()

    def __call__(self, mask: Picture, guide: Picture, luma: Picture, out: I420) -> SoftAlpha:
        """`mask` and `guide` are `(h, w)` uint8 of the grid's working size, `luma` the frame's `(H, W)`."""
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
        alpha = saturate(b) if a is None else saturate(a * guide, b)
        rects = self._soft(alpha)
        self._fill(alpha, out)
        if rects:
            self._soft_parts(rects, a, b, luma, out)
        return with_soft(out, rects)

    def _soft(self, alpha: Picture) -> list[Rect]:
        """The parts of the frame where the alpha need not be 0 or 255, from the alpha at working size."""
        soft: Any = cv2.inRange(alpha, _NEAR, 255 - _NEAR)
        return self.grid.rects(self.grid.tiles(np.asarray(cv2.dilate(soft, _SQUARE), np.uint8)))

    def _fill(self, alpha: Picture, out: I420) -> None:
        """Every tile gets 0 or 255, whichever its middle is nearer to; the soft parts are written afterwards."""
        side, (width, height) = self.grid.side, self.grid.size
        counts = self.grid.counts[::-1]
        # The last tile may be less than half a tile.
        middles = [np.minimum(np.arange(n) * TILE + TILE // 2, m - 1) for n, m in zip(counts, alpha.shape, strict=True)]
        hard = np.where(alpha[np.ix_(*middles)] > 127, np.uint8(255), np.uint8(0))
        rows = np.repeat(hard, side, axis=1)[:, :width]
        spread(rows, out[:height], side)
        half = np.ascontiguousarray(rows[:, ::2])
        for plane in planes(out)[1:]:
            spread(half, plane, side // 2)

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
                saturate(base, out=alpha)
            else:
                slope = self._upsample(a, rect, "slope")
                np.multiply(slope, luma[top:bottom, left:right], out=slope)
                saturate(slope, base, out=alpha)
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


def spread(rows: Picture, out: Picture, times: int) -> None:
    """Every row of `rows` `times` times, into `out`, whose last repetitions may be fewer."""
    whole = len(out) // times
    out[: whole * times].reshape(whole, times, out.shape[1])[...] = rows[:whole, None]
    out[whole * times :] = rows[-1]


_NEAR = 4  # levels from 0 and 255 that nobody sees
_SQUARE = np.ones((3, 3), np.uint8)
