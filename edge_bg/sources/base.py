"""What all shipped sources share: opening, closing from any thread, pacing, and the loop that hands out frames."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Final, TypeVar

from edge_bg.errors import SourceError
from edge_bg.frame import Frame

Self = TypeVar("Self", bound="SourceBase")


class Again:
    """What `_next` returns when it has no frame now but may have one later."""


AGAIN: Final = Again()


class SourceBase(ABC):
    """Frames one at a time from `_next`; the subclass says how to open, read and let go.

    `_next` and `_release` never run at the same time, so a decoder is not freed under the thread that reads it.
    """

    name = "source"
    live = False
    size: tuple[int, int] = (0, 0)
    fps: float = 30.0
    state: str = "ok"
    failures: int = 0

    def __init__(self) -> None:
        self._stop = threading.Event()  # a new one at each open, so that an old reader cannot outlive its close
        self._busy = threading.Lock()
        self._stuck: threading.Event | None = None  # the run whose reader did not come back when it was closed
        self._opened = False
        self._pacer: Pacer | None = None

    # --- for the subclass

    @abstractmethod
    def _open(self) -> None:
        """Acquire everything and set `size`, `fps`; raise SourceError and leave nothing open otherwise."""

    @abstractmethod
    def _next(self) -> Frame | Again | None:
        """The next frame; AGAIN when there is none just now; None when there are no more."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of everything; may be called twice."""

    def _skip(self, frames: int) -> None:  # noqa: B027 - most sources have nothing to skip
        """`frames` frames came due unseen: move on without making them."""

    # --- the Source protocol

    def open(self) -> None:
        """Make the source ready; SourceError says why not. No effect when already open."""
        if self._opened:
            return
        with self._busy:
            self._stop = threading.Event()
            self._pacer = None
            self.state = "ok"
            self._open()
            self._opened = True

    def close(self) -> None:
        """Let go, and make a running iteration end soon. From any thread, any number of times."""
        stop = self._stop
        stop.set()
        # A reader stuck in a driver keeps the lock; it lets go by itself when it comes back. It is waited for once.
        if self._busy.acquire(timeout=0.0 if self._stuck is stop else 0.3):
            try:
                self._let_go(stop)
            finally:
                self._busy.release()
        else:
            self._stuck = stop

    def __enter__(self: Self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        if not self._opened:
            raise SourceError(f"{self.name} is not open", hint="call open() first, or use it in a with statement")
        stop = self._stop
        while not stop.is_set():
            if self.live and not self._wait(stop):
                break
            with self._busy:
                if stop.is_set():
                    break
                frame = self._next()
            if frame is None:
                self.state = "ended"
                return
            if not isinstance(frame, Again):
                yield frame
            del frame  # a reference kept here would keep its buffer from being used again
        with self._busy:
            self._let_go(stop)

    # --- inside

    def _wait(self, stop: threading.Event) -> bool:
        """Sleep until the next frame is due and skip those that no one can be in time for; False when closed."""
        if self._pacer is None:
            self._pacer = Pacer(self.fps)
        missed = self._pacer.wait(stop)
        if missed and not stop.is_set():
            with self._busy:
                self._skip(missed)
        return not stop.is_set()

    def _let_go(self, stop: threading.Event) -> None:
        if self._opened and self._stop is stop:
            self._opened = False
            self._release()


class Pacer:
    """Makes a file or a picture come at the pace of a camera."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._due = time.monotonic()

    def wait(self, stop: threading.Event) -> int:
        """Sleep until the next frame is due or `stop` is set; how many whole frames were missed before it."""
        late = time.monotonic() - self._due
        if late < 0:
            stop.wait(-late)
            late = 0.0
        missed = int(late / self._period)
        self._due += (missed + 1) * self._period
        return missed
