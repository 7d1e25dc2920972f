"""Patches of alpha drawn to where the picture leaves the known room: a guided filter, the difference its guide.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010. In a window alpha is a linear function of how far Y, U and
V are from the room, which before a known room it truly is where the person's colour is constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture

REACH = 4  # pixels of a window to each side
_PLAIN = 2e-3  # variance, of a difference of 1, below which the guide tells nothing
_GAIN = 1.5  # about one half, as the fit in a window is too flat for a sharp edge


def snap(alpha: Picture, away: Sequence[Picture]) -> Picture:
    """Patches one below another, `(n * side, side)` uint8, right but for a rim of `REACH` pixels around each.

    alpha: the same, to be drawn. away: three planes of it, uint8, differences about 128.
    """
    p = alpha.astype(np.float32)
    guides = [_steady(plane) for plane in away]
    middle, means = _mean(p), [_mean(guide) for guide in guides]
    (a, b, c), (d, e, f) = means, [_mean(guide * p) - mean * middle for guide, mean in zip(guides, means, strict=True)]
    aa, bb, cc = (
        _mean(guide * guide) - mean * mean + np.float32(_PLAIN) for guide, mean in zip(guides, means, strict=True)
    )
    ab, ac, bc = (_mean(guides[i] * guides[j]) - means[i] * means[j] for i, j in ((0, 1), (0, 2), (1, 2)))
    # The inverse of a symmetric 3x3 matrix, written out.
    one, two, three = bb * cc - bc * bc, ac * bc - ab * cc, ab * bc - ac * bb
    scale = 1 / np.maximum(aa * one + ab * two + ac * three, np.float32(1e-12))
    total = (one * d + two * e + three * f) * scale * (guides[0] - a)
    total += (two * d + (aa * cc - ac * ac) * e + (ab * ac - aa * bc) * f) * scale * (guides[1] - b)
    total += (three * d + (ab * ac - aa * bc) * e + (aa * bb - ab * ab) * f) * scale * (guides[2] - c)
    total += middle
    stretched = np.clip(np.rint((total - 127.5) * _GAIN + 127.5), 0, 255)
    return np.asarray(stretched, np.uint8)


def _steady(plane: Any) -> Any:
    """A difference of 1 at most, with less of the camera's noise."""
    return cv2.GaussianBlur((plane.astype(np.float32) - 128) / 128, (3, 3), 0.6)


def _mean(plane: Any) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(plane, (2 * REACH + 1, 2 * REACH + 1)), np.float32)
