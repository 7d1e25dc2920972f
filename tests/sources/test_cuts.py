"""Cuts: noticed in the very frame, and nothing else taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.frame import from_bgr
from edge_bg.sources.cuts import Cuts

from .films import Bgr, portrait, walk

SIZE = (320, 180)


def cuts_in(pictures: list[Bgr]) -> list[int]:
    cuts = Cuts()
    return [number for number, picture in enumerate(pictures) if cuts(from_bgr(picture))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (walk(SIZE, 12, seed=1), walk(SIZE, 12, seed=2)),
        ([portrait(SIZE, 0.3, (0.2, 0.9))] * 12, [portrait(SIZE, 1.6, (0.6, 1.5))] * 12),  # small, then close
        ([portrait(SIZE, 0.8)] * 12, [portrait(SIZE, 0.8, (0.5, 1.0), wall=(30, 120, 40))] * 12),  # another wall
        ([np.zeros((180, 320, 3), np.uint8)] * 12, walk(SIZE, 12)),  # out of the black
    ],
    ids=["rooms", "close-up", "wall", "black"],
)
def test_a_cut_is_noticed_in_its_frame(before: list[Bgr], after: list[Bgr]) -> None:
    assert cuts_in([*before, *after]) == [len(before)]
    assert cuts_in([*before[:1], *after]) == [1]


@pytest.mark.parametrize("seed", range(4))
def test_a_person_who_moves_is_none(seed: int) -> None:
    with_noise = [cv2.add(picture, np.random.default_rng(i).integers(0, 12, picture.shape, np.uint8))
                  for i, picture in enumerate(walk(SIZE, 150, seed=seed))]  # fmt: skip
    assert cuts_in(with_noise) == []
    assert cuts_in(with_noise[::6]) == []  # at 5 frames a second


def test_a_person_who_crosses_a_plain_wall_in_a_second_is_none() -> None:
    assert cuts_in([portrait(SIZE, 0.7, (-0.3 + 1.6 * i / 25, 1.0)) for i in range(26)]) == []


def test_a_flash_and_a_fade_are_none() -> None:
    pictures = walk(SIZE, 30)
    pictures[8] = cv2.convertScaleAbs(pictures[8], alpha=0.5, beta=120)
    for i in range(15, 30):
        pictures[i] = cv2.convertScaleAbs(pictures[i], alpha=(30 - i) / 15)
    assert cuts_in(pictures) == []


def test_a_camera_that_is_swung_is_none() -> None:
    """30 pixels a frame, from 0 in 6 frames."""
    wide = np.hstack([walk((640, 180), 1, seed=seed)[0] for seed in range(3)])
    offsets = np.cumsum([min(5 * i, 30) for i in range(40)])
    assert cuts_in([wide[:, x : x + 320] for x in offsets]) == []
