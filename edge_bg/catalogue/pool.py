"""Who does the work: this process, several, or an engine elsewhere. Each gives outcomes as they come."""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import chain, islice
from multiprocessing.connection import wait as wait_for

from edge_bg.board.cores import usable_cores
from edge_bg.catalogue import work
from edge_bg.catalogue.job import Job, Outcome, Settings

EACH = 600 << 20  # bytes that a worker may take with a photograph of 12 megapixels
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


class Here:
    """The engine of this machine: `here(jobs, settings)` gives outcomes as they come.

    Networks and processes are kept for the next call, which a hot folder makes for each picture. A context manager;
    for one set of settings.

    count: processes; None: what pays; 1: none but this one.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count
        self._worker: work.Worker | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._size = 0

    def __call__(self, jobs: Iterable[Job], settings: Settings) -> Iterator[Outcome]:
        """Do them all."""
        jobs = iter(jobs)
        first = list(islice(jobs, WORTH * 8))
        count = self.count or best_jobs(len(first))
        todo = chain(first, jobs)
        if count > 1:
            yield from self._shared_out(todo, settings, count)
            return
        for job in todo:
            self._worker = self._worker or work.Worker(settings)
            yield self._worker(job)

    def _shared_out(self, todo: Iterator[Job], settings: Settings, count: int) -> Iterator[Outcome]:
        """To `count` processes. One that dies (out of memory, a crash) costs the picture it had, after a second try
        alone; the others go on."""
        running: dict[Future[Outcome], Job] = {}
        suspects: list[Job] = []
        try:
            while True:
                while not suspects and len(running) < count * AHEAD and (job := next(todo, None)) is not None:
                    try:
                        running[self._processes(count, settings).submit(work.work, job)] = job
                    except BrokenProcessPool:  # one died that had nothing to do
                        suspects.append(job)
                if not running and not suspects:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        suspects.append(job)
                if suspects:
                    suspects += running.values()
                    running.clear()
                    self._end()
                    yield from _one_by_one(suspects, settings)
                    suspects.clear()
        finally:
            for future in running:  # broken off: what has not begun is not begun
                future.cancel()

    def _processes(self, count: int, settings: Settings) -> ProcessPoolExecutor:
        if self._pool is None or self._size < count:
            self._end()
            self._pool, self._size = _pool(count, settings), count
        return self._pool

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def close(self) -> None:
        """End the processes and let go of the networks; idempotent."""
        self._end()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _one_by_one(jobs: list[Job], settings: Settings) -> Iterator[Outcome]:
    """Those that were in the works when a process died, alone in one process; in another one after each that it too
    dies of."""
    pool: ProcessPoolExecutor | None = None
    try:
        for job in jobs:
            pool = pool or _pool(1, settings)
            try:
                outcome = pool.submit(work.work, job).result()
            except BrokenProcessPool:
                pool.shutdown(wait=True, cancel_futures=True)
                pool = None
                words = f"{job.source}: the process that worked on it died, twice (out of memory?)"
                outcome = Outcome(job, words=words)
            yield outcome
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


class _Process(multiprocessing.context.SpawnProcess):
    """One whose end is seen even where somebody else takes its exit status: a program that reaps all children, or one
    that was started with SIGCHLD ignored. Python's pool (3.11) never stops asking for it otherwise."""

    def is_alive(self) -> bool:
        """Whether it runs: its end of a pipe, which closes with it, says so."""
        return super().is_alive() and not wait_for([self.sentinel], 0)


class _Context(multiprocessing.context.SpawnContext):
    """Not forked: an interpreter's threads do not survive a fork."""

    Process = _Process


CONTEXT = _Context()


def _pool(count: int, settings: Settings) -> ProcessPoolExecutor:
    if settings.threads is None:  # more threads than cores wait for each other: 6 % of the work of two processes
        settings = replace(settings, threads=max(1, usable_cores() // count))
    return ProcessPoolExecutor(count, CONTEXT, initializer=_begin, initargs=(settings,))


def _begin(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the first process says when it is over
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:  # who was killed cannot tell
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    work.begin(settings)
