"""A mask counts for frames that look like the one it was made of, and for no others: those would show the room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_bg.frame import Frame
from edge_bg.loop.mailbox import Latest
from edge_bg.loop.pairing import newest_pairs

RNG = np.random.default_rng(3)
ROOM = np.repeat(np.repeat(RNG.integers(0, 256, (18, 16), np.uint8), 15, 0), 20, 1)  # I420 of 320x180


def pair(made_of: np.ndarray, shown_now: np.ndarray) -> Any:
    shown: Latest[Frame] = Latest()
    masked: Latest[Any] = Latest()
    of = Frame(made_of, 0.0, 0)
    masked.put((of, np.full((9, 16), 255, np.uint8), of))
    shown.put(Frame(shown_now, 0.03, 1))
    return next(newest_pairs(shown, masked, lambda: 1.0, lambda: 0.5))


@pytest.mark.parametrize("broken", ["noise", "black"])
def test_a_mask_of_a_broken_picture_does_not_cut_out_the_room_after_it(broken: str) -> None:
    noise = RNG.integers(0, 256, ROOM.shape, np.uint8)
    assert pair(noise if broken == "noise" else np.zeros_like(ROOM), ROOM) is None


def test_the_same_room_in_another_light_is_the_same_scene() -> None:
    assert pair(ROOM, ROOM) is not None
    assert pair(ROOM, (ROOM * 0.7).astype(np.uint8)) is not None
