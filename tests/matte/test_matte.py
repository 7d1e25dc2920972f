"""The matte on masks and pictures whose right answer is known by construction."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from edge_bg.frame import Frame, empty, filled, planes
from edge_bg.frame.tiles import Grid, soft_parts
from edge_bg.matte import Matte, MatteOptions
from edge_bg.matte.clean import clean

SIZES = [(1280, 720), (640, 480), (1920, 1080), (320, 240), (854, 480), (1366, 768), (62, 34), (2, 2)]


def disc(size: tuple[int, int], *, contrast: int = 120, shift: int = 0) -> tuple[Frame, np.ndarray]:
    """A frame with a bright disc on a dark room, and the disc's true alpha at frame size."""
    width, height = size
    truth = np.zeros((height, width), np.uint8)
    cv2.circle(truth, (width // 2 + shift, height // 2), max(1, height // 3), 255, -1, cv2.LINE_AA)
    data = filled(size, (0, 128, 128))
    data[:height] = 60 + truth.astype(np.float32) / 255 * contrast
    return Frame(data, 0.0, 0), truth


def small(truth: np.ndarray, size: tuple[int, int] = (256, 144), blur: int = 5) -> np.ndarray:
    """What a network would say: the truth at model size, its edge washed out."""
    return cv2.blur(cv2.resize(truth, size, interpolation=cv2.INTER_AREA), (blur, blur))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("edges", ["guided", "bilinear"])
def test_layout_and_plain_masks(size, edges):
    matte = Matte(size, edges=edges)
    frame = Frame(filled(size, (90, 128, 128)), 0.0, 0)
    for value in (0, 255):
        matte.reset()
        alpha = matte(np.full((144, 256), value, np.uint8), frame)
        assert alpha.shape == frame.data.shape and alpha.dtype == np.uint8 and alpha.flags.c_contiguous
        assert (alpha == value).all()
        soft, solid = soft_parts(alpha)
        assert soft == [] and solid == ([(0, 0, *size)] if value else [])


@pytest.mark.parametrize("size", [s for s in SIZES if s[1] >= 240])
def test_alpha_follows_the_picture_not_the_mask(size):
    frame, truth = disc(size)
    mask = small(truth, (256, 256 * size[1] // size[0]))
    guided = Matte(size, smoothing=0.0)(mask, frame)[: size[1]]
    plain = Matte(size, smoothing=0.0, edges="bilinear", sharpness=1.0, low=0.0, high=1.0)(mask, frame)[: size[1]]
    error = [np.abs(a.astype(int) - truth).mean() for a in (guided, plain)]
    assert error[0] < 0.5 * error[1]


@pytest.mark.parametrize("size", SIZES)
def test_chroma_alpha_is_about_luma_alpha_at_half_size(size):
    frame, truth = disc(size)
    alpha = Matte(size)(small(truth), frame)
    y, u, v = planes(np.asarray(alpha))
    assert (u == v).all()
    half = cv2.resize(y, u.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(half.astype(int) - u).mean() < (1 if size[1] >= 240 else 5)


@pytest.mark.parametrize("size", SIZES)
def test_outside_the_soft_parts_alpha_is_hard(size):
    frame, truth = disc(size)
    alpha = Matte(size)(small(truth), frame)
    y, u, _ = (p.copy() for p in planes(np.asarray(alpha)))
    soft, solid = soft_parts(alpha)
    for left, top, right, bottom in soft:
        assert not (left | top | right | bottom) % 2
        y[top:bottom, left:right] = 0
        u[top // 2 : bottom // 2, left // 2 : right // 2] = 0
    for left, top, right, bottom in solid:
        assert (y[top:bottom, left:right] == 255).all(), "solid, and not under a soft part"
        y[top:bottom, left:right] = 0
        u[top // 2 : bottom // 2, left // 2 : right // 2] -= 255
    assert not y.any() and not u.any()


def test_what_is_still_stays_still():
    rng = np.random.default_rng(0)
    frame, truth = disc((640, 360))
    mask = small(truth).astype(int)

    def wobble(matte: Matte) -> float:
        seen = []
        for _ in range(20):
            noisy = frame.data + rng.normal(0, 1.5, frame.data.shape)
            shaky = np.clip(mask + cv2.blur(rng.normal(0, 60, mask.shape), (7, 7)), 0, 255).astype(np.uint8)
            seen.append(matte(shaky, Frame(np.clip(noisy, 0, 255).astype(np.uint8), 0.0, 0))[:360].astype(int))
        return float(np.mean([np.abs(b - a).mean() for a, b in itertools.pairwise(seen[8:])]))

    assert wobble(Matte((640, 360))) < 0.1 * wobble(Matte((640, 360), smoothing=0.0, play=0.0))


def test_what_moves_is_followed_at_once():
    matte = Matte((640, 360))
    for step in range(6):
        frame, truth = disc((640, 360), shift=16 * step)
        alpha = matte(small(truth), frame)
    alone = Matte((640, 360), smoothing=0.0)(small(truth), frame)
    # The disc moves 16 pixels a frame: half a frame late would be 8 columns of a ring 360 pixels long.
    assert np.abs(alpha[:360].astype(int) - alone[:360]).mean() < 0.25


def test_reset_forgets():
    frame, truth = disc((320, 240))
    matte = Matte((320, 240))
    matte(np.zeros((144, 256), np.uint8), frame)
    matte.reset()
    first = matte(small(truth), frame)
    assert (first == Matte((320, 240))(small(truth), frame)).all()


def test_buffers_are_used_again_but_never_under_a_reader():
    frame, truth = disc((320, 240))
    matte, mask = Matte((320, 240)), small(truth)
    held = matte(mask, frame)
    copy = held.copy()
    addresses = set()
    for _ in range(10):
        addresses.add(matte(255 - mask, frame).ctypes.data)
    assert (held == copy).all() and held.ctypes.data not in addresses
    assert len(addresses) <= 2


def test_wrong_sizes_and_options_are_refused():
    with pytest.raises(ValueError, match="made for"):
        Matte((320, 240))(np.zeros((144, 256), np.uint8), Frame(empty((640, 480)), 0.0, 0))
    with pytest.raises(ValueError, match="smoothing"):
        MatteOptions(smoothing=1.5)
    with pytest.raises(ValueError, match="edges"):
        MatteOptions(edges="magic")
    with pytest.raises(ValueError, match="even"):
        Matte((321, 240))


def test_people_far_away_are_worked_on_more_finely():
    matte, frame = Matte((1280, 720)), disc((1280, 720))[0]

    def scale_for(side):
        mask = np.zeros((144, 256), np.uint8)
        mask[20 : 20 + side, 30 : 30 + side] = 255
        matte(mask, frame)
        return matte.grid.scale

    # Shares of the picture: 0.24, 0.01, 0.04, 0.07, 0, 0.04, 0.01, 0, 0.01.
    assert [scale_for(side) for side in (94, 20, 38, 50, 0, 38, 20, 0, 20)] == [10, 8, 8, 10, 10, 10, 8, 8, 8]


def test_grid_prefers_a_scale_that_divides():
    assert Grid.of((1280, 720)).working == (128, 72)
    assert Grid.of((1280, 720)).padded == (1280, 720)
    assert Grid.of((1920, 1080)).working == (120, 68)  # half a row sticks out
    assert Grid.of((1366, 768)).padded[0] > 1366


def test_specks_go_and_holes_are_filled():
    mask = np.zeros((72, 128), np.uint8)
    mask[20:60, 40:90] = 255
    mask[30:32, 60:62] = 0  # a hole
    mask[5:7, 100:102] = 255  # a speck
    mask[40:42, 88:90] = 0  # a notch, not a hole: it is open to the room
    cleaned = clean(mask, 0.0008)
    assert cleaned[31, 61] == 255 and not cleaned[0:10, 95:110].any() and cleaned[41, 89] == 0
    assert (clean(mask, 0.0) == mask).all()
    large = mask.copy()
    large[30:50, 50:80] = 0
    assert (clean(large, 0.0008)[30:50, 50:80] == 0).all()


def test_an_outline_between_two_cells_is_looked_at_closely():
    mask = np.zeros((72, 128), np.uint8)
    mask[:, :64] = 255  # a step that leaves no soft cell, where two tiles meet
    frame = Frame(filled((1280, 720), (90, 128, 128)), 0.0, 0)
    alpha = Matte((1280, 720), edges="bilinear", sharpness=4.0)(mask, frame)
    assert alpha.soft and all(rect.left < 640 < rect.right for rect in alpha.soft)


def test_a_hard_outline_in_the_wrong_place_is_put_right():
    """As a learned room gives it: no grey at all, and a cell of 10 pixels too far out."""
    frame, truth = disc((1280, 720))
    cells = cv2.resize(truth, (128, 72), interpolation=cv2.INTER_AREA)
    hard = cv2.dilate(np.where(cells > 127, 255, 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    alpha = Matte((1280, 720), smoothing=0.0)(hard, frame)[:720]
    wrong = [np.abs(a.astype(int) - truth).mean() for a in (alpha, cv2.resize(hard, (1280, 720)))]
    assert wrong[0] < 0.6 * wrong[1]


def test_a_mask_of_an_older_frame_goes_along_with_who_moves():
    size, step = (1280, 720), 40
    told, untold, errors = Matte(size), Matte(size), []
    shots = [disc(size, shift=step * i) for i in range(6)]
    for i, (frame, truth) in enumerate(shots):
        of, late = shots[max(0, i - 1)]
        given = told(small(late), frame, of), untold(small(late), frame)
        errors.append([cv2.absdiff(alpha[:720], truth).mean() for alpha in given])
    aware, blind = np.mean(errors[1:], axis=0)
    assert aware < 0.25 * blind
    with pytest.raises(ValueError, match="made for"):
        told(small(shots[0][1]), shots[0][0], disc((640, 480))[0])
