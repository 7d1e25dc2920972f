"""Alphas of simple shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.uint8]


def disk(size: int = 120, radius: float = 30, x: float = 60, y: float = 60) -> Alpha:
    """A filled disc with hard edges."""
    yy, xx = np.mgrid[:size, :size]
    return np.where((xx - x) ** 2 + (yy - y) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def square(size: int = 100, left: int = 20, top: int = 20, side: int = 40) -> Alpha:
    alpha = np.zeros((size, size), np.uint8)
    alpha[top : top + side, left : left + side] = 255
    return alpha
