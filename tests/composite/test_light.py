"""The old room's colours out of soft edges, and the new background's light on the person."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.composite import BlurBackground, ColorBackground, Compositor, TransparentBackground
from edge_bg.composite.backgrounds import Still
from edge_bg.composite.colour import OldRoom
from edge_bg.frame import Frame, filled, planes
from edge_bg.frame.tiles import Grid, Rect, Scratch, with_soft

SIZE = (320, 240)


class Painted(Still):
    """A background of given pixels."""

    def __init__(self, picture):
        super().__init__()
        self._draw = lambda size: picture


def test_clean_takes_the_old_room_out_of_soft_edges():
    size = (640, 480)
    width, height = size
    truth = np.zeros((height, width), np.uint8)
    cv2.circle(truth, (320, 240), 120, 255, -1)
    truth = cv2.blur(truth, (25, 25))
    share = truth.astype(np.float32) / 255
    data = filled(size, (0, 128, 128))
    data[:height] = 40 * share + 220 * (1 - share)  # someone dark before a bright wall
    alpha = filled(size, (0, 0, 0))
    alpha[:height] = truth
    for plane in planes(alpha)[1:]:
        plane[...] = cv2.resize(truth, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    alpha = with_soft(alpha, [Rect(160, 80, 480, 400)], [])
    perfect = 40 * share + 90 * (1 - share)
    frame, behind, edge = Frame(data, 0.0, 0), Painted(filled(size, (90, 128, 128))), (truth > 6) & (truth < 249)
    error = [
        float(np.abs(Compositor(behind, size, clean=clean)(frame, alpha).y - perfect)[edge].mean())
        for clean in (False, True)
    ]
    assert error[1] < 0.3 * error[0]
    cleaned = Compositor(behind, size, clean=True)(frame, alpha)
    assert (cleaned.y[truth == 0] == 90).all() and (cleaned.y[truth == 255] == data[:height][truth == 255]).all()


def test_a_room_that_is_known_is_taken_out_stripe_by_stripe():
    size = (640, 480)
    width, height = size
    truth = np.zeros((height, width), np.uint8)
    cv2.circle(truth, (320, 240), 120, 255, -1)
    truth = cv2.blur(truth, (25, 25))
    share = truth.astype(np.float32) / 255
    stripes = np.where(np.arange(width) // 8 % 2, 220, 60).astype(np.float32)[None, :].repeat(height, axis=0)
    data, alpha = filled(size, (0, 128, 128)), filled(size, (0, 0, 0))
    data[:height] = 40 * share + 0.8 * stripes * (1 - share)  # somebody dark, in the room's shade
    alpha[:height] = truth
    half = cv2.resize(truth, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for plane in planes(alpha)[1:]:
        plane[...] = half
    small = cv2.resize(stripes.astype(np.uint8), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    grey, same = np.full_like(small, 128), np.arange(256, dtype=np.uint8)
    known = ([small, grey, grey], (same, same, same))
    frame, behind, edge = Frame(data, 0.0, 0), Painted(filled(size, (90, 128, 128))), (truth > 30) & (truth < 225)
    error = []
    for room in (None, known):
        soft = with_soft(alpha, [Rect(160, 80, 480, 400)], [], room)
        made = Compositor(behind, size, clean=True)(frame, soft).y
        error.append(float(np.abs(made - (40 * share + 90 * (1 - share)))[edge].mean()))
    assert error[1] < 0.5 * error[0]


@pytest.mark.parametrize("size", [(320, 240), (640, 360), (1280, 720), (1080, 1920), (318, 238), (66, 50)])
def test_the_old_room_is_where_it_is_seen(size, disc_alpha):
    """A wall that gets brighter to the right and redder downwards: what is taken for it has to lie in place."""
    width, height = size
    room, alpha = filled(size, (0, 128, 128)), disc_alpha(size)
    across, down = np.arange(width) * 200 / width + 20, np.arange(height // 2)[:, None] * 100 / (height // 2) + 70
    planes(room)[0][...], planes(room)[2][...] = across, down
    old, scratch = OldRoom(Grid.of(size)), Scratch()
    old.look(room, alpha, alpha.soft)
    edge = (np.asarray(alpha) > 25) & (np.asarray(alpha) < 128)
    assert alpha.soft
    for rect in alpha.soft:
        left, top, right, bottom = rect
        for plane, halves in ((0, 1), (2, 2)):
            at = np.s_[top // halves : bottom // halves, left // halves : right // halves]
            error = old.part(plane, rect, scratch).astype(int) - planes(room)[plane][at]
            assert np.abs(error[planes(edge)[plane][at]]).max(initial=0) <= 12


@pytest.mark.parametrize("size", [(640, 360), (1080, 1920)])
def test_clean_leaves_no_steps_where_soft_parts_meet(size, disc_alpha):
    """What is near some soft parts alone is the same as in the whole frame, also where tiles stick out of it."""
    width, height = size
    alpha = disc_alpha(size)
    small = np.random.default_rng(7).integers(0, 256, (height * 3 // 80, width // 40), np.uint8)
    data = cv2.resize(small, (width, height * 3 // 2))
    behind = Painted(filled(size, (60, 128, 128)))
    parts, whole = (
        Compositor(behind, size, clean=True)(Frame(data, 0.0, 0), one).data
        for one in (alpha, with_soft(np.array(alpha), [Rect(0, 0, *size)], []))
    )
    assert len(alpha.soft) > 1 and np.abs(parts.astype(int) - whole).max() <= 2


def test_clean_never_shows_the_room_where_alpha_is_nothing(disc_alpha):
    alpha = disc_alpha()
    out = Compositor(ColorBackground("black"), SIZE, clean=True)(
        Frame(np.random.default_rng(5).integers(0, 256, (360, 320), np.uint8), 0.0, 0), alpha
    )
    assert (out.y[np.asarray(alpha)[:240] == 0] == 0).all()


def test_light_wraps_round_the_edge_and_no_further(disc_alpha):
    person, behind, alpha = filled(SIZE, (40, 128, 128)), filled(SIZE, (240, 128, 128)), disc_alpha()
    frame = Frame(person, 0.0, 0)
    plain = Compositor(Painted(behind), SIZE)(frame, alpha).y.astype(int)
    wrapped = Compositor(Painted(behind), SIZE, wrap=0.6)(frame, alpha).y.astype(int)
    y = np.asarray(alpha)[:240]
    assert (wrapped >= plain - 1).all() and (wrapped - plain)[(y > 100) & (y < 250)].mean() > 4
    deep = cv2.erode(y, np.ones((25, 25), np.uint8)) == 255
    assert np.abs(wrapped - plain)[deep | (y == 0)].max() <= 1
    with pytest.raises(ValueError, match="wrap"):
        Compositor(Painted(behind), SIZE, wrap=2.0)


def test_no_light_wraps_where_nothing_is_behind(disc_alpha):
    """The black behind a transparent frame is no light: whoever lays it over a picture would see a dark rim."""
    alpha, frame = disc_alpha(), Frame(filled(SIZE, (200, 128, 128)), 0.0, 0)
    plain, wrapped = (Compositor(TransparentBackground(), SIZE, wrap=w)(frame, alpha).data.copy() for w in (0, 1))
    assert (wrapped == plain).all()


def scene(mean: int, u: int = 128, v: int = 128) -> np.ndarray:
    """A picture with light and shade about `mean`."""
    picture = filled(SIZE, (0, u, v))
    picture[: SIZE[1]] = np.linspace(mean - 40, mean + 40, SIZE[0]).astype(np.uint8)
    return picture


def test_match_takes_up_the_light_of_the_background_and_leaves_the_background_alone(disc_alpha):
    alpha, person = disc_alpha(), scene(120)
    inside = np.asarray(alpha)[:240] == 255
    for behind, brighter, redder in ((scene(180, 120, 138), 1, 1), (scene(60, 140, 118), -1, -1)):
        plain, matched = (Compositor(Painted(behind), SIZE, match=m)(Frame(person, 0.0, 0), alpha) for m in (0, 1))
        assert brighter * (matched.y.astype(int) - plain.y)[inside].mean() > 15
        assert redder * (matched.v.astype(int) - plain.v)[planes(np.asarray(alpha))[2] == 255].mean() > 5
        outside = np.asarray(alpha) == 0
        assert (matched.data[outside] == plain.data[outside]).all()
    with pytest.raises(ValueError, match="match"):
        Compositor(Painted(behind), SIZE, match=-0.1)


@pytest.mark.parametrize("background", [ColorBackground("#00b140"), TransparentBackground(), BlurBackground()])
def test_match_finds_no_light_in_a_colour_nor_another_in_the_room_itself(background, disc_alpha):
    alpha, frame = disc_alpha(), Frame(scene(120), 0.0, 0)
    plain, matched = (Compositor(background, SIZE, match=m)(frame, alpha).data.copy() for m in (0, 1))
    assert (matched == plain).all()


def test_match_follows_slowly_but_takes_a_new_background_at_once(disc_alpha):
    alpha, rng = disc_alpha(), np.random.default_rng(3)
    inside = np.asarray(alpha)[:240] == 255
    still, compositor = scene(120), Compositor(Painted(scene(150)), SIZE, match=1.0)
    past, changes = None, []
    for index in range(60):  # a lamp that flickers by a tenth and noise: the mapping of one and the same level
        lit = np.clip(still * (1 + 0.1 * np.sin(index * 1.9)) + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)
        compositor(Frame(lit, 0.0, index), alpha)
        level = compositor(Frame(still, 0.0, index), alpha).y[inside].astype(int)
        if past is not None:
            changes.append(np.abs(level - past).max())
        past = level
    assert max(changes) <= 2 and np.mean(np.array(changes) > 0) < 0.2
    compositor.background = Painted(scene(60))
    assert (compositor(Frame(still, 0.0, 60), alpha).y[inside].astype(int) - past).mean() < -25


def test_clean_and_match_agree_on_the_old_room(disc_alpha):
    """The old room is taken out as the person's table shows it: edges stay as clean as they are without a match."""
    size, alpha = SIZE, disc_alpha()
    share = np.asarray(alpha).astype(np.float32) / 255
    dark, bright = filled(size, (60, 128, 128)), filled(size, (230, 128, 128))
    mixed = (dark * share + bright * (1 - share)).astype(np.uint8)
    behind = scene(60)
    y = np.asarray(alpha)[:240]
    edge = (y > 30) & (y < 225)
    for match, most in ((0.0, 5), (1.0, 7)):
        made = Compositor(Painted(behind), size, clean=True, match=match)
        person = int(made(Frame(mixed, 0.0, 0), alpha).y[120, 160])
        perfect = person * share[:240] + behind[:240] * (1 - share[:240])
        assert np.abs(made(Frame(mixed, 0.0, 1), alpha).y - perfect)[edge].mean() < most
