"""The threads of the loop: one a stage; when a stage ends, or fails, so do the mailboxes that it fills."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from edge_bg.loop.mailbox import Latest

JOIN: Final = 0.5  # seconds for all threads together: one that hangs in a driver must not hold up the end


class Threads:
    """Runs stages side by side, once. `stopping` tells errors that matter from those of a loop that is told to end."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, stage: Callable[[], None], fills: Sequence[Latest[Any]]) -> None:
        """Run `stage` on a thread `edge-bg-NAME`; `fills` are closed with its error, if any, when it ends."""
        thread = threading.Thread(target=self._run, args=(stage, fills), name=f"edge-bg-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, stage: Callable[[], None], fills: Sequence[Latest[Any]]) -> None:
        error: BaseException | None = None
        try:
            stage()
        except BaseException as caught:  # raised again where the mailbox is read
            error = None if self.stopping.is_set() else caught
        for box in fills:
            box.close(error)

    def join(self) -> None:
        """Wait for the threads to end, `JOIN` seconds in all."""
        end = time.monotonic() + JOIN
        for thread in self._threads:
            thread.join(timeout=max(0.0, end - time.monotonic()))

    def __bool__(self) -> bool:
        """Whether anything was started."""
        return bool(self._threads)
