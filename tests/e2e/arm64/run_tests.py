"""Runs the unit tests inside the emulated Debian of scripts/prove-arm64: some processes at a time, each some files.

    python run_tests.py [quick]       JOBS: processes; PYTEST_EXTRA: arguments for pytest, or the tests to run instead

`quick` runs the files of quick.txt only.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1]


def lines(name: str) -> list[str]:
    return [line.split("#")[0].strip() for line in (HERE / name).read_text().splitlines() if line.split("#")[0].strip()]


def main() -> int:
    jobs = int(os.environ.get("JOBS", "2"))
    extra = shlex.split(os.environ.get("PYTEST_EXTRA", ""))
    chosen = [word for word in extra if word.startswith("tests/")]
    extra = [word for word in extra if word not in chosen]
    if not chosen and sys.argv[1:2] == ["quick"]:
        chosen = lines("quick.txt")
    if not chosen:
        gone = [line for line in lines("left-out.txt") if line.endswith(".py")]
        found = sorted(str(path.relative_to(TESTS.parent)) for path in TESTS.glob("*/test_*.py"))
        chosen = [path for path in found if path not in gone]
        for path in gone:
            print(f"left out: {path}")
    shards = [chosen[number::jobs] for number in range(jobs)]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "emulated", "-rsf", "--tb=short"]
    command += ["--durations=12", "-o", "timeout=1800", *extra]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    outputs, running = [], []
    for number, shard in enumerate(shard for shard in shards if shard):
        outputs.append(Path(f"/tmp/tests-{number}"))
        running.append(
            subprocess.Popen(
                [*command, f"--basetemp=/tmp/base-{number}", *shard],
                env=environment, stdin=subprocess.DEVNULL, stdout=outputs[-1].open("wb"), stderr=subprocess.STDOUT,
            )
        )  # fmt: skip
    statuses = [process.wait() for process in running]
    for path in outputs:
        print(path.read_text(errors="replace"))
    return max(statuses, key=abs, default=1)


if __name__ == "__main__":
    raise SystemExit(main())
