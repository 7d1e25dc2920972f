"""Who does the work: this process, several, or an engine elsewhere. Each gives outcomes as they come."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from edge_bg.board.cores import usable_cores
from edge_bg.catalogue import work
from edge_bg.catalogue.job import Job, Outcome, Settings

EACH = 350 << 20  # bytes that a worker may take with a photograph of 12 megapixels
AHEAD = 2  # jobs that wait for each worker, so that none is idle: memory does not grow with the folder
WORTH = 6  # pictures from which another process pays for its start


def best_jobs(pictures: int) -> int:
    """How many processes pay: by cores, by memory that is free, and by pictures."""
    return max(1, min(usable_cores(), _free() // EACH, pictures // WORTH))


def _free() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return 1 << 62


def here(jobs: Iterable[Job], settings: Settings) -> Iterator[Outcome]:
    """One after another in this process."""
    with work.Worker(settings) as worker:
        for job in jobs:
            yield worker(job)


def processes(jobs: Iterable[Job], settings: Settings, count: int) -> Iterator[Outcome]:
    """Shared out to `count` processes. One that dies (out of memory, a crash) costs the picture it had, after a second
    try alone; the others go on."""
    todo = iter(jobs)
    pool = _pool(count, settings)
    running: dict[Future[Outcome], Job] = {}
    suspects: list[Job] = []
    try:
        while True:
            while len(running) < count * AHEAD and (job := next(todo, None)) is not None:
                running[pool.submit(work.work, job)] = job
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            broken = False
            for future in done:
                job = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    broken = True
                    suspects.append(job)
            if broken:
                suspects += running.values()
                running.clear()
                pool.shutdown(wait=True, cancel_futures=True)
                yield from _one_by_one(suspects, settings)
                suspects.clear()
                pool = _pool(count, settings)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(jobs: list[Job], settings: Settings) -> Iterator[Outcome]:
    """Those that were in the works when a process died, each in a process of its own."""
    for job in jobs:
        pool = _pool(1, settings)
        try:
            yield pool.submit(work.work, job).result()
        except BrokenProcessPool:
            yield Outcome(job, words=f"{job.source}: the process that worked on it died, twice (out of memory?)")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pool(count: int, settings: Settings) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # not forked: an interpreter's threads do not survive a fork
    return ProcessPoolExecutor(count, context, initializer=_begin, initargs=(settings,))


def _begin(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the first process says when it is over
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:  # who was killed cannot tell
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    work.begin(settings)


def batches(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Jobs in lists of `size`."""
    todo = iter(jobs)
    while batch := list(islice(todo, size)):
        yield batch
