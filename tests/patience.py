"""Waiting, as all tests do it: for a state, as long as a crowded machine may need for it, and not a moment longer."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")

PATIENCE = 60.0  # seconds; what a moment is for a machine of its own, with twenty programs for each core


def wait_for(condition: Callable[[], Value], what: str = "it", seconds: float = PATIENCE) -> Value:
    """Until `condition()` is true; its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.002)
    return value


def crowd() -> float:
    """How many programs want each core, at least 1: so much longer does everything take."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process cannot open any file for as long as it lasts. Import what is needed before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
