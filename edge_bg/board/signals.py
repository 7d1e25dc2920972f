"""Signals as something to wait for: a handler in Python could deadlock on a lock it interrupts."""

from __future__ import annotations

import logging
import select
import signal
import socket
from types import TracebackType

log = logging.getLogger(__name__)


class Signals:
    """SIGTERM, SIGINT, SIGHUP and SIGUSR1, caught within the `with` block."""

    CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before: dict[int, object] = {}
        self._wakeup = -1

    def __enter__(self) -> Signals:
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in self.CAUGHT:
            self._before[number] = signal.signal(number, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup)
        self._read.close()
        self._write.close()

    def wait(self, seconds: float) -> set[int]:
        """Signals that came within `seconds`; ends early with the first, or (empty) when `wake` is called."""
        if not select.select([self._read], [], [], seconds)[0]:
            return set()
        return set(self._read.recv(64)) - {0}

    def wake(self) -> None:
        """End a `wait`, from any thread."""
        try:
            self._write.send(b"\0")
        except OSError:  # already closed, or so full that it wakes anyway
            log.debug("nobody waits")
