"""Processes that share the work, and end with the one that they work for."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def processes(count: int, start: Callable[..., None] | None = None, *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """`count` processes, in each of which `start(*arguments)` was called first; work not yet begun is dropped at the
    block's end."""
    context = multiprocessing.get_context("spawn")  # not forked: an interpreter's threads do not survive a fork
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(start, arguments)) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "this is called in a worker"

    def follow() -> None:  # who was killed cannot tell: a worker would go on for minutes, and for nobody
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    if start is not None:
        start(*arguments)
