"""People so far away that the whole picture, as small as the network sees it, shows nobody."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.lab import metrics, rooms
from edge_bg.network.segment import Segmenter
from edge_bg.still.mask import coarse_mask, look, person_boxes


@pytest.fixture(scope="module")
def general():
    with Segmenter("general", threads=1) as segmenter:
        yield segmenter


def room(seed: int) -> np.ndarray:
    """A drawn room, RGB (720, 1280, 3)."""
    return np.ascontiguousarray(rooms.painted((1280, 720), np.random.default_rng(seed), clutter=0.7)[..., ::-1])


@pytest.mark.parametrize("side", [36, 44])
def test_somebody_far_away_is_found(general, side):
    picture, truth = room(4), np.zeros((720, 1280), np.uint8)
    portrait = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    bgra = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    share, here = bgra[..., 3:] / 255, np.s_[180 : 180 + side, 420 : 420 + side]
    picture[here] = np.rint(picture[here] * (1 - share) + bgra[..., 2::-1] * share)
    truth[here] = bgra[..., 3]
    assert not person_boxes(look(picture, (0, 0, 1280, 720), general), 0.06), "at first sight nobody is there"
    mask = np.rint(coarse_mask(picture, general) * 255).astype(np.uint8)
    assert metrics.iou(mask, truth) > 0.6


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_found_in_a_room_in_which_nobody_is(general, seed):
    assert coarse_mask(room(seed), general).max() < 0.5
