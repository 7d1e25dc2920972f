"""Where the network of the known room looks, and what shows where it does not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from edge_bg.frame import Frame, from_bgr
from edge_bg.lab.rooms import painted
from edge_bg.matte import Matte
from edge_bg.matte.booth import LEARN

SIZE = (640, 360)
ROOM = painted(SIZE, np.random.default_rng(4))
GAP = (262, 215, 280, 260)  # between an arm and a body
DEEP = (270, 215, 285, 260)  # further inside


def frame(bgr: np.ndarray, seed: int) -> Frame:
    noisy = bgr + np.random.default_rng(seed).normal(0, 1.5, bgr.shape)
    return Frame(from_bgr(np.clip(noisy, 0, 255).astype(np.uint8)), seed / 30, seed)


def guest(gap: tuple[int, int, int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(the picture, the network's mask, which knows of no gap)."""
    shape = np.zeros(SIZE[::-1], np.uint8)
    cv2.rectangle(shape, (255, 170), (345, 359), 255, -1)
    mask = cv2.resize(shape, (256, 144), interpolation=cv2.INTER_AREA)
    if gap:
        left, top, right, bottom = gap
        shape[top:bottom, left:right] = 0
    return np.where(shape[..., None] > 0, np.uint8((40, 60, 190)), ROOM), mask


@pytest.fixture
def matte() -> Matte:
    made = Matte(SIZE, booth=True)
    for seed in range(LEARN + 5):
        made(np.zeros((144, 256), np.uint8), frame(ROOM, seed))
    assert made.booth is not None and made.booth.state == "known"
    return made


def test_the_room_shows_between_an_arm_and_a_body(matte):
    bgr, mask = guest(GAP)
    for seed in range(8):
        alpha = matte(mask, frame(bgr, seed))
    left, top, right, bottom = GAP
    assert (alpha[top + 6 : bottom - 6, left + 4 : right - 4] > 127).mean() < 0.1
    assert (alpha[280:350, 275:335] > 127).mean() > 0.98


def test_a_gap_that_the_small_picture_misses_is_looked_at(matte: Matte) -> None:
    bgr, mask = guest(DEEP)
    seen = frame(bgr, 1)
    matte(mask, seen)
    detail: Any = matte.booth.detail  # type: ignore[union-attr]
    detail.shows = np.zeros_like(detail.shows)
    rough = matte._fit_mask(mask)
    looked = detail.unsure(rough, matte._halves(seen))
    left, top, right, bottom = (edge // matte.grid.scale for edge in DEEP)
    assert looked[top + 1 : bottom - 1, left : right - 1].all()
    assert not looked[bottom + 6 : bottom + 12, left + 2 : right].any()


def test_what_there_is_no_time_for_is_found_as_without_the_room(matte: Matte) -> None:
    bgr, mask = guest()
    wide = cv2.dilate(mask, np.ones((5, 5), np.uint8))  # the network is off by two of its pixels
    detail: Any = matte.booth.detail  # type: ignore[union-attr]
    truth = cv2.resize(mask, SIZE, interpolation=cv2.INTER_NEAREST).astype(float)
    detail.network.most = 4
    some = np.asarray(matte(wide, frame(bgr, 99)))[: SIZE[1]]
    waiting = cv2.resize(detail.waits.astype(np.uint8), SIZE, interpolation=cv2.INTER_NEAREST) > 0
    alone = np.asarray(Matte(SIZE)(wide, frame(bgr, 99)))[: SIZE[1]]
    assert waiting.any()
    off = [np.abs(alpha - truth)[waiting].mean() for alpha in (some, alone)]
    assert off[0] <= 1.05 * off[1]


def test_where_the_room_is_not_known_yet_edges_are_found_as_without_it(matte: Matte) -> None:
    """As behind guests who were there before the booth was: once the coarse mask was shown as it is."""
    bgr, mask = guest()
    wide = cv2.dilate(mask, np.ones((5, 5), np.uint8))  # the network is off by two of its pixels
    detail: Any = matte.booth.detail  # type: ignore[union-attr]
    detail.plate.looks[:] = 0
    matte.booth._room.unseen[:] = 255  # type: ignore[union-attr]
    truth = cv2.resize(mask, SIZE, interpolation=cv2.INTER_NEAREST).astype(float)
    off = []
    for each in (matte, Matte(SIZE)):
        alpha = np.asarray(each(wide, frame(bgr, 99)))[: SIZE[1]]
        off.append(np.abs(alpha - truth).mean())
    assert off[0] <= 1.05 * off[1]
