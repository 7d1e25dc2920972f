"""Where the network of the known room looks, and when it looks again."""

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


def frame(bgr: np.ndarray, seed: int) -> Frame:
    noisy = bgr + np.random.default_rng(seed).normal(0, 1.5, bgr.shape)
    return Frame(from_bgr(np.clip(noisy, 0, 255).astype(np.uint8)), seed / 30, seed)


def guest(gap: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(the picture, the network's mask, which knows of no gap)."""
    shape = np.zeros(SIZE[::-1], np.uint8)
    cv2.rectangle(shape, (255, 170), (345, 359), 255, -1)
    mask = cv2.resize(shape, (256, 144), interpolation=cv2.INTER_AREA)
    if gap:
        left, top, right, bottom = GAP
        shape[top:bottom, left:right] = 0
    return np.where(shape[..., None] > 0, np.uint8((40, 60, 190)), ROOM), mask


@pytest.fixture
def matte() -> Matte:
    made = Matte(SIZE, booth=True)
    for seed in range(LEARN + 5):
        made(np.zeros((144, 256), np.uint8), frame(ROOM, seed))
    assert made.booth is not None and made.booth.state == "known"
    return made


def looks(matte: Matte) -> list[int]:
    """How many patches the network gets, call by call, from now on."""
    counts: list[int] = []
    room: Any = matte.booth.detail.network  # type: ignore[union-attr]
    network = room.network

    class Watched:
        side = network.side

        def __call__(self, planes: list[np.ndarray]) -> np.ndarray:
            counts.append(planes[0].shape[0] // network.side)
            return network(planes)

    room.network = Watched()
    return counts


def first_look(matte: Matte) -> tuple[Any, tuple[Any, ...]]:
    """The function that gives alpha beside a guest, and what it was given first."""
    bgr, mask = guest()
    detail: Any = matte.booth.detail  # type: ignore[union-attr]
    given, look = [], detail.alpha
    detail.alpha = lambda *args: given.append(args) or look(*args)
    matte(mask, frame(bgr, 1))
    return look, given[0]


def test_the_room_shows_between_an_arm_and_a_body(matte):
    bgr, mask = guest(gap=True)
    for seed in range(8):
        alpha = matte(mask, frame(bgr, seed))
    left, top, right, bottom = GAP
    assert (alpha[top + 6 : bottom - 6, left + 4 : right - 4] > 127).mean() < 0.1
    assert (alpha[280:350, 275:335] > 127).mean() > 0.98


def test_it_looks_again_only_where_something_changed(matte):
    look, asked = first_look(matte)
    rough, soft, colour, *rest = asked
    before, counts = look(*asked).copy(), looks(matte)
    assert np.array_equal(look(*asked), before) and not counts
    row, column = np.argwhere(soft)[0] * 2  # the first cell of a tile
    other = colour.copy()
    other[0, row, column] = int(colour[0, row, column]) ^ 64
    look(rough, soft, other, *rest)
    assert counts == [1]


def test_what_waits_to_be_looked_at_shows_nothing_of_who_was_there_before(matte):
    look, (rough, soft, *rest) = first_look(matte)
    matte.booth.detail.network = lambda where, *_: np.zeros(where.shape, bool)  # all wait
    alpha = look(np.zeros_like(rough), soft, *rest)
    there = cv2.resize(soft, alpha.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    assert (cv2.resize(rough, alpha.shape[::-1])[there] > 127).mean() > 0.3
    assert (alpha[there] > 127).mean() < 0.15


def test_a_room_that_looks_other_than_before_is_looked_at_anew(matte):
    bgr, mask = guest()
    still = frame(bgr, 1)
    for _ in range(10):
        matte(mask, still)
    counts = looks(matte)
    matte.booth.detail.change(None, None)  # as after a push
    matte(mask, still)
    assert counts and counts[0] > 4


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
