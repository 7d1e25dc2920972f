"""Patches of alpha drawn to where the picture leaves the known room: a guided filter, the difference its guide.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010. In a window alpha is a linear function of how far a pixel
is from the room, all its colours together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture

REACH = 3  # pixels of a window to each side
_PLAIN = 2e-3  # variance, of a difference of 1, below which the guide tells nothing
_GAIN = 1.8  # about one half, as the fit in a window is too flat for a sharp edge


def snap(alpha: Picture, away: Sequence[Picture]) -> Picture:
    """Patches one below another, `(n * side, side)` uint8, right but for a rim of `REACH` pixels around each.

    alpha: the same, to be drawn. away: three planes of it, uint8, differences about 128.
    """
    p = alpha.astype(np.float32)
    guide = _distance(away)
    middle, mean = _mean(p), _mean(guide)
    slope = (_mean(guide * p) - mean * middle) / (_mean(guide * guide) - mean * mean + np.float32(_PLAIN))
    total = slope * (guide - mean) + middle
    return np.asarray(cv2.convertScaleAbs(np.maximum(total * _GAIN + 127.5 * (1 - _GAIN), 0)), np.uint8)


def _distance(away: Sequence[Picture]) -> NDArray[np.float32]:
    """The sum of the differences, each of 1 at most, with less of the camera's noise."""
    parts: list[Any] = [cv2.absdiff(plane, 128) for plane in away]  # type: ignore[call-overload]
    total: Any = cv2.add(cv2.add(parts[0], parts[1], dtype=cv2.CV_32F), parts[2], dtype=cv2.CV_32F)
    return np.asarray(cv2.GaussianBlur(total, (3, 3), 0.6) * np.float32(1 / 128), np.float32)


def _mean(plane: Any) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(plane, (2 * REACH + 1, 2 * REACH + 1)), np.float32)
