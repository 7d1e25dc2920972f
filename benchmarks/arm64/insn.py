"""Counts the instructions of single calls inside an emulated arm64 Python that `benchmarks/arm64/count` started.

    from insn import measure
    measure("resize", lambda: cv2.resize(plane, (256, 144), dst=small))     # prints: resize   0.412 M

Only the guest side lives here; `insn.c` is the counter. Outside of `count` nothing can be counted and importing fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

_MAGIC = 0x1E550000
_total_path = os.environ.get("INSN_TOTAL")
if not _total_path:
    raise ImportError("insn counts only under emulation: run this file with benchmarks/arm64/count FILE.py")
_total = os.open(_total_path, os.O_RDONLY)
_overhead: int | None = None
results: dict[str, dict[str, float]] = {}


def _signal(code: int) -> None:
    with suppress(OSError):  # always raised: the descriptor cannot exist, but the plugin has seen the call
        os.close(-(_MAGIC + code))


def read() -> int:
    """Instructions executed by this process so far (all threads; exact with one)."""
    _signal(1)
    return int.from_bytes(os.pread(_total, 8, 0), "little")


def _costs(call: Callable[[], object], calls: int) -> list[int]:
    costs = []
    for _ in range(calls):
        before = read()
        call()
        costs.append(read() - before)
    return costs


def measure(name: str, call: Callable[[], object], calls: int = 5, warm: int = 2) -> float:
    """Print and return the median cost of `call()` in million instructions, the counting itself subtracted.

    `warm` calls go first, uncounted (buffers, lookup tables, lazy imports). Counts repeat to the digit for native
    code; where they differ between calls (Python's garbage collector, allocation) the range is printed too.
    """
    global _overhead
    if _overhead is None:
        _costs(lambda: None, 3)
        _overhead = min(_costs(lambda: None, 7))
    for _ in range(warm):
        call()
    hot = os.environ.get("INSN_HOT_NAME")
    listing = hot is not None and hot in ("", name) and "INSN_MAPS" in os.environ
    if listing:
        _signal(2)
    costs = [(cost - _overhead) / 1e6 for cost in _costs(call, calls)]
    if listing:
        _signal(3)
        maps = Path("/proc/self/maps").read_text()
        Path(os.environ["INSN_MAPS"]).write_text(f"{calls}\n{name}\n{maps}")
        os.environ.pop("INSN_MAPS")  # the first match is the one that is listed
    middle = median(costs)
    spread = f"   ({min(costs):.3f} to {max(costs):.3f})" if max(costs) - min(costs) > 0.01 * middle + 0.01 else ""
    print(f"{name:<44} {middle:9.3f} M{spread}", flush=True)
    results[name] = {"median_minsn": middle, "min_minsn": min(costs), "max_minsn": max(costs), "calls": calls}
    if path := os.environ.get("INSN_JSON"):
        Path(path).write_text(json.dumps({"cpu": os.environ.get("INSN_CPU"), "calls": results}, indent=1))
    return middle
