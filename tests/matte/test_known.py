"""The small network on a room that is known: edges to the pixel, what is held, what is only invented."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.lab.rooms import painted
from edge_bg.matte.known import MOST, KnownRoom, cover, show

SIZE = (320, 180)  # half of 640x360
CELL = 10


@pytest.fixture(scope="module")
def known() -> KnownRoom:
    return KnownRoom(most=99)


def yuv(bgr: np.ndarray) -> list[np.ndarray]:
    return list(cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)))


def disc(x: int, y: int, radius: int) -> np.ndarray:
    large = np.zeros((SIZE[1] * 4, SIZE[0] * 4), np.uint8)
    cv2.circle(large, (4 * x, 4 * y), 4 * radius, 255, -1)
    return cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)


def noisy(bgr: np.ndarray, seed: int) -> np.ndarray:
    return np.clip(bgr + np.random.default_rng(seed).normal(0, 1.5, bgr.shape), 0, 255).astype(np.uint8)


ROOM = painted(SIZE, np.random.default_rng(4))
EVERYWHERE = np.full((SIZE[1] // CELL, SIZE[0] // CELL), 255, np.uint8)
SAME = (np.arange(256, dtype=np.uint8),) * 3  # the light is as it was
SURE = np.full(SIZE[::-1], 255, np.uint8)


def looked(known: KnownRoom, truth: np.ndarray, rough: np.ndarray, sure: np.ndarray = SURE) -> np.ndarray:
    share = truth[..., None] / 255
    frame = noisy(ROOM * (1 - share) + np.array((40, 60, 210)) * share, 1)
    alpha = np.zeros_like(rough)
    assert known(EVERYWHERE, yuv(frame), yuv(noisy(ROOM, 2)), rough, sure, CELL, SAME, alpha).all()
    return alpha


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    a, b = alpha > 127, truth > 127
    return float((a & b).sum() / (a | b).sum())


def test_the_edge_is_where_the_room_ends_and_not_where_the_rough_mask_does(known):
    truth, rough = disc(160, 90, 50), cv2.GaussianBlur(disc(167, 94, 48), (0, 0), 5)
    assert iou(rough, truth) < 0.85
    assert iou(looked(known, truth, rough), truth) > 0.96


def test_what_the_rough_mask_misses_is_found_and_what_it_invents_is_not_kept(known):
    truth = cv2.max(disc(90, 90, 40), disc(150, 60, 12))
    rough = cv2.GaussianBlur(cv2.max(disc(90, 90, 40), disc(250, 120, 14)), (0, 0), 3)
    alpha = looked(known, truth, rough)
    assert alpha[52:68, 142:158].mean() > 230
    assert alpha[108:132, 238:262].mean() < 0.5 * rough[108:132, 238:262].mean()


def test_where_the_room_is_not_known_the_rough_mask_decides(known):
    truth, rough = disc(90, 90, 40), disc(230, 90, 30)
    alpha = looked(known, truth, rough, np.zeros_like(SURE))
    assert alpha[80:100, 220:240].mean() > 200 and alpha[20:40, 280:310].mean() < 20


def test_light_is_made_up_for_by_tables(known):
    rough = cv2.GaussianBlur(disc(90, 90, 40), (0, 0), 3)
    dark = np.clip(np.rint(np.arange(256) * 0.5), 0, 255).astype(np.uint8)
    truth, alpha = disc(90, 90, 40), np.zeros_like(rough)
    share = truth[..., None] / 255
    room = yuv(ROOM)
    frame = yuv(np.uint8(ROOM * (1 - share) + np.array((40, 60, 210)) * share))
    frame[0] = np.where(truth > 0, frame[0], dark[frame[0]])
    known(EVERYWHERE, frame, room, rough, SURE, CELL, (dark, *SAME[1:]), alpha)
    assert iou(alpha, truth) > 0.93


def test_nothing_is_looked_at_where_nothing_is_asked(known):
    rough, alpha = disc(90, 90, 40), np.full_like(SURE, 77)
    done = known(np.zeros_like(EVERYWHERE), yuv(ROOM), yuv(ROOM), rough, SURE, CELL, SAME, alpha)
    assert (alpha == 77).all() and not done.any()


def test_of_too_many_patches_those_wait_that_are_asked_for_least():
    known = KnownRoom()
    large = [cv2.resize(plane, (640, 360)) for plane in yuv(ROOM)]
    rough = np.full((360, 640), 255, np.uint8)
    where, alpha = np.full((36, 64), 9, np.uint8), np.zeros_like(rough)
    where[20:24, 40:44] = 200
    done = known(where, large, large, rough, rough, CELL, SAME, alpha)
    side = known.inner // CELL
    assert done[20:24, 40:44].all() and MOST * side * side * 0.8 < done.sum() <= MOST * side * side


def test_patches_cover_all_cells_that_are_asked_for_even_at_the_edges():
    where = (np.random.default_rng(0).random((18, 33)) < 0.1).astype(np.uint8)
    where[-1, -1] = where[0, 0] = 1
    corners = cover(where, 3)
    covered = np.zeros_like(where)
    for row, column in corners:
        covered[row : row + 3, column : column + 3] = 1
    assert covered[where > 0].all() and len(corners) < where.sum()
    assert corners.min() >= 0 and (corners[:, 0] <= 15).all() and (corners[:, 1] <= 30).all()


def test_an_unknown_room_shows_no_difference():
    now, room = [np.full((2, 2), 200, np.uint8)] * 3, [np.full((2, 2), 100, np.uint8)] * 3
    sure = np.array([[0, 255]] * 2, np.uint8)
    shown = np.dstack(show(now, room, np.zeros((2, 2), np.uint8), sure))
    assert shown[0, 0].tolist() == [200, 200, 0, 128, 128, 128, 0, 0, 128]
    assert shown[0, 1].tolist() == [200, 100, 127, 255, 255, 255, 0, 255, 255]
