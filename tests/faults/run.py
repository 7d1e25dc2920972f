"""A run of many faults over several lives, and what came of them."""

from __future__ import annotations

import gc
import math
import os
import random
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge_bg.board.memory import few_heaps, give_back
from tests.faults import network
from tests.faults.kinds import Fault, children, deck
from tests.faults.life import Life, Unrecovered, hurried
from tests.faults.room import WEATHER, Inspector

SAY = bool(os.environ.get("FAULTS_SAY"))  # problems as they come


@dataclass
class Result:
    """What a run found: nothing lost, leaked or left, if all went well."""

    seed: int
    injected: int = 0
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unrecovered: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    frames: int = 0
    streamed: int = 0
    socketed: int = 0
    cut: int = 0
    recorded: int = 0
    felt: int = 0
    piped: int = 0
    memory: list[float] = field(default_factory=list)  # MB after each life

    @property
    def problems(self) -> list[str]:
        """All that went wrong, in words."""
        return [*self.unrecovered, *self.leaks, *self.ended, *self.died, *self.left]

    def table(self) -> str:
        """Per kind: how many, and how long frames took to flow again (median and most)."""
        rows = [f"{'fault':28s} {'n':>5s} {'median s':>9s} {'most s':>7s}"]
        for name, times in sorted(self.times.items()):
            times = sorted(times) or [float("nan")]
            rows.append(f"{name:28s} {len(times):5d} {times[len(times) // 2]:9.3f} {times[-1]:7.3f}")
        return "\n".join(rows)


def run(
    folder: Path,
    count: int,
    seed: int,
    *,
    per_life: int = 130,
    slack: float = 5.0,
    seconds: float = math.inf,
    say: Callable[[Result], None] | None = None,
) -> Result:
    """Inject `count` faults, or as many as `seconds` allow; `slack`: times the limits, for machines that are busy.

    Runs on the main thread, as signals are heard there alone.
    """
    few_heaps()
    result, chance = Result(seed), random.Random(seed)
    card = network.write(folder)
    library = network.delegate(folder)
    trouble = folder / "trouble"
    trouble.mkdir()
    with hurried(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_BG_LIBEDGETPU", str(library))
        patch.setenv("TINY_TROUBLE", str(trouble))
        patch.setattr(threading, "excepthook", _heard(result))
        number, end = 0, time.monotonic() + seconds
        while result.injected < count and time.monotonic() < end:
            wanted = min(per_life, count - result.injected)
            _one(folder / f"life{number}", result, chance, card, trouble, wanted, number % 4 == 1, slack)
            number += 1
            if say is not None:
                say(result)
    result.leaks = list(Inspector.leaks)
    return result


def _heard(result: Result) -> Callable[[threading.ExceptHookArgs], None]:
    """A thread that ends on an error takes with it whatever it was there for, and nobody else would notice."""

    def died(what: threading.ExceptHookArgs) -> None:
        name = what.thread.name if what.thread else "a thread"
        result.died.append(f"thread {name} died: " + "".join(traceback.format_exception(what.exc_value))[-1500:])

    return died


def _one(
    folder: Path, result: Result, chance: random.Random, card: Path, trouble: Path, count: int, tpu: bool, slack: float
) -> None:
    folder.mkdir()
    life = Life(folder, chance, card, trouble, delegates="[edgetpu, cpu]" if tpu else "[cpu]")
    fds, threads, kin = _descriptors(), set(threading.enumerate()), {child.pid for child, _ in children()}
    good, real = Inspector.good, time.time
    WEATHER.random = np.random.default_rng(chance.randrange(2**32))

    def faults(life: Life) -> None:
        for fault in deck(life, count, delegate=tpu):
            inject(life, fault)

    def inject(life: Life, fault: Fault) -> None:
        life.doing = fault.name
        result.injected += 1
        fault.act(life)
        try:
            result.times[fault.name].append(life.recover(fault.limit * slack))
        except Unrecovered as problem:
            result.unrecovered.append(str(problem))
            if SAY:
                print(problem, flush=True)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: real() + life.clock)
            life.live(faults)
        counts = life.inspect()
    finally:
        life.close()
    result.ended += life.ended
    result.frames += Inspector.good - good
    result.streamed += life.streamed
    result.socketed += life.socketed
    result.cut += life.cut
    result.recorded += counts["recorded"]
    result.piped += counts["piped"]
    result.left += life.faulty
    result.felt += life.felt
    _nothing_left(result, fds, threads, kin)
    gc.collect()
    give_back()
    result.memory.append(psutil.Process().memory_info().rss / 1e6)


def _nothing_left(result: Result, fds: int, threads: set[threading.Thread], kin: set[int]) -> None:
    # `kin` were there before: another test's browser stays for as long as the session
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        left = [each.name for each in threading.enumerate() if each not in threads]
        living = [name for child, name in children() if child.pid not in kin]
        more = _descriptors() - fds
        if not left and not living and more <= 0:
            return
        gc.collect()
        time.sleep(0.02)
    result.left.append(f"threads {left}, processes {living}, {more} descriptors")


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
