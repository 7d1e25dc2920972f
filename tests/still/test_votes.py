"""Of two networks that cut out people a third one tells whom to believe, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_bg.still.votes import overlap, voted

ROOM = np.zeros((200, 200), np.float32)


def box(*sides: int) -> np.ndarray:
    """1 from row and column to row and column."""
    out = ROOM.copy()
    out[sides[0] : sides[2], sides[1] : sides[3]] = 1
    return out


BODY, ARM, BLOB = box(50, 60, 200, 140), box(80, 140, 100, 180), box(100, 150, 130, 180)


def shape(mask: np.ndarray) -> np.ndarray:
    return mask > 0.5


def test_where_two_agree_the_sharp_one_draws_the_edges():
    sharp = box(48, 61, 200, 138)
    sharp[50:60, 60:62] = 0.4  # hair
    assert np.array_equal(voted(BODY, sharp, ROOM), sharp), "whatever the third one says of edges"


@pytest.mark.parametrize("has_it", ["fast", "sharp"])
@pytest.mark.parametrize("third", [BODY, BODY + ARM], ids=["denied", "seen"])
def test_an_arm_that_one_sees_is_voted_on(has_it, third):
    fast, sharp = (BODY + ARM, BODY) if has_it == "fast" else (BODY, BODY + ARM)
    assert overlap(shape(voted(fast, sharp, third)), third) > 0.98


def test_a_slit_deep_inside_is_no_edge():
    sharp = BODY - box(120, 99, 160, 101)
    assert np.array_equal(voted(BODY, sharp, BODY), BODY)


def test_a_sharp_one_that_fails_is_not_heard():
    nearly = np.maximum(BODY, 0) * 1.0
    nearly[60:70, 60:70] = 0
    assert np.array_equal(shape(voted(BODY, box(150, 60, 200, 140), nearly)), shape(BODY))


def test_a_sharp_one_that_the_third_vouches_for_is_heard_where_the_fast_one_has_the_wall():
    wall = np.maximum(BODY, box(0, 0, 80, 200))
    assert overlap(wall, BODY) < 0.8
    assert np.array_equal(shape(voted(wall, BODY, BODY)), shape(BODY))


def test_nobody_is_lost_whom_the_sharp_one_loses_and_the_third_overlooks():
    """Four people, none of whom the sharp one sees, one of whom does not stand out."""
    four = np.maximum.reduce([box(60, x, 200, x + 30) for x in (5, 55, 105, 155)])
    three = four * (1 - box(0, 150, 200, 200))
    assert np.array_equal(shape(voted(four, ROOM, three)), shape(four))


def test_who_disagrees_with_both_has_no_say():
    other = box(0, 0, 40, 200)
    assert np.array_equal(voted(BODY, box(150, 60, 200, 100), other), BODY)


masks = arrays(np.float32, (24, 30), elements=st.sampled_from([np.float32(v) for v in (0, 0.2, 0.6, 1)]))


@given(masks, masks, masks)
def test_what_both_say_stands(fast, sharp, third):
    made = voted(fast, sharp, third)
    assert made.dtype == np.float32 and made.shape == fast.shape
    assert (made >= np.minimum(fast, sharp) - 1e-6).all() and (made <= np.maximum(fast, sharp) + 1e-6).all()
