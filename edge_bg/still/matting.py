"""From a coarse mask to fine alpha, and to colours without the old background in them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Plane = NDArray[np.float32]
Colours = NDArray[np.float32]


def guided_coefficients(guide: Colours, target: Plane, radius: int, epsilon: float) -> Colours:
    """Float32 (h, w, 4): `target` as the local linear function a.rgb + b of the guide (h, w, 3) in 0..1.

    The colour guided filter (He, Sun & Tang 2013, "Guided Image Filtering", TPAMI 35-6); the coefficients are kept
    apart so that they can be applied to a larger guide (He & Sun 2015, "Fast Guided Filter", arXiv:1505.00996).
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(values: NDArray[np.float32]) -> Any:
        return cv2.blur(values, size, borderType=cv2.BORDER_REFLECT)

    middle = mean(guide)
    average = mean(target)
    with_target = mean(guide * target[..., None]) - middle * average[..., None]
    r, g, b = (np.ascontiguousarray(guide[..., c]) for c in range(3))
    mr, mg, mb = (middle[..., c] for c in range(3))
    rr, gg, bb = mean(r * r) - mr * mr + epsilon, mean(g * g) - mg * mg + epsilon, mean(b * b) - mb * mb + epsilon
    rg, rb, gb = mean(r * g) - mr * mg, mean(r * b) - mr * mb, mean(g * b) - mg * mb
    # Inverse of the symmetric 3x3 covariance by cofactors.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    one_over = 1 / (rr * c_rr + rg * c_rg + rb * c_rb)
    tr, tg, tb = (with_target[..., c] for c in range(3))
    out = np.empty((*target.shape, 4), np.float32)
    out[..., 0] = (c_rr * tr + c_rg * tg + c_rb * tb) * one_over
    out[..., 1] = (c_rg * tr + c_gg * tg + c_gb * tb) * one_over
    out[..., 2] = (c_rb * tr + c_gb * tg + c_bb * tb) * one_over
    out[..., 3] = average - (out[..., :3] * middle).sum(axis=2)
    return np.asarray(mean(out), np.float32)


def apply_coefficients(coefficients: Colours, guide: Colours) -> Plane:
    """a.rgb + b, clipped to 0..1, for coefficients and guide of one size."""
    out: Plane = (coefficients[..., :3] * guide).sum(axis=2) + coefficients[..., 3]
    return np.clip(out, 0, 1, out=out)


def weighted_mean(colours: Colours, weight: Plane, radius: int) -> Colours:
    """Mean of `colours` around each pixel, weighted; where no weight is near, what is nearest counts."""
    size = (2 * radius + 1, 2 * radius + 1)
    top = cv2.blur(colours * weight[..., None], size)
    return np.asarray(top / np.maximum(cv2.blur(weight, size), 1e-5)[..., None], np.float32)


def smooth_colours(picture: Colours, alpha: Plane, radius: int) -> tuple[Colours, Colours]:
    """Smooth estimates of the colours in front and behind, float32 (h, w, 3) in 0..1 each: blur-fusion.

    Forte & Pitié 2021, "Approximate Fast Foreground Colour Estimation" (ICIP 2021): the mean of the picture weighted by
    alpha (by 1 - alpha behind) over a wide window, moved so that the picture is what the two make together; then the
    same over a narrow window, from what the first pass gave. `own_colours` makes the last move.
    """
    front, back = weighted_mean(picture, alpha, radius), weighted_mean(picture, 1 - alpha, radius)
    front = own_colours(picture, alpha, front, back)
    narrow = max(2, radius // 15)
    return weighted_mean(front, alpha, narrow), weighted_mean(back, 1 - alpha, narrow)


def own_colours(picture: Colours, alpha: Plane, front: Colours, back: Colours) -> Colours:
    """The person's own colour at each pixel: the picture where alpha is 1, the estimate where it is 0."""
    soft = alpha[..., None]
    own: Colours = front + soft * (picture - soft * front - (1 - soft) * back)
    return np.clip(own, 0, 1, out=own)
