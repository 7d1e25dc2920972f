"""What lies before the person, where the person stands, and the person alone: by their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from edge_bg.composite import ColorBackground, Compositor, Layer, Place, TransparentBackground
from edge_bg.frame import Frame, empty, filled, planes, to_rgb, yuv_of

SIZE = (64, 48)
RED, BLUE, WHITE = (200, 30, 30), (20, 40, 200), (255, 255, 255)


def guest(box=(24, 16, 40, 48)):
    """A red guest in a green room, hard-edged: (frame, alpha420)."""
    data, alpha = filled(SIZE, yuv_of((20, 160, 20))), empty(SIZE)
    alpha[...] = 0
    left, top, right, bottom = box
    for number, (plane, share, value) in enumerate(zip(planes(data), planes(alpha), yuv_of(RED), strict=True)):
        cell = 2 if number else 1
        at = (slice(top // cell, bottom // cell), slice(left // cell, right // cell))
        plane[at], share[at] = value, 255
    return Frame(data, 0.0, 0), alpha


def composed(foreground=None, place=None, background=None, want=False):
    made = Compositor(background or ColorBackground("#1428c8"), SIZE)
    made.foreground, made.want_cutout = foreground, want
    if place is not None:
        made.place = place
    return made(*guest())


def near(pixel, colour, within=6):
    return np.abs(pixel.astype(int) - colour).max() <= within


def frame_of(rgb, alpha, inside=0):
    """A frame of 8 pixels in `rgb` with `alpha`; clear inside, hidden colours there."""
    rgba = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    rgba[...] = (*rgb, alpha)
    rgba[8:-8, 8:-8] = (0, 255, 0, inside)
    return rgba


def test_a_frame_lies_before_the_person_and_nothing_shows_through_it():
    out = composed(Layer(frame_of(WHITE, 255), SIZE)).rgb()
    assert near(out[4, 4], WHITE) and near(out[44, 32], WHITE)  # also over the guest
    assert near(out[30, 32], RED) and near(out[20, 14], BLUE)  # inside, the hidden green of the clear part counts not


def test_half_clear_mixes_evenly():
    out = composed(Layer(frame_of(WHITE, 128), SIZE)).rgb()
    assert near(out[4, 4], (np.array(BLUE) + WHITE) // 2, 8)


def test_without_a_background_the_frame_is_in_the_alpha():
    out = composed(Layer(frame_of(WHITE, 255), SIZE), background=TransparentBackground())
    assert out.premultiplied and out.alpha[4, 4] == 255 and out.alpha[20, 14] == 0 and out.alpha[30, 32] == 255


def test_the_person_can_be_moved_and_the_room_never_comes_along():
    out = composed(place=Place(x=0.25)).rgb()
    assert near(out[30, 48], RED) and near(out[30, 32], BLUE)
    for place in (Place(0.3, -0.2, 0.5), Place(-0.9, 0, 2), Place(scale=0.2), Place(1, 1)):
        rgb = composed(place=place).rgb().astype(int)
        assert not ((rgb[..., 1] > rgb[..., 0] + 20) & (rgb[..., 1] > rgb[..., 2] + 20)).any(), "green is the room"


def test_a_smaller_person_still_stands_on_the_lower_edge():
    alpha = composed(place=Place(scale=0.5)).alpha
    rows, columns = np.nonzero(alpha > 127)
    assert rows.max() == SIZE[1] - 1 and 15 <= np.ptp(rows) + 1 <= 17
    assert 7 <= np.ptp(columns) + 1 <= 9 and abs(columns.mean() - 31.5) < 1


def test_the_person_alone_comes_along_when_asked_for():
    assert composed().cutout is None
    out = composed(want=True)
    alone = to_rgb(out.cutout)
    assert near(alone[30, 32], RED) and near(alone[4, 4], (0, 0, 0))
    plain = composed().rgb().astype(int)
    assert np.abs(out.rgb().astype(int) - plain).max() <= 3, "the composite is the same"


def test_a_place_out_of_bounds_is_refused():
    with pytest.raises(ValueError, match=r"scale is 0\.2\.\.2"):
        Place(scale=3)
