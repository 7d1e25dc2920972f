"""The ladder in simulated boards: costs of stages, people who come and go, and heat, all from a seed."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from edge_bg.loop.quality import CALM, Controller, Seen, Target


@dataclass
class Board:
    """A board as a model: milliseconds a frame on each rung while cool, one person in the picture, 30 frames a second.

    Not measured on such boards: of the size that the instruction counts of benchmarks/arm64 suggest. What is tested is
    the controller, not the board.
    """

    infer: float  # ms of one look of the network
    rest: float  # ms of matte, composite and JPEG
    looks: float  # looks a frame while several people are there
    heating: float  # degrees above the room at full load
    seconds: float = 60.0  # in which heat comes and goes

    def costs(self, rung: int, crowd: bool) -> tuple[float, float]:
        """(ms of the network, ms of the rest) a frame, averaged: rungs as in `edge_bg.rungs`."""
        infer = self.infer * (self.looks if crowd and rung < 1 else 1.0)
        if rung >= 2:
            infer /= 2  # every second frame
        if rung >= 3:
            infer *= 0.55  # the smaller model
        rest = self.rest * (0.8 if rung >= 4 else 1.0)
        return (infer, rest) if rung < 5 else (infer * 0.8, rest * 0.35)


PI4 = Board(infer=38.0, rest=16.0, looks=2.2, heating=52.0)
ZERO2 = Board(infer=95.0, rest=40.0, looks=2.0, heating=45.0)


@dataclass
class Day:
    """What a simulated day was like: one entry a second."""

    rungs: list[int] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)  # when, and +1 down or -1 up


def simulate(board: Board, target: Target, floor: int, seed: int, *, minutes: int = 30, room: float = 22.0) -> Day:
    """`minutes` of a booth: guests come and go, the room warms up in the middle, other programs take turns."""
    chance, control, day = random.Random(seed), Controller(target, floor), Day()
    heat, crowd, busy, fps = room, False, 1.0, 30.0
    for second in range(60 * minutes):
        if chance.random() < 1 / 45:
            crowd = not crowd
        busy = chance.uniform(1.3, 1.8) if chance.random() < 0.01 else 1.0 + (busy - 1.0) * 0.7
        throttled = heat >= 85.0
        slow = (1.6 if throttled else 1.0) * busy
        infer, rest = (slow * each for each in board.costs(control.rung, crowd))
        period = max(1e3 / fps, infer, rest)  # stages run side by side: the slowest sets the rate
        noise = chance.uniform(1.0, 1.25)
        latency = (infer + rest + 0.5 * period) * noise / 1e3
        load = min(1.0, (infer + rest) / (2 * period))
        around = room + (12.0 if minutes * 20 < second < minutes * 40 else 0.0)
        heat += (around + board.heating * load - heat) / board.seconds
        before = control.rung
        rung = control(Seen(latency, 1e3 / period, heat, throttled), float(second))
        if rung != before:
            day.changes.append((second, rung - before))
        day.rungs.append(rung)
        day.latency.append(latency)
        day.temperature.append(heat)
    return day


SEEDS = range(100, 104)  # the controller was set on 0 to 7
CASES = [
    pytest.param(PI4, Target(latency=0.12, rate=20.0), 4, id="Pi-4-like"),
    pytest.param(ZERO2, Target(latency=0.22, rate=8.0), 4, id="Zero-2-like"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("board", "target", "floor"), CASES)
def test_the_target_is_held_where_a_rung_can_hold_it(board: Board, target: Target, floor: int, seed: int) -> None:
    day = simulate(board, target, floor, seed)
    late = sum(each > target.latency for each in day.latency)
    assert late / len(day.latency) < 0.05, f"{late} of {len(day.latency)} seconds over the target"
    still = simulate(board, target, 0, seed)
    assert sum(each > target.latency for each in still.latency) > 5 * late, "without the ladder it would not be held"
    assert max(day.rungs) <= floor and 0 in day.rungs, "and where there is room it is as good as it can be"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("board", "target", "floor"), CASES)
@pytest.mark.parametrize("harder", [1.0, 0.6, 0.3])
def test_it_never_swings_faster_than_once_in_ten_seconds(
    board: Board, target: Target, floor: int, seed: int, harder: float
) -> None:
    day = simulate(board, Target(target.latency * harder, target.rate), floor, seed, room=30.0)
    turns = [when for (when, way), (_, before) in zip(day.changes[1:], day.changes, strict=False) if way != before]
    swings = [later - when for when, later in zip(turns, turns[2:], strict=False)]  # down, up and down again
    assert all(each >= CALM for each in swings), swings
    ups = [when for when, way in day.changes if way < 0]
    assert all(later - when >= CALM for when, later in itertools.pairwise(ups))
    assert max(day.rungs) <= floor


@pytest.mark.parametrize("floor", range(6))
def test_whatever_is_seen_the_floor_is_the_floor(floor: int) -> None:
    chance, control = random.Random(floor), Controller(Target(0.1, 30.0), floor)
    now = 0.0
    for _ in range(5000):
        now += chance.choice((0.1, 1.0, 5.0, 400.0))
        seen = Seen(chance.choice((0.0, 0.01, 0.09, 0.2, 9.0)), chance.uniform(0, 60), chance.uniform(20, 99), False)
        before = control.rung
        assert 0 <= control(seen, now) <= floor and abs(control.rung - before) <= 1


def test_one_bad_moment_changes_nothing_and_a_bad_while_does() -> None:
    control, good, bad = Controller(Target(0.1), 4), Seen(0.08, 30), Seen(0.5, 10)
    assert [control(seen, float(n)) for n, seen in enumerate((good, bad, good, bad, bad, good))] == [0, 0, 0, 0, 1, 1]
    assert "500 ms are more than 100" in control.why


def test_a_step_up_that_was_a_mistake_is_tried_less_often() -> None:
    control, ups, before = Controller(Target(0.1), 1), [], 0
    for second in range(1200):  # the better rung is too slow, the worse looks as if there were room
        rung = control(Seen(0.2 if before == 0 else 0.03, 30), float(second))
        if rung < before:
            ups.append(second)
        before = rung
    gaps = [later - when for when, later in itertools.pairwise(ups)]
    assert len(ups) < 10 and gaps == sorted(gaps) and gaps[-1] > 150, ups


def test_heat_alone_brings_it_down_slowly_and_it_waits_until_it_is_cooler() -> None:
    control, now = Controller(Target(0.2, hot=80.0), 4), 0.0
    for _ in range(40):
        now += 1.0
        control(Seen(0.05, 30, 82.0), now)
    assert control.rung in (2, 3) and "82 °C" in control.why
    rung = control.rung
    for _ in range(60):
        now += 1.0
        control(Seen(0.05, 30, 75.0), now)
    assert control.rung == rung, "not yet"
    for _ in range(60):
        now += 1.0
        control(Seen(0.05, 30, 60.0), now)
    assert control.rung == 0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="floor"):
        Controller(Target(0.1), -1)
    with pytest.raises(ValueError, match="latency"):
        Controller(Target(0.0), 2)
