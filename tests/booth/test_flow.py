"""The visit's table: from anywhere, whatever is pressed, it comes home, and no photo is left in the air."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_bg.booth.flow import ACTIONS, TABLE, TIMES, Flow
from edge_bg.errors import NotNow

SECONDS = {"idle": 20.0, "consent": 10.0, "countdown": 3.0, "capture": 5.0, "approval": 8.0, "result": 9.0}
STATES = {row.state for row in TABLE} | {row.to for row in TABLE}
press = st.tuples(st.just("press"), st.sampled_from(ACTIONS))
report = st.tuples(st.just("report"), st.sampled_from(["captured", "failed"]))
wait = st.tuples(st.just("wait"), st.floats(0, 30))
visit = st.lists(st.one_of(press, report, wait), max_size=60)


def play(steps, *, ask, more=0):
    """Walk the table as a booth does; yields (flow, effects, now, agreed) after each step."""
    now, flow, agreed, left = 0.0, Flow(SECONDS), False, more
    for kind, what in steps:
        facts = {"ask"} if ask and not agreed else set()
        facts |= {"more"} if left else set()
        if kind == "wait":
            now += what
            effects = flow.tick(now)
        elif not flow.can(what, facts):
            with pytest.raises(NotNow, match="not possible in"):
                flow.do(what, now, facts)
            effects = ()
        else:
            left = max(0, left - 1) if what == "captured" else left
            effects = flow.do(what, now, facts)
        agreed = (agreed or "agree" in effects) and "forget" not in effects
        yield flow, effects, now, agreed


@settings(deadline=None)
@given(visit, st.booleans(), st.integers(0, 3))
def test_it_is_always_in_a_state_that_ends_by_itself(steps, ask, more):
    for flow, _, now, _ in play(steps, ask=ask, more=more):
        assert flow.state in STATES
        left = flow.ends_in(now)
        assert (left is None) == (flow.state == "attract")
        assert left is None or 0 <= left <= max(SECONDS.values()) + 1e-6


@settings(deadline=None)
@given(visit, st.booleans())
def test_left_alone_it_comes_back_to_the_attract_screen(steps, ask):
    *_, (flow, _, now, _) = [(Flow(SECONDS), (), 0.0, False), *play(steps, ask=ask)]
    for _ in range(10):
        now += max(SECONDS.values())
        flow.tick(now)
    assert flow.state == "attract"


@settings(deadline=None)
@given(visit, st.integers(0, 3))
def test_no_photo_before_the_guest_agreed(steps, more):
    for _, effects, _, agreed in play(steps, ask=True, more=more):
        assert "shoot" not in effects or agreed


@settings(deadline=None)
@given(visit, st.booleans(), st.integers(0, 3))
def test_a_photo_is_kept_or_thrown_away_before_anything_else_happens(steps, ask, more):
    open_, shots = 0, 0  # photos in the air
    for flow, effects, _, _ in play(steps, ask=ask, more=more):
        for effect in effects:
            if effect == "shoot":
                open_, shots = open_ + 1, shots + 1
            elif effect in ("keep", "discard"):
                open_ = 0
        if flow.state in ("attract", "live", "consent", "result"):
            assert open_ == 0


def test_a_state_without_a_way_out_or_in_would_be_a_trap():
    for state in STATES:
        assert any(row.state == state and row.to != state for row in TABLE), state
        assert any(row.to == state for row in TABLE), state
    assert set(TIMES) == STATES - {"attract"}
    assert all(any(r.state == s and r.on == "timeout" for r in TABLE) for s in TIMES)


def test_the_countdown_is_as_long_as_asked_for():
    flow = Flow({**SECONDS, "countdown": 3.0})
    flow.do("start", 0.0)
    flow.do("shutter", 1.0)
    assert flow.state == "counting" and flow.ends_in(2.5) == 1.5
    assert flow.tick(3.9) == ()
    assert flow.tick(4.0) == ("shoot",)
    assert flow.state == "capture"


def test_a_refusal_says_what_is_possible():
    with pytest.raises(NotNow, match="keep is not possible in attract") as caught:
        Flow(SECONDS).do("keep", 0.0)
    assert "shutter, start" in caught.value.hint
