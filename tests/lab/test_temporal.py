"""Lag and flicker have the values that theory gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.lab import temporal

from .shapes import Alpha, disk, square


def moving(frames: int, speed: float = 3.0) -> list[Alpha]:
    """A soft-edged disc that walks to the right."""
    return [cv2.GaussianBlur(disk(160, 30, 35 + speed * i, 80), (0, 0), 1.0) for i in range(frames)]


def measure(alphas: list[Alpha], truths: list[Alpha]) -> temporal.Temporal:
    clip = temporal.Temporal()
    for alpha, truth in zip(alphas, truths, strict=True):
        clip.add(alpha, truth)
    return clip


def test_perfect_clip() -> None:
    clip = measure(moving(25), moving(25))
    assert clip.flicker == 0.0 and clip.dtssd == 0.0
    assert clip.lag == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("late", [1, 2, 3])
def test_lag_of_a_late_alpha_is_its_delay(late: int) -> None:
    truths = moving(30)
    assert measure(truths[:-late], truths[late:]).lag == pytest.approx(late, abs=0.03)


@pytest.mark.parametrize("weight", [0.8, 0.5])
def test_lag_of_an_exponential_mean(weight: float) -> None:
    truths, past, alphas = moving(30), moving(1)[0].astype(np.float32), []
    for truth in truths:
        past = past + weight * (truth - past)
        alphas.append(np.rint(past).astype(np.uint8))
    assert measure(alphas, truths).lag == pytest.approx((1 - weight) / weight, abs=0.05)


def test_a_wider_outline_is_no_lag() -> None:
    truths = moving(30)
    wide = [cv2.dilate(t, np.ones((5, 5), np.uint8)) for t in truths]
    # 2 px at 3 px a frame: 0.67 frames if one of the two edges decided alone.
    assert abs(measure(wide, truths).lag) < 0.1


def crowd(frames: int) -> list[Alpha]:
    """Three people who pass each other at one, two and four pixels a frame, and turn round halfway."""
    truths = []
    for frame in range(frames):
        at = min(frame, frames - frame)
        truth = np.zeros((120, 200), np.uint8)
        truth[20:, 40 + at : 70 + at] = 255
        truth[30:, 150 - 2 * at : 175 - 2 * at] = 255
        truth[50:, 60 + 4 * at : 80 + 4 * at] = 255
        truths.append(np.asarray(cv2.GaussianBlur(truth, (0, 0), 1), np.uint8))
    return truths


@pytest.mark.parametrize("late", [0, 1, 2])
def test_lag_of_people_who_move_in_different_directions(late: int) -> None:
    truths = crowd(44)
    assert measure(truths[: len(truths) - late], truths[late:]).lag == pytest.approx(late, abs=0.05)


def test_blur_is_no_lag_and_hides_little_of_one() -> None:
    truths = crowd(44)
    blurred = [np.asarray(cv2.GaussianBlur(t, (0, 0), 5), np.uint8) for t in truths]
    assert abs(measure(blurred, truths).lag) < 0.03
    assert measure(blurred[:-1], truths[1:]).lag == pytest.approx(1, abs=0.2)


def test_flicker_and_dtssd_of_a_blinking_pixel_block() -> None:
    truth = square()
    alphas = [truth.copy() for _ in range(6)]
    for alpha in alphas[::2]:
        alpha[80:90, 80:90] = 51  # 100 of 10,000 pixels change by 0.2 with every frame
    clip = measure(alphas, [truth] * 6)
    assert clip.flicker == pytest.approx(0.2 * 100 / 10000 * 1000)
    assert clip.dtssd == pytest.approx(np.sqrt(0.2**2 * 100 / 10000) * 100)
    assert np.isnan(clip.lag)  # nothing moved


def test_flicker_without_truth_counts_still_pixels_only() -> None:
    still = np.zeros((100, 100), bool)
    still[:50] = True
    clip = temporal.Temporal()
    for level in (0, 255, 0):
        alpha = np.zeros((100, 100), np.uint8)
        alpha[50:] = level  # flickers where the picture moved: not held against it
        alpha[:5] = level // 5
        clip.add(alpha, still=still)
    assert clip.flicker == pytest.approx(0.2 * 5 / 50 * 1000)
    assert np.isnan(clip.dtssd)


def test_still_pixels_see_through_sensor_noise_and_notice_motion() -> None:
    rng = np.random.default_rng(0)
    room = cv2.GaussianBlur(rng.integers(0, 256, (120, 120), dtype=np.uint8), (0, 0), 3)
    room = cv2.normalize(room, None, 60, 180, cv2.NORM_MINMAX)
    noisy = [np.clip(room + rng.normal(0, 4, room.shape), 0, 255).astype(np.uint8) for _ in "ab"]
    assert temporal.still_pixels(noisy[0], noisy[1]).mean() > 0.97
    noisy[1][40:60, 40:60] = 250
    assert not temporal.still_pixels(noisy[0], noisy[1])[40:60, 40:60].any()
