"""Where a look may go, and how its mask comes back: whatever the frame's size, inside, even, and in its place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_bg.framing.look import Look, merge
from edge_bg.framing.motion import Motion
from edge_bg.framing.window import Box, Canvas, Window
from edge_bg.knobs.framing import FramingOptions, corners

sides = st.integers(16, 1000).map(lambda n: 2 * n)
sizes = st.tuples(sides, sides)


@st.composite
def canvas_and_box(draw: st.DrawFn) -> tuple[Canvas, Box]:
    canvas = Canvas.of(draw(sizes))
    across, down = canvas.cells
    left, top = draw(st.integers(0, across - 1)), draw(st.integers(0, down - 1))
    return canvas, Box(left, top, draw(st.integers(left + 1, across)), draw(st.integers(top + 1, down)))


@given(canvas_and_box(), st.floats(0.05, 1), st.floats(1, 32))
def test_a_look_lies_in_the_frame_is_even_and_holds_the_people(made, margin, zoom):
    canvas, people = made
    box = canvas.around(people, margin, min(canvas.size) / zoom)
    assert canvas.whole.holds(box) and box.holds(people)
    x, y, width, height = canvas.region(box)
    assert not (x | y | width | height) % 2 and x >= 0 and y >= 0 and width >= 2 and height >= 2
    assert x + width <= canvas.size[0] and y + height <= canvas.size[1]


@given(canvas_and_box())
def test_the_whole_canvas_is_the_whole_frame(made):
    canvas, _ = made
    assert canvas.region(canvas.whole) == (0, 0, *canvas.size)


@given(canvas_and_box(), st.floats(1, 32))
def test_a_look_is_never_closer_than_allowed(made, zoom):
    canvas, people = made
    _, _, width, height = canvas.region(canvas.around(people, 0.2, min(canvas.size) / zoom))
    assert min(width, height) >= min(canvas.size) / zoom - 4


@given(canvas_and_box(), st.sampled_from([(256, 144), (192, 112), (256, 256)]))
def test_a_pasted_mask_fills_its_box_and_nothing_else(made, size):
    canvas, box = made
    out = canvas.paste(np.full(size[::-1], 255, np.uint8), box)
    assert out.shape == canvas.cells[::-1]
    inside = np.zeros(out.shape, bool)
    inside[box.cut] = True
    assert (out == np.where(inside, 255, 0)).all()


@given(st.sampled_from([(1280, 720), (640, 480), (720, 1280), (1920, 1080), (854, 480)]), st.integers(0, 2**32 - 1))
def test_what_was_cut_out_is_pasted_back_where_it_was(size, seed):
    rng = np.random.default_rng(seed)
    width, height = size
    truth = np.zeros((height, width), np.uint8)
    middle = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
    cv2.circle(truth, middle, int(min(size) * rng.uniform(0.05, 0.15)), 255, -1)
    canvas = Canvas.of(size)
    x, y, w, h = cv2.boundingRect(truth)
    sx, sy = canvas.cells[0] / width, canvas.cells[1] / height
    people = Box(int(x * sx), int(y * sy), int(np.ceil((x + w) * sx)), int(np.ceil((y + h) * sy)))
    box = canvas.around(people, 0.2, 0)
    x, y, w, h = canvas.region(box)
    looked = cv2.resize(truth[y : y + h, x : x + w], (256, 144), interpolation=cv2.INTER_AREA)
    pasted = canvas.paste(looked, box).astype(float)
    wanted = cv2.resize(truth, canvas.cells, interpolation=cv2.INTER_AREA).astype(float)
    assert abs(pasted.sum() / wanted.sum() - 1) < 0.04
    assert np.abs(pasted - wanted).mean() < 0.15 * wanted.mean()


def test_the_window_stays_while_people_stir_and_follows_when_they_walk():
    window = Window(Canvas.of((1280, 720)), 0.2, 8)
    people = Box(100, 50, 120, 90)
    window.plan(people)
    first = window.box
    assert first is not None
    for dx in (1, -1, 2, 0):
        window.plan(Box(100 + dx, 50, 120 + dx, 90))
        assert window.box == first
    for dx in range(0, 100, 2):
        moved = Box(100 + dx, 50, 120 + dx, 90)
        window.plan(moved)
        assert window.box is not None and window.box.holds(moved)
    assert window.box != first


def test_the_window_closes_in_again_when_a_group_breaks_up_and_opens_for_people_who_fill_the_frame():
    window = Window(Canvas.of((1280, 720)), 0.2, 8)
    window.plan(Box(40, 60, 140, 100))
    wide = window.box
    window.plan(Box(40, 60, 60, 100))
    assert wide is not None and window.box is not None and window.box.area < wide.area
    window.plan(Box(20, 10, 240, 144))
    assert window.box is None


def test_somebody_at_the_edge_of_the_window_is_noticed_but_not_at_the_edge_of_the_frame():
    window = Window(Canvas.of((1280, 720)), 0.2, 8)
    window.plan(Box(0, 104, 20, 144))
    box = window.box
    assert box is not None and box.left == 0 and box.bottom == 144
    mask = np.zeros((144, 256), np.uint8)
    mask[110:, :10] = 255
    assert not window.touched(mask)
    mask[120, : box.right] = 255
    assert window.touched(mask)
    window.widen()
    assert window.box is not None and window.box.holds(box) and window.box.area > box.area


def test_people_have_looks_of_their_own_once_they_are_far_apart_and_small_for_a_while():
    window = Window(Canvas.of((1280, 720)), 0.25, 8)
    left, right, beside, tall = (
        Box(20, 90, 40, 130),
        Box(216, 90, 236, 130),
        Box(44, 90, 64, 130),
        Box(200, 10, 250, 144),
    )
    assert window.apart(left, right) and not window.together(left, right)
    assert not window.apart(left, beside) and not window.apart(tall, beside.join(Box(60, 20, 100, 144)))
    look = Look(window)
    look.welcome(left.join(right))
    for _ in range(5):
        assert look.part([left, beside, right]) is None
    other = look.part([left, beside, right])
    assert other is not None and look.box is not None and other.box is not None
    assert look.box.holds(left.join(beside)) and other.box.holds(right) and not look.box.meets(other.box)
    assert not look.meets(other)
    other.welcome(Box(70, 90, 90, 130))
    assert look.meets(other)
    look.join(other)
    assert look.box is not None and look.box.holds(left) and look.box.holds(other.around())


def test_masks_of_several_looks_become_one():
    canvas = Canvas.of((1280, 720))
    alone = np.full((72, 128), 7, np.uint8)
    assert merge([alone], canvas) is alone
    parts = [np.zeros((144, 256), np.uint8), np.zeros((144, 256), np.uint8)]
    parts[0][10:20, 10:20], parts[1][15:30, 15:30] = 200, 100
    mask = merge(parts, canvas)
    assert mask[17, 17] == 200 and mask[25, 25] == 100 and mask[40, 40] == 0 and not parts[0][25, 25]
    assert merge([alone, parts[1]], canvas).shape == (144, 256)


def test_what_moves_is_looked_at_as_a_whole_and_then_part_by_part():
    motion, cells = Motion(3, (1280, 720)), (256, 144)
    changes = np.zeros((36, 64), np.uint8)
    assert motion.parts(changes, cells) == []
    changes[20:24, 2:4] = 255
    assert motion.parts(changes, cells) == [Box(8, 80, 16, 96)]
    changes[4:10, 60:64] = 255
    changes[26, 2:4] = 255  # two cells off: of the same part
    assert motion.parts(changes, cells) == [Box(8, 16, 256, 108), Box(240, 16, 256, 40), Box(8, 80, 16, 108)]


@pytest.mark.parametrize(
    "options",
    [
        {"keep": "zone"},
        {"keep": "some"},
        {"margin": 0},
        {"zone": [0, 0, 1]},
        {"zone": [0.5, 0, 0.4, 1]},
        {"zone": [[0, 0], [1, 0]]},
        {"zone": [[0, 0], [1, 0], [1, 1.5]]},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"keep|margin|zone"):
        FramingOptions(**options)


def test_a_box_is_a_polygon_of_four_corners():
    assert corners([0, 0.5, 1, 1]) == [(0, 0.5), (1, 0.5), (1, 1), (0, 1)]
    assert corners([[0, 0], [1, 0], [0.5, 1]]) == [(0, 0), (1, 0), (0.5, 1)]
