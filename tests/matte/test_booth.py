"""The learned room on a painted one: what is held is kept, shadows are not, and a wrong model is not believed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.frame import Frame, from_bgr, planes
from edge_bg.lab.data import read_bgra
from edge_bg.matte import Matte
from edge_bg.matte.booth import STILL

from .learned import CUP, PERSON, POSTER, SIZE, guest, kept, learned, mask_of, put, room, with_poster


def test_what_a_guest_holds_is_kept():
    matte, alone = learned(), Matte(SIZE)
    for seed in range(12):  # who is there from one frame to the next might be a switched lamp, for a moment
        frame = Frame(guest(seed), 0.0, 0)
        with_room, without = matte(mask_of(PERSON), frame).copy(), alone(mask_of(PERSON), frame).copy()
    assert kept(without, CUP) < 0.2 and kept(with_room, CUP) > 0.85
    assert kept(with_room, (420, 20, 620, 340)) < 0.01


def test_a_gap_between_a_hat_and_the_border_is_room():
    matte, hat = learned(), (230, 5, 290, 90)
    for seed in range(12):
        alpha = matte(mask_of(PERSON), Frame(put(guest(seed), hat, (230, 90, 180)), 0.0, 0))
    assert kept(alpha, (235, 10, 285, 85)) > 0.9 and kept(alpha, (235, 0, 285, 4)) < 0.2


@pytest.mark.parametrize("light", [0.75, 0.55])
def test_a_shadow_is_no_guest(light):
    matte = learned()
    for seed in range(12):
        data = room(seed)
        data[:360][60:340, 320:560] = data[:360][60:340, 320:560] * light
        alpha = matte(mask_of(PERSON), Frame(put(data, PERSON, (90, 110, 150)), 0.0, 0))
    assert matte.booth.state == "known"
    assert kept(alpha, (420, 60, 560, 340)) < 0.02


def test_what_never_stirs_is_no_guest_even_if_the_network_thinks_so():
    matte = with_poster()
    for seed in range(12):
        both = cv2.max(mask_of(POSTER), mask_of(PERSON))
        alpha = matte(both, Frame(guest(seed), 0.0, 0))
    assert kept(alpha, POSTER) < 0.01 and kept(alpha, PERSON) > 0.95 and kept(alpha, CUP) > 0.85


def test_a_guest_before_a_poster_is_kept():
    matte = with_poster()
    for seed in range(12):
        data = put(room(seed), (440, 60, 570, 360), (90, 110, 150))
        alpha = matte(mask_of((440, 40, 570, 360)), Frame(data, 0.0, 0))
    assert kept(alpha, (445, 65, 565, 355)) > 0.95


def sitting(portrait: np.ndarray, sway: float, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """(mask, I420) of the portrait before the room; breath and balance move it by `sway` pixels and back."""
    scale = 0.8 * SIZE[1] / portrait.shape[0]
    x, y = sway * np.sin(2 * np.pi * frame / 300), sway * np.sin(2 * np.pi * frame / 120 + 1)
    there = np.float32([[scale, 0, 230 + x], [0, scale, 0.2 * SIZE[1] + y]])
    cut = cv2.warpAffine(portrait, there, SIZE)
    share = cut[..., 3] / np.float32(255)
    picture = cv2.blendLinear(cut[..., :3].copy(), Frame(room(frame % 64), 0.0, frame).bgr(), share, 1 - share)
    return cv2.resize(cut[..., 3], (256, 144), interpolation=cv2.INTER_AREA), from_bgr(picture)


@pytest.mark.long
@pytest.mark.parametrize(("sway", "stays"), [(0.0, False), (0.3, True)])  # 0 and 0.7 mm
def test_a_portrait_on_the_wall_goes_and_a_guest_who_sits_still_stays(sway, stays):
    matte, portrait = Matte(SIZE, booth=True), read_bgra(asset_path("portrait.png"))
    for frame in range(STILL + 90):
        mask, data = sitting(portrait, sway, frame)
        alpha = matte(mask, Frame(data, 0.0, frame))
    share = (alpha[: SIZE[1]][cv2.resize(mask, SIZE) > 250] > 127).mean()
    assert share > 0.99 if stays else share < 0.01


def test_what_nobody_holds_is_not_kept():
    matte = learned()
    for seed in range(12):
        alpha = matte(mask_of(PERSON), Frame(put(guest(seed), (540, 40, 590, 90), (230, 90, 180)), 0.0, 0))
    assert kept(alpha, (540, 40, 590, 90)) < 0.05 and kept(alpha, CUP) > 0.85


def test_a_guest_whom_the_network_loses_for_a_moment_stays():
    matte, nobody = learned(), np.zeros((144, 256), np.uint8)
    for seed in range(12):
        matte(mask_of(PERSON), Frame(guest(seed), 0.0, seed))
    for seed in range(12, 24):
        alpha = matte(nobody, Frame(guest(seed), 0.0, seed))
        assert kept(alpha, PERSON) > 0.9
    for seed in range(24, 84):  # a figure that no network sees is let go
        alpha = matte(nobody, Frame(guest(seed), 0.0, seed))
    assert kept(alpha, PERSON) < 0.1


def test_a_wall_that_the_network_takes_for_people_for_a_frame_stays_a_wall():
    matte, most = learned(), np.full((144, 256), 255, np.uint8)
    most[20:100, 60:150] = 0  # and misses most of the guest
    for seed in range(20):  # who is there from one frame to the next might be a switched lamp, for a moment
        alpha = matte(most if seed in (16, 17, 18) else mask_of(PERSON), Frame(guest(seed), 0.0, seed))
        if seed > 15:
            assert matte.booth.state == "known" and kept(alpha, (420, 20, 620, 340)) < 0.01
            assert kept(alpha, PERSON) > 0.95 and kept(alpha, CUP) > 0.8


def test_a_guest_whose_shirt_is_the_wall_is_believed():
    matte, shirt = learned(), (200, 150, 320, 260)
    for seed in range(12):
        data = guest(seed)
        for seen, wall, step in zip(planes(data), planes(room(seed)), (1, 2, 2), strict=True):
            cut = np.s_[shirt[1] // step : shirt[3] // step, shirt[0] // step : shirt[2] // step]
            seen[cut] = wall[cut]
        alpha = matte(mask_of(PERSON), Frame(data, 0.0, seed))
    assert kept(alpha, (245, 190, 275, 220)) > 0.9


def test_a_figure_of_whom_nothing_shows_is_the_wall():
    matte = learned()
    for seed in range(40):
        alpha = matte(mask_of(PERSON), Frame(room(seed), 0.0, seed))
        assert cv2.mean(alpha[:360])[0] < 1
