"""Runs the measurements and gathers them, with what has to be known of the machine to read them."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import edge_bg
from edge_bg.bench import crowd, loop, process
from edge_bg.board import sensors as board
from edge_bg.board.cores import usable_cores
from edge_bg.frame import Size
from edge_bg.network.card import find, models
from edge_bg.network.runtime import runtime


@dataclass(frozen=True)
class Options:
    """What to measure.

    model: name of the model of the loop; delegates: accelerators to measure its `invoke` on;
    size: (width, height) of the frames; seconds: per turn of a rate;
    memory_frames: frames of the memory run, 0 to leave it out; program: also start the program as a whole.
    """

    model: str = "landscape"
    precision: str = "int8"
    delegates: tuple[str, ...] = ()
    size: Size = (1280, 720)
    seconds: float = 2.0
    memory_frames: int = 1000
    program: bool = True


def run(options: Options, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """All figures as one JSON-ready dictionary; `say` is told what is being measured."""
    card = find(options.model, options.precision)
    cores = usable_cores()
    report: dict[str, Any] = {"edge_bg": edge_bg.__version__, "machine": machine(), "model": card.path.stem}
    say("invoke, per model and thread count")
    counts = [n for n in (1, 2, 4) if n <= cores] or [1]
    report["invoke"] = loop.invoke_times([card for card in models() if card.use == "people"], counts)
    if options.delegates:
        say("invoke on accelerators")
        report["accelerators"] = loop.delegate_times(card, options.delegates)
    say("everything in the loop but invoke, beside the reference loop")
    report["stages"] = loop.stages(card, options.size)
    say("masks of one person, and of several far apart")
    report["several"] = crowd.several(card, options.size)
    say("rate of the loop, beside back-to-back invoke")
    report["throughput"] = loop.throughput(card, options.size, seconds=options.seconds)
    say("latency at 30 frames a second")
    report["latency"] = process.latency(card, options.size)
    say("what a frame allocates")
    report["allocations"] = process.allocations(card, options.size)
    if options.program:
        say("start of the program")
        report["startup"] = process.startup()
    if options.program and options.memory_frames:
        say(f"memory over {options.memory_frames} frames with a viewer")
        report["memory"] = process.memory(card, options.size, options.memory_frames)
    report["machine"]["after"] = _strain()
    return report


def machine() -> dict[str, Any]:
    """The machine in words; nothing in it names a person, a network or a serial number."""
    made = runtime()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "board": board.model() or None,
        "arch": platform.machine(),
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory_mb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6),
        "system": _system(),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "runtime": f"{made.name} {made.version}",
        "governor": board.text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or None,
        **_strain(),
    }


def _strain() -> dict[str, Any]:
    """Heat, and the Pi's record of throttling: a board that slows itself down tells little of its kind."""
    return {"temperature_c": board.temperature(), "throttled": board.throttled()}


def _cpu() -> str:
    for line in board.text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    for line in board.text(Path("/etc/os-release")).splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()
