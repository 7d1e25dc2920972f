"""Whom the rules keep, drawn as blocks: the guest stays, the passer-by goes, and nobody blinks."""

from __future__ import annotations

import numpy as np
import pytest

from edge_bg.framing.crowd import people
from edge_bg.framing.keep import Keeper

CELLS = (256, 144)
STRIP = [(0, 0.9), (1, 0.9), (1, 1), (0, 1)]


def crowd(*blocks: tuple[int, int, int, int]) -> np.ndarray:
    """Blocks left, top, right, bottom, as sure as can be."""
    mask = np.zeros(CELLS[::-1], np.uint8)
    for left, top, right, bottom in blocks:
        mask[top:bottom, left:right] = 255
    return mask


def near(mask: np.ndarray, x: int, y: int) -> bool:
    return bool(mask[y, x] > 127)


def test_people_are_counted_without_specks():
    mask = crowd((10, 10, 40, 140), (100, 50, 120, 140), (200, 4, 203, 6))
    found = people(mask)
    assert [each.area for each in found] == [30 * 130, 20 * 90]
    assert found[0].box == (10, 10, 40, 140)


def test_the_largest_stays_and_the_other_goes():
    keeper = Keeper("largest", None, CELLS)
    out = keeper(crowd((10, 10, 60, 144), (150, 50, 170, 130)))
    assert near(out, 30, 70) and not out[:, 120:].any()


def test_a_rival_takes_over_only_when_clearly_larger_and_for_a_while():
    keeper = Keeper("largest", None, CELLS)
    keeper(crowd((10, 44, 50, 144), (150, 54, 180, 144)))
    for _ in range(20):  # larger, but not by half
        out = keeper(crowd((10, 44, 50, 144), (150, 44, 200, 144)))
        assert near(out, 30, 100) and not near(out, 170, 100)
    kept = []
    for _ in range(10):
        out = keeper(crowd((10, 44, 50, 144), (140, 4, 200, 144)))
        kept.append(near(out, 170, 100))
        assert near(out, 30, 100) != kept[-1]  # one of them, always
    assert not any(kept[:5]) and all(kept[6:])


def test_somebody_missing_for_a_frame_does_not_hand_over():
    keeper = Keeper("largest", None, CELLS)
    guest, passer = (10, 10, 60, 144), (150, 50, 170, 130)
    keeper(crowd(guest, passer))
    assert not near(keeper(crowd(passer)), 160, 100)
    out = keeper(crowd(guest, passer))
    assert near(out, 30, 100) and not near(out, 160, 100)


@pytest.mark.parametrize(("rule", "zone"), [("largest", None), ("zone", STRIP)])
def test_a_passer_by_who_touches_the_guest_does_not_get_in(rule, zone):
    keeper = Keeper(rule, zone, CELLS)
    guest = (100, 10, 150, 144)
    for left in range(180, 140, -3):  # walks up behind the guest from the right
        out = keeper(crowd(guest, (left, 50, left + 20, 125)))
        assert near(out, 120, 100)
        free = max(left, 150) + 4
        assert not out[60:120, free:].any(), left


def test_the_zone_keeps_those_whose_feet_are_in_it():
    keeper = Keeper("zone", STRIP, CELLS)
    out = keeper(crowd((10, 10, 60, 144), (150, 50, 170, 125)))
    assert near(out, 30, 70) and not near(out, 160, 100)
    half = Keeper("zone", [(0, 0), (0.4, 0), (0.4, 0.8), (0, 0.8)], CELLS)
    out = half(crowd((10, 10, 60, 144), (150, 50, 170, 144)))
    assert near(out, 30, 70) and not near(out, 160, 100)


def test_who_steps_out_of_the_zone_for_a_moment_stays():
    keeper = Keeper("zone", [(0, 0.9), (0.5, 0.9), (0.5, 1), (0, 1)], CELLS)
    inside, outside = crowd((90, 10, 120, 144)), crowd((105, 10, 160, 144))
    for _ in range(3):
        assert near(keeper(inside), 110, 70)
    for _ in range(5):
        assert near(keeper(outside), 110, 70)
    for _ in range(3):
        assert near(keeper(inside), 110, 70)
    shown = [near(keeper(outside), 110, 70) for _ in range(10)]
    assert all(shown[:5]) and not any(shown[6:])


def test_nobody_is_no_trouble_and_everyone_is_the_mask_itself():
    keeper = Keeper("largest", None, CELLS)
    empty = crowd()
    assert not keeper(empty).any() and keeper(empty) is empty
    one = crowd((10, 10, 60, 144))
    assert keeper(one) is one


@pytest.mark.parametrize(("rule", "zone"), [("largest", None), ("zone", STRIP)])
def test_a_passer_by_who_comes_out_from_behind_the_guest_goes_at_once(rule, zone):
    keeper = Keeper(rule, zone, CELLS)
    guest = (100, 10, 150, 144)
    keeper(crowd(guest))
    keeper(crowd((100, 10, 160, 144)))
    out = keeper(crowd(guest, (156, 50, 176, 125)))
    assert near(out, 120, 100) and not near(out, 165, 100)


@pytest.mark.parametrize(("rule", "zone"), [("largest", None), ("zone", STRIP)])
def test_what_comes_off_the_guest_stays(rule, zone):
    keeper = Keeper(rule, zone, CELLS)
    keeper(crowd((100, 10, 150, 144), (150, 60, 190, 70)))
    for _ in range(20):  # the arm is lost, the hand is not; the waist is lost, the legs are not
        out = keeper(crowd((100, 10, 150, 90), (100, 100, 150, 144), (178, 60, 190, 70)))
        assert near(out, 120, 50) and near(out, 120, 120) and near(out, 184, 65)


@pytest.mark.parametrize(("rule", "zone"), [("largest", None), ("zone", STRIP)])
def test_a_guest_who_moves_is_never_cut_in_two(rule, zone):
    """A bag that the network loses and finds again beside the guest must not take the guest's body with it."""
    keeper = Keeper(rule, zone, CELLS)
    for frame in range(40):
        left = 60 + round(50 * np.sin(frame / 7))
        blocks = [(left, 10, left + 50, 144)]
        blocks += [(left - 22, 80, left - 4, 110)] if frame % 8 < 4 else [(left - 22, 80, left + 2, 110)]
        mask = crowd(*blocks)
        out = keeper(mask)
        body = out[10:144, left : left + 50]
        assert (body > 127).mean() > 0.9, frame


def test_who_walks_into_the_picture_is_let_in_as_soon_as_their_feet_are():
    keeper = Keeper("zone", STRIP, CELLS)
    for frame in range(3):  # first a shoulder
        assert not keeper(crowd((0, 40, 6 + 4 * frame, 90))).any()
    out = keeper(crowd((0, 10, 30, 144)))
    assert near(out, 15, 70)


def test_numbers_are_given_again_so_that_a_day_of_passers_by_costs_no_more_than_a_minute():
    keeper = Keeper("largest", None, CELLS)
    for frame in range(300):  # somebody new every third frame, each at another place
        left = 80 + 50 * (frame // 3 % 3)
        keeper(crowd((10, 10, 50, 144), (left, 60, left + 16, 130)) if frame % 3 else crowd((10, 10, 50, 144)))
    assert keeper._last < 5
