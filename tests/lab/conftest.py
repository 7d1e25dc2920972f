"""Labelled pictures that need no data from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.lab import cutouts


@pytest.fixture(scope="session")
def labelled_folder() -> Callable[[Path, int], Path]:
    """Writes some pictures of the built-in portrait before a plain wall, with masks, into a folder."""
    return _write


def _write(root: Path, count: int) -> Path:
    """Pictures of the built-in portrait before a plain wall, with masks."""
    bgra = cutouts.portrait().bgra
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for i in range(count):
        picture = np.full((300, 260, 3), 110 + 20 * i, np.uint8)
        truth = np.zeros((300, 260), np.uint8)
        small = cv2.resize(bgra, (220, 211), interpolation=cv2.INTER_AREA)
        alpha = small[..., 3:] / 255.0
        cut = np.s_[89:300, 10 + 8 * i : 230 + 8 * i]
        picture[cut] = np.rint(picture[cut] * (1 - alpha) + small[..., :3] * alpha)
        truth[cut] = small[..., 3]
        cv2.imwrite(str(root / "images" / f"{i:02d}.png"), picture)
        cv2.imwrite(str(root / "masks" / f"{i:02d}.png"), truth)
    return root
