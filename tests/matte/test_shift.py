"""Where everybody went: whole pixels, found for who moves, and nothing for who stands."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.frame import Picture
from edge_bg.matte.shift import catch_up, displacement, overlap
from edge_bg.matte.temporal import Motion, Smoother

SIZE = (128, 72)
RNG = np.random.default_rng(5)
ROOM, COAT = (
    cv2.normalize(cv2.GaussianBlur(RNG.normal(size=SIZE[::-1]), (0, 0), blur), None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    for blur in (2, 3)
)


def scene(x: float, y: float = 0) -> tuple[Picture, Picture]:
    """(luma, mask): somebody in a patterned coat, moved by (x, y) pixels, before a patterned room that stays."""
    there = np.array([[1, 0, x], [0, 1, y]], np.float32)
    body = np.zeros(SIZE[::-1], np.uint8)
    cv2.ellipse(body, (60, 45), (14, 30), 0, 0, 360, 255, -1)
    mask = cv2.warpAffine(body, there, SIZE)
    coat = cv2.warpAffine(COAT, there, SIZE, borderMode=cv2.BORDER_REPLICATE)
    alpha = mask.astype(np.float32) / 255
    luma = np.rint(coat * alpha + ROOM * (1 - alpha)).astype(np.uint8)
    noise = np.random.default_rng(1000 + int(10 * x + y)).normal(0, 1.5, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8), np.asarray(mask, np.uint8)


@pytest.mark.parametrize("move", [(1, 0), (-2, 1), (3, -1), (2, 3), (-5, 0)])
def test_a_move_of_whole_pixels_is_found(move: tuple[int, int]) -> None:
    before, person = scene(0)
    assert displacement(before, scene(*move)[0], person) == move


@pytest.mark.parametrize("move", [0, 0.2, -0.3])
def test_who_sways_by_less_than_half_a_pixel_stays(move: float) -> None:
    before, person = scene(0)
    assert displacement(before, scene(move)[0], person) == (0, 0)


def test_nobody_and_another_picture_have_no_move() -> None:
    before, person = scene(0)
    assert displacement(before, scene(3)[0], np.zeros_like(person)) == (0, 0)
    flat = np.full_like(before, 90)
    assert displacement(flat, flat, person) == (0, 0)
    x, y = displacement(before, np.asarray(255 - before, np.uint8), person)
    assert max(abs(x), abs(y)) < 8


def test_the_parts_that_overlap_show_the_same() -> None:
    planes = RNG.integers(0, 255, (2, 6, 8), np.uint8)
    for x, y in ((2, 1), (-3, 0), (0, -2)):
        before, now = overlap((6, 8), x, y)
        moved = np.full_like(planes, 0)
        moved[now] = planes[before]
        for row in range(6):
            for column in range(8):
                r, c = row - y, column - x
                inside = 0 <= r < 6 and 0 <= c < 8
                assert (moved[:, row, column] == (planes[:, r, c] if inside else 0)).all()


def test_what_the_network_loses_of_a_dancer_for_a_frame_is_kept() -> None:
    """A bag is there in all masks but one. With the past taken along it stays; where nothing is taken along it goes."""
    motion, smoother = Motion(), Smoother(0.9, 0.3, 28.0)
    shares = []
    for frame in range(14):
        luma, mask = scene(3 * frame - 20)
        bag = np.zeros_like(mask)
        cv2.rectangle(bag, (3 * frame + 34, 45), (3 * frame + 46, 58), 255, -1)
        bag &= mask
        seen = mask & ~bag if frame == 12 else mask
        colour = np.stack((luma, np.full_like(luma, 128), np.full_like(luma, 128)))
        steady, _ = smoother(seen, colour, motion(colour))
        shares.append(float(steady[bag > 0].mean()))
    assert min(shares[:12]) > 240
    assert shares[12] > 100, "without following it is 0 wherever the luma changed"
    assert shares[13] > 180


@pytest.mark.parametrize("move", [(3, -1), (-5, 0)])
def test_a_late_mask_catches_up_with_who_moved(move: tuple[int, int]) -> None:
    then, late = scene(0)
    now, there = scene(*move)
    assert np.count_nonzero(cv2.absdiff(late, there) > 127) > 150
    wrong = cv2.absdiff(catch_up(late, then, now), there)[:-1]  # nobody knows what comes from below the picture
    assert np.count_nonzero(wrong > 127) < 10


def test_a_late_mask_stays_where_nobody_moved_or_one_shift_fits_nobody() -> None:
    then, mask = scene(0)
    assert catch_up(mask, then, scene(0.2)[0]) is mask
    apart = np.where(np.arange(SIZE[0]) < 60, scene(-3)[0], scene(3)[0]).astype(np.uint8)
    assert catch_up(mask, then, apart) is mask
