"""One mask of two networks': the sharp one's edges, and the robust one's word on who is there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.matte.agreed import agreed


def disc(radius: int, centre: tuple[int, int] = (100, 100), side: int = 200) -> np.ndarray:
    out = np.zeros((side, side), np.uint8)
    cv2.circle(out, centre, radius, 255, -1)
    return out.astype(np.float32) / 255


def test_near_the_outline_the_sharp_one_decides() -> None:
    fast, sharp = disc(60), disc(64)
    sharp[98:102, 160:172] = 0  # a fine line it sees through
    assert np.array_equal(agreed(fast, sharp) > 0.5, sharp > 0.5)


def test_far_from_it_the_fast_one_does() -> None:
    fast, sharp = disc(60), np.maximum(disc(60), disc(15, (20, 20)))
    sharp[90:110, 90:110] = 0
    assert np.array_equal(agreed(fast, sharp) > 0.5, fast > 0.5), "neither a stranger in the corner nor a hole"


@pytest.mark.parametrize("sharp", [np.zeros((200, 200), np.float32), disc(20), disc(60, (180, 100))])
def test_where_they_do_not_agree_nobody_is_lost(sharp: np.ndarray) -> None:
    fast = disc(60)
    assert np.array_equal(agreed(fast, sharp), fast)
