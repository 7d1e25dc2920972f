"""A green wall: props stay, a green shirt stays, shadows on the wall do not."""

from __future__ import annotations

import numpy as np
import pytest

from edge_bg.frame import Frame, filled, planes, yuv_of
from edge_bg.matte import Matte, MatteOptions

SIZE = (640, 360)
GREEN = (40, 200, 60)
PERSON, PROP, SHIRT = (200, 60, 340, 360), (340, 150, 440, 200), (220, 160, 320, 300)


def scene(seed: int, wall: tuple[int, int, int] = GREEN, *, shirt: bool = False) -> np.ndarray:
    data = filled(SIZE, yuv_of(wall)).astype(np.float32)
    luma = data[: SIZE[1]]
    luma *= np.linspace(0.75, 1.1, SIZE[0])  # unevenly lit
    data = np.clip(data + np.random.default_rng(seed).normal(0, 2, data.shape), 0, 255).astype(np.uint8)
    boxes = [(PERSON, (150, 110, 150)), (PROP, (90, 160, 110))] + ([(SHIRT, yuv_of(GREEN))] if shirt else [])
    for (left, top, right, bottom), yuv in boxes:
        for plane, value, step in zip(planes(data), yuv, (1, 2, 2), strict=True):
            plane[top // step : bottom // step, left // step : right // step] = value
    return data


def mask() -> np.ndarray:
    found = np.zeros((144, 256), np.uint8)
    left, top, right, bottom = (round(edge * 0.4) for edge in PERSON)
    found[top:bottom, left:right] = 255
    return found


def kept(alpha: np.ndarray, box: tuple[int, int, int, int]) -> float:
    left, top, right, bottom = box
    return float((alpha[top:bottom, left:right] > 127).mean())


def run(matte: Matte, found: np.ndarray, **how) -> np.ndarray:
    for seed in range(3):
        alpha = matte(found, Frame(scene(seed, **how), 0.0, seed))
    return np.asarray(alpha)


@pytest.mark.parametrize("key", ["auto", "#28c83c"])
def test_props_stay_and_the_wall_goes(key):
    alpha = run(Matte(SIZE, key=key), mask())
    assert kept(alpha, PROP) > 0.9 and kept(alpha, PERSON) > 0.97
    assert kept(alpha, (0, 0, 190, 360)) < 0.001 and kept(alpha, (450, 0, 640, 360)) < 0.001
    assert kept(run(Matte(SIZE), mask()), PROP) < 0.2


def test_a_green_shirt_stays():
    assert kept(run(Matte(SIZE, key="auto"), mask(), shirt=True), SHIRT) > 0.99


def test_a_green_shirt_stays_where_the_network_is_half_sure():
    found = mask()
    left, top, right, bottom = (round(edge * 0.4) for edge in SHIRT)
    found[top:bottom, left:right] = 150
    assert kept(run(Matte(SIZE, key="auto"), found, shirt=True), SHIRT) > 0.9


def test_the_wall_goes_where_the_network_is_wrong():
    wrong = mask()
    wrong[10:60, 5:40] = 150
    assert kept(run(Matte(SIZE, key="auto"), wrong), (20, 30, 90, 140)) < 0.01


def test_without_a_coloured_wall_the_mask_is_left_alone():
    keyed, plain = Matte(SIZE, key="auto"), Matte(SIZE)
    assert (run(keyed, mask(), wall=(120, 120, 120)) == run(plain, mask(), wall=(120, 120, 120))).all()
    assert keyed.key.wall is None


@pytest.mark.parametrize("share", [0.8, 0.9])
def test_beside_the_wall_the_network_is_alone(share):
    """The room goes, and a green plant in it makes it no part of the wall; the guest stays, on the floor, too."""
    edge, floor = round(share * SIZE[0]) // 2 * 2, 300

    def beside(seed: int) -> Frame:
        data = scene(seed)
        for (left, top, right, bottom), yuv in (
            ((edge, 0, 640, 360), (170, 100, 140)),
            ((0, floor, 640, 360), (60, 130, 125)),
            ((600, 40, 630, 70), yuv_of(GREEN)),
        ):
            for plane, value, step in zip(planes(data), yuv, (1, 2, 2), strict=True):
                plane[top // step : bottom // step, left // step : right // step] = value
        left, top, right, bottom = PERSON
        planes(data)[0][floor:bottom, left:right] = 150
        return Frame(data, 0.0, seed)

    matte = Matte(SIZE, key="#28c83c")
    for seed in range(3):
        alpha = np.asarray(matte(mask(), beside(seed)))
    assert kept(alpha, (edge + 4, 0, 640, 296)) < 0.001 and kept(alpha, (0, floor + 8, 180, 360)) < 0.001
    assert kept(alpha, (360, floor + 8, 640, 360)) < 0.001
    assert kept(alpha, PROP) > 0.9 and kept(alpha, PERSON) > 0.95


@pytest.mark.parametrize(("wall", "found"), [((60, 90, 220), True), ((224, 172, 140), False), ((196, 150, 90), False)])
def test_a_warm_wall_is_not_keyed_unless_it_is_named(wall, found):
    """Skin and wood have its hue."""
    matte = Matte(SIZE, key="auto")
    run(matte, mask(), wall=wall)
    assert (matte.key.wall is not None) is found


def test_options():
    for wrong in ("green", "#12", "auto "):
        with pytest.raises(ValueError, match="key"):
            MatteOptions(key=wrong)
    with pytest.raises(ValueError, match="take one"):
        MatteOptions(key="auto", booth=True)
