"""From a coarse mask to fine alpha, and to colours without the old background in them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_ROWS = 32  # of a strip
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of colours, whose products the guided filter needs
_LITTLE = np.float32(0.01)  # mean weight over a window below which it says little
_SQUARED = 3  # times: the eighth power of alpha leaves only what is nearly all person, or all room
_ENOUGH = 10  # one over the share of a near window that is sure, for the window to be believed

Rgb = NDArray[np.uint8]
Plane = NDArray[np.float32]
Colours = NDArray[np.float32]


def guided_coefficients(guide: Colours, target: Plane, radius: int, epsilon: float) -> Colours:
    """Float32 (h, w, 4): `target` as the local linear function a.rgb + b of the guide (h, w, 3) in 0..1.

    The colour guided filter (He, Sun & Tang 2013, "Guided Image Filtering", TPAMI 35-6); the coefficients are kept
    apart so that they can be applied to a larger guide (He & Sun 2015, "Fast Guided Filter", arXiv:1505.00996).
    Beyond two radii from all that is not 0 they are 0, whatever the guide: nothing is worked out there.
    """
    x, y, wide, high = cv2.boundingRect((target > 0).astype(np.uint8))
    reach = 2 * radius + 1
    near = np.s_[max(0, y - reach) : y + high + reach, max(0, x - reach) : x + wide + reach]
    out = np.zeros((*target.shape, 4), np.float32)
    if wide:
        out[near] = _coefficients(np.ascontiguousarray(guide[near]), target[near], radius, epsilon)
    return out


def _coefficients(guide: Colours, target: Plane, radius: int, epsilon: float) -> Colours:
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(values: Any) -> Any:
        return cv2.blur(values, size, borderType=cv2.BORDER_REFLECT)

    # Plane by plane: three colours side by side in memory would make each step three times as slow.
    planes: Any = cv2.split(guide)
    middles, average = [mean(plane) for plane in planes], mean(target)
    made: Any = np.empty_like(average)
    crossed = [mean(cv2.multiply(plane, target, made)) for plane in planes]
    spreads = [mean(cv2.multiply(planes[one], planes[two], made)) for one, two in _PAIRS]
    out = np.empty((4, *average.shape), np.float32)
    for top in range(0, len(average), _ROWS):  # what is in between stays in the processor's cache
        rows = slice(top, top + _ROWS)
        here, across, spread = ([each[rows] for each in several] for several in (middles, crossed, spreads))
        out[:3, rows], out[3, rows] = _linear(here, across, spread, average[rows], np.float32(epsilon))
    return np.asarray(cv2.merge([mean(plane) for plane in out]), np.float32)


def _linear(middles: Any, crossed: Any, spreads: Any, average: Any, epsilon: np.float32) -> tuple[Any, Any]:
    """(r, g, b) and offset of one strip, from means of the guide, of guide by target, and of guide by guide (`_PAIRS`);
    with the inverse of the symmetric 3x3 covariance by cofactors."""
    tr, tg, tb = (each - middle * average for each, middle in zip(crossed, middles, strict=True))
    rr, gg, bb, rg, rb, gb = (
        each - middles[one] * middles[two] + (epsilon if one == two else 0)
        for each, (one, two) in zip(spreads, _PAIRS, strict=True)
    )
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    one_over = 1 / np.maximum(rr * c_rr + rg * c_rg + rb * c_rb, np.float32(1e-20))
    r = (c_rr * tr + c_rg * tg + c_rb * tb) * one_over
    g = (c_rg * tr + c_gg * tg + c_gb * tb) * one_over
    b = (c_rb * tr + c_gb * tg + c_bb * tb) * one_over
    return (r, g, b), average - (r * middles[0] + g * middles[1] + b * middles[2])


def apply_coefficients(coefficients: Colours, guide: Colours) -> Plane:
    """a.rgb + b, clipped to 0..1, for coefficients and guide of one size."""
    with_one = cv2.cvtColor(guide, cv2.COLOR_RGB2RGBA)  # a fourth channel of 1
    with_one = cv2.multiply(with_one, coefficients, with_one)
    out = np.asarray(cv2.transform(with_one, np.ones((1, 4), np.float32)), np.float32)
    return np.clip(out, 0, 1, out=out)


def weighted_mean(colours: Colours, weight: Plane, radius: int, *, else_: Colours | None = None) -> Colours:
    """Mean of `colours` over a box around each pixel, by `weight`; where there is little weight, `else_` shows."""
    size = (2 * radius + 1, 2 * radius + 1)
    out: Any = _thrice(weight)
    out *= colours
    out, total = cv2.blur(out, size), cv2.blur(weight, size)
    if else_ is None:
        out /= _thrice(np.maximum(total, np.float32(1e-5)))
    else:
        out += _LITTLE * else_
        out /= _thrice(total + _LITTLE)
    return np.asarray(out, np.float32)


def _thrice(plane: Any) -> Colours:
    """A plane as three channels: numpy takes several times as long where one is spread over three."""
    return np.asarray(cv2.merge([plane] * 3), np.float32)


def smooth_colours(picture: Colours, alpha: Plane, radii: tuple[int, int, int]) -> tuple[Colours, Colours]:
    """Smooth estimates of the colours in front and behind, float32 (h, w, 3) in 0..1 each: blur-fusion.

    Forte & Pitié 2021, "Approximate Fast Foreground Colour Estimation" (ICIP 2021): the mean of the picture weighted by
    alpha (by 1 - alpha behind) over a window, moved so that the picture is what the two make together; then the same
    over a narrower window, from what the first pass gave. `own_colours` makes the last move. Unlike there the first
    window is small, which a fine edge is better for, with a wide one where nothing sure is in it, as in a wide edge.
    """
    wide, near, narrow = radii
    front, back = _first(picture, alpha, wide, near), _first(picture, 1 - alpha, wide, near)
    moved = own_colours(picture, alpha, front, back)
    return weighted_mean(moved, alpha, narrow, else_=moved), weighted_mean(back, 1 - alpha, narrow, else_=back)


def _first(picture: Colours, share: Plane, wide: int, near: int) -> Colours:
    """Mean of the picture by `share` over the near window, as far as something sure is there; else of what is sure,
    or nearly, over the wide one."""
    sure = share
    for _ in range(_SQUARED):
        sure = sure * sure
    sure += np.float32(1e-3) * share
    far = weighted_mean(picture, sure, wide)
    trust: Any = cv2.blur(sure, (2 * near + 1, 2 * near + 1)) * np.float32(_ENOUGH)
    np.minimum(trust, 1, out=trust)
    close = weighted_mean(picture, share, near, else_=far)
    close -= far
    close *= _thrice(trust)
    close += far
    return close


def own_colours(picture: Colours, alpha: Plane, front: Colours, back: Colours) -> Colours:
    """The person's own colour at each pixel: the picture where alpha is 1, the estimate where it is 0."""
    soft = _thrice(alpha)
    away = front - back
    away *= soft
    own: Colours = picture - back
    own -= away
    own *= soft
    own += front
    return np.clip(own, 0, 1, out=own)
