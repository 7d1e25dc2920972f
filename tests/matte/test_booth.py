"""The learned room on a painted one: what is held is kept, shadows are not, and a wrong model is not believed."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.frame import Frame, filled, from_bgr, planes
from edge_bg.lab.data import read_bgra
from edge_bg.lab.rooms import painted
from edge_bg.matte import Matte
from edge_bg.matte.booth import LEARN, STILL, SURE

SIZE = (640, 360)


def room(seed: int = 0, *, light: float = 1.0, push: int = 0) -> np.ndarray:
    """I420 of a room with shelves and a coloured wall, with sensor noise of its own for each seed."""
    return _room(seed, light, push).copy()


@lru_cache(256)  # 90 MB; a picture takes longer to make than to judge
def _room(seed: int, light: float, push: int) -> np.ndarray:
    rng = np.random.default_rng(99)
    data = filled(SIZE, (120, 118, 134)).astype(np.float32)
    y = data[: SIZE[1]]
    for _ in range(60):
        left, top = rng.integers(0, 600), rng.integers(0, 330)
        y[top : top + 24, left : left + 30] = rng.integers(40, 220)
    if push:
        y[:] = np.roll(y, push, axis=1)
    y *= light
    data[: SIZE[1]] += np.random.default_rng(seed).normal(0, 2, y.shape)
    return np.clip(data, 0, 255).astype(np.uint8)


def put(data: np.ndarray, box: tuple[int, int, int, int], yuv: tuple[int, int, int]) -> np.ndarray:
    left, top, right, bottom = box
    for plane, value, step in zip(planes(data), yuv, (1, 2, 2), strict=True):
        plane[top // step : bottom // step, left // step : right // step] = value
    return data


PERSON, CUP = (200, 80, 320, 360), (330, 160, 380, 220)


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((144, 256), np.uint8)
    left, top, right, bottom = (round(edge * 0.4) for edge in box)
    mask[top:bottom, left:right] = 255
    return mask


def guest(seed: int, **how: float) -> np.ndarray:
    return put(put(room(seed, **how), PERSON, (90, 110, 150)), CUP, (200, 90, 180))


def learned(**options: float) -> Matte:
    matte = Matte(SIZE, booth=True, **options)
    for seed in range(LEARN + 5):
        matte(np.zeros((144, 256), np.uint8), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known"
    return matte


def kept(alpha: np.ndarray, box: tuple[int, int, int, int]) -> float:
    left, top, right, bottom = box
    return float((alpha[top:bottom, left:right] > 127).mean())


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


def test_a_pushed_camera_is_noticed_at_once_and_the_room_found_again():
    matte = learned()
    for seed in range(3):
        alpha = matte(mask_of(PERSON), Frame(guest(seed, push=14), 0.0, 0))
        assert matte.booth.state == "wrong"
    assert kept(alpha, (420, 20, 620, 340)) < 0.01
    for seed in range(12):
        alpha = matte(mask_of(PERSON), Frame(guest(seed, push=14), 0.0, 0))
    assert matte.booth.state == "known"
    assert kept(alpha, CUP) > 0.85 and kept(alpha, (420, 20, 620, 340)) < 0.01


def test_another_room_is_not_believed_and_is_learned_when_empty():
    matte = learned()
    for seed in range(40):
        elsewhere = np.ascontiguousarray(guest(seed)[:, ::-1])
        alpha = matte(mask_of(PERSON), Frame(elsewhere, 0.0, 0))
        assert matte.booth.state == "wrong"
    assert kept(alpha, (420, 20, 620, 340)) < 0.01
    for seed in range(80):
        matte(np.zeros((144, 256), np.uint8), Frame(np.ascontiguousarray(room(seed)[:, ::-1]), 0.0, 0))
    assert matte.booth.state == "known"


def test_a_lamp_that_goes_out_on_one_side_is_made_up_for():
    matte = learned()
    light = np.linspace(1, 0.4, SIZE[0])
    for seed in range(20):
        data = guest(seed)
        data[: SIZE[1]] = data[: SIZE[1]] * light
        alpha = matte(mask_of(PERSON), Frame(data, 0.0, 0))
        assert kept(alpha, (420, 20, 620, 340)) < 0.03 or seed == 0
    assert matte.booth.state == "known" and kept(alpha, CUP) > 0.85


@pytest.mark.parametrize("luma", [20, 235])
def test_a_sign_does_not_hinder_the_room_from_being_found_under_another_light(luma):
    matte, sign = learned(), (310, 80, 450, 260)

    def held(seed, bottom=sign[3]):
        return put(guest(seed), (*sign[:3], bottom), (luma, 90, 180))

    for seed in range(12):
        matte(mask_of(PERSON), Frame(guest(seed), 0.0, 0))
    for bottom in range(sign[1], sign[3], 15):  # raised slowly: what comes at once could be a lamp
        matte(mask_of(PERSON), Frame(held(bottom, bottom), 0.0, 0))
    light = np.linspace(1, 1.3, SIZE[0])
    for seed in range(30):
        data = held(seed)
        data[: SIZE[1]] = np.minimum(data[: SIZE[1]] * light, 255)
        alpha = matte(mask_of(PERSON), Frame(data, 0.0, 0))
    assert matte.booth.state == "known" and kept(alpha, sign) > 0.7
    assert kept(alpha, (470, 60, 620, 300)) < 0.01 and kept(alpha, (20, 60, 170, 300)) < 0.01


POSTER, FAR_CUP = (450, 40, 560, 300), (40, 60, 90, 120)


def test_beside_a_poster_the_room_is_learned_at_once():
    matte = Matte(SIZE, booth=True)
    for seed in range(SURE + 5):
        matte(mask_of(POSTER), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known"
    for seed in range(12):
        alpha = matte(cv2.max(mask_of(POSTER), mask_of(PERSON)), Frame(guest(seed), 0.0, 0))
    assert kept(alpha, CUP) > 0.85 and kept(alpha, (20, 20, 150, 340)) < 0.01
    assert kept(alpha, POSTER) > 0.9  # too soon to tell: it might be somebody who waits


def with_poster() -> Matte:
    """A matte that has long seen a poster which the network takes for somebody."""
    matte = Matte(SIZE, booth=True)
    for seed in range(STILL + 45):
        alpha = matte(mask_of(POSTER), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known" and kept(alpha, POSTER) < 0.01
    return matte


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


def test_who_says_that_the_room_is_empty_is_believed():
    matte = learned()
    matte.relearn()
    for seed in range(LEARN + 1):
        matte(mask_of(POSTER), Frame(room(seed), 0.0, seed))
    for seed in range(40):  # it fades: where nothing stirs, the past counts
        alpha = matte(mask_of(POSTER), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known" and kept(alpha, POSTER) < 0.01


def test_a_poster_does_not_hinder_a_push_from_being_found():
    matte = with_poster()
    for seed in range(12):
        pushed = (POSTER[0] + 14, POSTER[1], POSTER[2] + 14, POSTER[3])
        alpha = matte(cv2.max(mask_of(pushed), mask_of(PERSON)), Frame(guest(seed, push=14), 0.0, 0))
    assert matte.booth.state == "known" and kept(alpha, CUP) > 0.85


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


def test_a_dimmed_lamp_changes_nothing():
    matte = learned()
    for seed in range(12):
        alpha = matte(mask_of(PERSON), Frame(guest(seed, light=0.75), 0.0, 0))
    assert kept(alpha, (420, 20, 620, 340)) < 0.02
    assert kept(alpha, CUP) > 0.85


def test_a_room_is_learned_beside_somebody_who_moves_and_not_behind_them():
    matte = Matte(SIZE, booth=True)
    for seed in range(3 * SURE):
        left = 200 + round(15 * np.sin(seed / 4))
        person = (left, 80, left + 120, 360)
        alpha = matte(mask_of(person), Frame(put(room(seed), person, (90, 110, 150)), 0.0, seed))
    assert matte.booth.state == "known" and kept(alpha, person) > 0.95
    cells = matte.booth.detail.plate.known
    assert not cells[25:, 56:74].any() and cells[:, 110:].all()  # of 160x90: where they were, and well beside them
    for seed in range(12):
        data = put(put(room(seed), person, (90, 110, 150)), (person[2], 180, 530, 200), (200, 90, 180))
        alpha = matte(mask_of(person), Frame(data, 0.0, 0))
    assert kept(alpha, (480, 182, 528, 198)) > 0.8 and kept(alpha, (480, 210, 528, 340)) < 0.02


def test_where_a_guest_stood_from_the_start_is_learned_once_it_is_left():
    matte = Matte(SIZE, booth=True)
    for seed in range(SURE + 5):  # as still as the walls
        matte(mask_of(PERSON), Frame(guest(seed), 0.0, seed))
    for seed in range(60):
        alpha = matte(np.zeros((144, 256), np.uint8), Frame(room(seed), 0.0, seed))
    other = (420, 80, 540, 360)
    for seed in range(12):
        data = put(put(room(seed), other, (90, 110, 150)), CUP, (200, 90, 180))
        alpha = matte(mask_of(other), Frame(data, 0.0, 0))
    assert matte.booth.state == "known" and kept(alpha, other) > 0.95 and kept(alpha, PERSON) < 0.01


def test_relearn_forgets_and_reset_does_not():
    matte = learned()
    matte.reset()
    assert matte.booth.state == "known"
    matte.relearn()
    matte(mask_of(PERSON), Frame(guest(0), 0.0, 0))
    assert matte.booth.state == "learning"


def test_of_another_cameras_room_nothing_is_known_until_it_is_empty():
    matte = learned()
    matte.forget()
    for seed in range(2):  # the last frames of the camera of before
        matte(np.zeros((144, 256), np.uint8), Frame(room(seed), 0.0, 0))
    for seed in range(12):  # the same walls, but for what stands beside the guest: to a room known before, a thing held
        alpha = matte(mask_of(PERSON), Frame(guest(seed), 0.0, 0, scene=1))
    assert matte.booth.state == "learning" and kept(alpha, CUP) < 0.2
    for seed in range(LEARN + 1):
        assert matte.booth.state == "learning"
        matte(np.zeros((144, 256), np.uint8), Frame(put(room(seed), CUP, (200, 90, 180)), 0.0, 0, scene=1))
    for seed in range(12):
        alpha = matte(mask_of(PERSON), Frame(guest(seed), 0.0, 0, scene=1))
    assert matte.booth.state == "known" and kept(alpha, CUP) < 0.2


def test_another_matte_takes_the_room_over_if_it_sees_it_as_large():
    past = learned()
    for size, state in ((SIZE, "known"), ((320, 180), "learning")):
        matte = Matte(size, booth=True, radius=3)
        matte.follow(past)
        assert matte.booth.state == state
    plain = Matte(SIZE)
    plain.follow(past)
    assert plain.booth is None


@pytest.mark.long
def test_a_chair_that_was_moved_is_taken_in():
    matte = learned()
    chair = (450, 200, 560, 340)
    for seed in range(260):
        alpha = matte(np.zeros((144, 256), np.uint8), Frame(put(room(seed), chair, (60, 100, 160)), 0.0, 0))
    assert kept(alpha, chair) < 0.05


def test_a_figure_of_whom_nothing_shows_is_the_wall():
    matte = learned()
    for seed in range(40):
        alpha = matte(mask_of(PERSON), Frame(room(seed), 0.0, seed))
        assert cv2.mean(alpha[:360])[0] < 1


@pytest.mark.long
@pytest.mark.parametrize(("seed", "most"), [(3, 0.03), (5, 0.048)])  # 0.092 and 0.055 before this was looked at
def test_a_camera_that_sinks_slowly_shows_less_of_the_room(seed, most):
    """All that is out of place touches the guest, as what they hold does. But it lies along the room's own edges."""
    wall = painted((704, 424), np.random.default_rng(seed))
    matte, shares = Matte(SIZE, booth=True), []
    for frame in range(LEARN + 100):
        down = max(0, frame - LEARN - 40) // 2
        data = from_bgr(np.ascontiguousarray(wall[32 + down : 392 + down, 32:672]))
        noise = np.random.default_rng(frame).normal(0, 2, data.shape)
        data = np.clip(data + noise, 0, 255).astype(np.uint8)
        there = frame > LEARN + 5
        mask = mask_of(PERSON) if there else np.zeros((144, 256), np.uint8)
        alpha = matte(mask, Frame(put(data, PERSON, (90, 110, 150)) if there else data, 0.0, frame))
        shares.append(kept(alpha, (330, 0, 640, 360)))
    assert np.mean(shares[LEARN + 40 :]) < most
