"""Edges: a guided filter in colour, fitted on a very small picture, with the larger work only where alpha is soft.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010, with a colour guide, and the subsampling of "Fast
Guided Filter", arXiv:1505.00996: in a window the alpha is taken as a linear function of the colour,
`alpha = a_y * Y + a_u * U + a_v * V + b`. The four coefficients are fitted at working size, a tenth of
1280x720, and interpolated. Three departures, each measured on the labelled clips:

- the colour of I420 is at hand at half size for nothing, so alpha is computed there and doubled at the end. That
  costs a third of full size and no boundary F: the halved luma has less noise to pass on to the alpha;
- the coefficients are not averaged a second time: interpolating them smooths enough;
- the alpha is stretched about one half (`sharpness`), as the fit in a window is too flat for a sharp edge.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Picture, planes
from edge_bg.tiles import TILE, Grid, Rect, Scratch, SoftAlpha, with_soft

Floats = NDArray[np.float32]


def fit(colour: Picture, mask: Picture, radius: int, epsilon: float, scratch: Scratch | None = None) -> Any:
    """(a_y, a_u, a_v, b), float32 `(4, h, w)`, of the guided filter; a view of `scratch` where that is given.

    colour:  `(h, w, 3)` uint8, the guide in Y, U, V.
    mask:    `(h, w)` uint8.
    radius:  of the window, in pixels.
    epsilon: noise in levels of 255; contrasts below it are smoothed over instead of followed.
    """
    scratch = scratch or Scratch()
    height, width = mask.shape
    # All planes stand on top of each other, with `radius` rows between, so that one call takes the mean of them all.
    rows = height + 2 * radius
    values, means = (scratch.take(name, (13, rows, width), np.float32) for name in ("values", "means"))
    border = (radius, radius, 0, 0, cv2.BORDER_REPLICATE)
    for plane, picture in enumerate(
        (*cv2.split(cv2.copyMakeBorder(colour, *border)), cv2.copyMakeBorder(mask, *border))
    ):
        np.copyto(values[plane], np.asarray(picture))
    np.multiply(values[:3], values[3], out=values[4:7])
    np.multiply(values[:3], values[:3], out=values[7:10])
    np.multiply(values[1:3], values[0], out=values[10:12])
    np.multiply(values[1], values[2], out=values[12])
    window = (2 * radius + 1, 2 * radius + 1)
    cv2.blur(values.reshape(13 * rows, width), window, dst=means.reshape(13 * rows, width))
    means = means[:, radius : radius + height]
    centre, p = means[:3], means[3]
    product = scratch.take("product", (3, height, width), np.float32)
    # Covariances: of the colour with the mask (cy, cu, cv) and with itself (yy, uu, vv, yu, yv, uv), symmetric.
    means[4:7] -= np.multiply(centre, p, out=product)
    means[7:10] -= np.multiply(centre, centre, out=product)
    means[7:10] += np.float32(epsilon * epsilon)
    means[10:12] -= np.multiply(centre[1:], centre[0], out=product[:2])
    means[12] -= np.multiply(centre[1], centre[2], out=product[0])
    cy, cu, cv, yy, uu, vv, yu, yv, uv = means[4:]
    # Inverted by its cofactors.
    k = scratch.take("cofactors", (6, height, width), np.float32)
    one = product[0]
    for out, (a, b, c, d) in zip(
        k,
        ((uu, vv, uv, uv), (yv, uv, yu, vv), (yu, uv, yv, uu), (yy, vv, yv, yv), (yu, yv, yy, uv), (yy, uu, yu, yu)),
        strict=True,
    ):
        np.multiply(a, b, out=out)
        out -= np.multiply(c, d, out=one)
    fitted = scratch.take("fitted", (4, height, width), np.float32)
    scale = fitted[3]  # the determinant, until b takes its place
    np.multiply(yy, k[0], out=scale)
    scale += np.multiply(yu, k[1], out=one)
    scale += np.multiply(yv, k[2], out=one)
    for out, (a, b, c) in zip(fitted, ((0, 1, 2), (1, 3, 4), (2, 4, 5)), strict=False):
        np.multiply(k[a], cy, out=out)
        out += np.multiply(k[b], cu, out=one)
        out += np.multiply(k[c], cv, out=one)
    fitted[:3] /= scale
    np.multiply(fitted[:3], centre, out=product)
    np.subtract(p, product[0], out=fitted[3])
    fitted[3] -= product[1]
    fitted[3] -= product[2]
    return fitted


def saturate(values: Any, plus: Any = None, out: Picture | None = None) -> Picture:
    """`values`, or `values + plus`, float32, rounded to uint8 and held to 0..255."""
    if plus is None:
        return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0), out), np.uint8)
    return np.asarray(cv2.add(values, plus, out, None, cv2.CV_8U), np.uint8)


class Upsampler:
    """mask + colour -> alpha420 that knows its soft parts.

    guided:    False interpolates the mask as it is.
    sharpness: gain of the alpha about one half.
    steady:    levels by which a soft alpha may differ from the new one before it moves at all, 0: none. It then
               trails by no more than that: play in a gear, not an average, so there is no lag to speak of.
    """

    def __init__(
        self, grid: Grid, *, guided: bool, radius: int, epsilon: float, sharpness: float, steady: int = 0
    ) -> None:
        self.grid = grid
        self.guided = guided
        self.radius = radius
        self.epsilon = epsilon
        self.sharpness = sharpness
        self.steady = steady
        self._past: I420 | None = None
        self._scratch = Scratch()

    def reset(self) -> None:
        """Forget the last alpha."""
        self._past = None

    def follow(self, other: Upsampler) -> None:
        """Go on from the last alpha of `other`, which worked on another grid."""
        self._past = other._past

    def __call__(self, mask: Picture, colour: Picture, halves: list[Picture], out: I420) -> SoftAlpha:
        """The alpha of one frame, written to `out`.

        mask:   `(h, w)` uint8 at the grid's working size.
        colour: `(h, w, 3)` uint8, the frame's Y, U, V at that size.
        halves: the frame's Y, U, V at half size, padded to whole tiles.
        """
        terms: list[Any] = [mask.astype(np.float32)]
        if self.guided:
            terms = self._fit(colour, mask, terms[0])
        for term in terms:
            term *= self.sharpness
        terms[-1] += np.float32(127.5 * (1 - self.sharpness))
        alpha = self._apply(terms, colour)
        soft, solid = self._cut(alpha)
        out.fill(0)
        y, u, v = planes(out)
        for left, top, right, bottom in solid:
            y[top:bottom, left:right] = 255
            u[top // 2 : bottom // 2, left // 2 : right // 2] = 255
        self._soft_parts(soft, terms, halves, y, u)
        np.copyto(v, u)
        self._past = out
        return with_soft(out, soft, solid)

    def _fit(self, colour: Picture, mask: Picture, plain: Floats) -> list[Any]:
        """The coefficients: those of `fit` where the mask changes, the mask itself (`plain`) elsewhere."""
        terms: list[Any] = [np.zeros_like(plain) for _ in range(3)] + [plain]
        changes: Any = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, _SQUARE)
        left, top, width, height = cv2.boundingRect(changes)
        if width:
            reach = 2 * self.radius
            part = (
                slice(max(0, top - reach), top + height + reach),
                slice(max(0, left - reach), left + width + reach),
            )
            for term, fitted in zip(
                terms, fit(colour[part], mask[part], self.radius, self.epsilon, self._scratch), strict=True
            ):
                term[part] = fitted
        return terms

    def _apply(self, terms: list[Any], colour: Picture) -> Picture:
        """The alpha at the size of `colour`."""
        total = terms[-1].copy()
        for term, plane in zip(terms[:-1], cv2.split(colour), strict=False):
            total += term * plane
        return saturate(total)

    def _cut(self, alpha: Picture) -> tuple[list[Rect], list[Rect]]:
        """The parts of the frame where the alpha need not be 0 or 255, and those where it is 255.

        A tile that is not soft is whatever its middle is, in the alpha at working size.
        """
        soft: Any = cv2.inRange(alpha, _NEAR, 255 - _NEAR)
        person = np.right_shift(alpha[TILE // 2 :: TILE, TILE // 2 :: TILE], 7)
        return self.grid.cut(self.grid.tiles(np.asarray(cv2.dilate(soft, _CROSS), np.uint8)), person)

    def _soft_parts(
        self, rects: list[Rect], terms: list[Floats], halves: list[Picture], y: Picture, u: Picture
    ) -> None:
        """The interpolated coefficients applied to the colour at half size, in `rects`; then luma's alpha from it."""
        past = planes(self._past)[1] if self._past is not None and self.steady else None
        wide: list[Any] = [cv2.copyMakeBorder(term, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for term in terms]
        for rect in rects:
            left, top, right, bottom = (edge // 2 for edge in rect)
            alpha = u[top:bottom, left:right]
            total = self._upsample(wide[-1], rect, "total")
            if len(wide) == 1:
                saturate(total, out=alpha)
            for term, plane in zip(wide[:-2], halves, strict=False):
                part = self._upsample(term, rect, "part")
                np.multiply(part, plane[top:bottom, left:right], out=part)
                cv2.add(total, part, total)
            if len(wide) > 1:
                part = self._upsample(wide[-2], rect, "part")
                np.multiply(part, halves[-1][top:bottom, left:right], out=part)
                saturate(total, part, out=alpha)
            if past is not None:
                self._hold(alpha, past[top:bottom, left:right])
            # What adjoins a rectangle is plain, or nearly so: interpolating each alone leaves no seam.
            whole = y[rect.top : rect.bottom, rect.left : rect.right]
            cv2.resize(alpha, whole.shape[::-1], dst=whole, interpolation=cv2.INTER_LINEAR)

    def _hold(self, alpha: Picture, past: Picture) -> None:
        """Moves `alpha` to within `steady` levels of itself towards `past`, except where it is 0 or 255."""
        soft, held, least = (self._scratch.take(name, alpha.shape, np.uint8) for name in ("soft", "held", "least"))
        play: Any = self.steady
        cv2.inRange(alpha, 1, 254, soft)
        cv2.add(alpha, play, held)
        np.minimum(held, past, out=held)
        cv2.subtract(alpha, play, least)
        np.maximum(held, least, out=held)
        cv2.copyTo(held, soft, alpha)

    def _upsample(self, padded: Floats, rect: Rect, name: str) -> Any:
        """The part of a padded working-size plane under `rect`, interpolated to half the frame's size."""
        s, half = self.grid.scale, self.grid.scale // 2
        left, top, right, bottom = rect
        # Padded by one: the pixel above top / s is at index top / s.
        part = padded[top // s : -(-bottom // s) + 2, left // s : -(-right // s) + 2]
        shape = (part.shape[0] * half, part.shape[1] * half)
        full = self._scratch.take(name, shape, np.float32)
        cv2.resize(part, shape[::-1], dst=full, interpolation=cv2.INTER_LINEAR)
        return full[half : half + (bottom - top) // 2, half : half + (right - left) // 2]


_NEAR = 4  # levels from 0 and 255 that nobody sees
_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
