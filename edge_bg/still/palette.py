"""Which colours a part of a picture has: what says whether thing and room can be told by colour alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Lab = NDArray[np.float32]
Table = NDArray[np.float64]

BINS = (16, 32, 32)
LIMITS = ((0, 100), (-128, 128), (-128, 128))


def lab_of(rgb: Any) -> Lab:
    """CIE Lab, float32 (H, W, 3), of RGB uint8."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def count_of(lab: Lab, table: Table) -> Table:
    """For each pixel of CIE Lab (H, W, 3) how usual its colour is in a table of `usual`: (H, W)."""
    at = tuple(
        np.clip(((lab[..., axis] - low) * (bins / (high - low))).astype(int), 0, bins - 1)
        for axis, (bins, (low, high)) in enumerate(zip(BINS, LIMITS, strict=True))
    )
    return np.asarray(table[at])


def usual(colours: Lab) -> Table:
    """How usual each colour is among CIE Lab `colours` (N, 3): (16, 32, 32), its sum about 1; a colour counts a little
    for its neighbours, too."""
    table = np.histogramdd(colours, BINS, LIMITS)[0]
    for axis in range(3):
        padded = np.pad(table, [(int(axis == each),) * 2 for each in range(3)])
        at = [np.take(padded, np.arange(first, first + table.shape[axis]), axis) for first in range(3)]
        table = (at[0] + 2 * at[1] + at[2]) / 4
    return np.asarray(table / max(1, len(colours)))
