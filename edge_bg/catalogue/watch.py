"""A hot folder: pictures are taken when they are whole, and not before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_bg.catalogue.plan import Plan
from edge_bg.pictures import facts

EVERY = 1.0  # seconds between looks; looking works on network folders, where nobody tells of changes
PATIENCE = 60.0  # seconds after its last change in which a file that breaks off may still grow
LARGEST = 1 << 30  # bytes of a file that is looked into


def arrivals(
    look: Callable[[], Plan], stop: Callable[[], bool], *, every: float = EVERY, patience: float = PATIENCE
) -> Iterator[Plan]:
    """Plans with the pictures that have become whole since the last, until `stop()`; the first holds what is there.

    A picture is whole when its size and time are those of the look before, and its data do not break off; one that
    stays broken for `patience` seconds is given all the same, to be told.
    """
    seen: dict[str, tuple[int, int]] = {}
    given: dict[str, tuple[int, int]] = {}
    said: set[str] = set()
    while not stop():
        plan = look()
        ready = []
        for job in plan.jobs:
            mark = _mark(job.source)
            if mark is None or given.get(job.source) == mark:
                continue
            if seen.get(job.source) == mark and _whole(job.source, mark, patience):
                given[job.source] = mark
                ready.append(job)
            seen[job.source] = mark
        notes = [note for note in plan.notes if note not in said]
        said.update(notes)
        if ready or notes:
            yield Plan(ready, [], notes, plan.folder)
        end = time.monotonic() + every
        while not stop() and time.monotonic() < end:
            time.sleep(min(0.1, every))


def _mark(source: str) -> tuple[int, int] | None:
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _whole(source: str, mark: tuple[int, int], patience: float) -> bool:
    if time.time() - mark[1] / 1e9 > patience or mark[0] > LARGEST:
        return True
    if mark[0] == 0:
        return False
    try:
        return facts(Path(source).read_bytes()).whole
    except OSError:
        return False
