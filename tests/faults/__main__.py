"""`python -m tests.faults --count 20000 --seed 7`: many faults over the real service; see scripts/faults."""

from __future__ import annotations

import argparse
import logging
import math
import tempfile
import time
from pathlib import Path

from tests.faults import killed
from tests.faults.run import Result, run


def main() -> int:
    """0 when every fault was got over and nothing leaked or was left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=520)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-life", type=int, default=130)
    parser.add_argument("--slack", type=float, default=5.0, help="times the limits, on a machine that is busy")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no further life after so many")
    parser.add_argument(
        "--deaths", type=int, default=0, help="kill, crash, starve and stop the service so often instead"
    )
    asked = parser.parse_args()
    if asked.deaths:
        return deaths(asked.deaths, asked.seed, asked.slack)
    logging.disable(logging.CRITICAL)
    start = time.monotonic()

    def say(result: Result) -> None:
        seconds = time.monotonic() - start
        print(
            f"[{seconds:5.0f} s] {result.injected} faults, {result.frames} frames, {len(result.problems)} problems, "
            f"{result.memory[-1]:.0f} MB",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="edge-bg-faults-") as folder:
        result = run(
            Path(folder),
            asked.count,
            asked.seed,
            per_life=asked.per_life,
            slack=asked.slack,
            seconds=asked.seconds,
            say=say,
        )
    print(result.table())
    for line in result.problems[:40]:
        print("PROBLEM", line)
    print(
        f"{result.injected} faults (seed {result.seed}), {len(result.unrecovered)} not got over, "
        f"{len(result.leaks)} leaks in {result.frames} frames, {result.streamed} streamed, {result.socketed} over "
        f"WebSockets, {result.recorded} recorded, {result.piped} piped and {result.cut} cut out, "
        f"{len(result.ended)} ends, {len(result.died)} threads dead, {len(result.left)} left-overs, "
        f"{result.memory[0]:.0f} -> {result.memory[-1]:.0f} MB, {time.monotonic() - start:.0f} s"
    )
    return 1 if result.problems else 0


def deaths(count: int, seed: int, slack: float) -> int:
    """`killed.run`, printed."""

    def say(result: killed.Deaths) -> None:
        print(f"{result.injected} deaths, {len(result.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="edge-bg-deaths-") as folder:
        result = killed.run(Path(folder), count, seed, say, slack=slack)
    for line in result.problems[:40]:
        print("PROBLEM", line)
    print(
        f"{result.injected} deaths (seed {seed}), of which the service ended {result.died} times; pictures again after "
        f"{result.slowest:.1f} s at most; {result.photos} photos and {result.recordings} recordings whole, "
        f"{result.pictures} pictures in these; {len(result.problems)} problems"
    )
    return 1 if result.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
