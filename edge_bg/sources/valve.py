"""A live source that can be shut and opened again while the loop runs: nobody watches, or nobody shall be seen.

Shut, the camera is closed, so that its own light is out; the loop has no frames and shows its cover.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from edge_bg.errors import SourceError
from edge_bg.frame import Frame
from edge_bg.sources import Source

RETRY: Final = 1.0  # seconds until a camera that does not open is tried again


class Valve:
    """`source`, opened already, behind a valve. It is open while nothing holds it shut.

    `shut("why")` and `release("why")` may come from any thread; reasons count for themselves.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.size, self.fps, self.live = source.size, source.fps, source.live
        self.opened = True
        self._reasons: set[str] = set()
        self._next: Source | None = None
        self._lost: str | None = None
        self._closed = self._cut = False
        self._closing = 0  # threads that are about to close the source, or are at it
        self._moved = threading.Condition()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    @property
    def state(self) -> str:
        """`ok`, `lost: ...`, or why it is shut: `asleep`, `private`."""
        reasons = self._reasons
        if reasons:
            return "private" if "private" in reasons else "asleep"
        return self._lost or str(getattr(self.source, "state", "ok"))

    @property
    def failures(self) -> int:
        """Of the source."""
        return int(self.source.failures)

    @property
    def reasons(self) -> frozenset[str]:
        """What holds it shut."""
        return frozenset(self._reasons)

    def shut(self, why: str) -> None:
        """Close the camera, soon."""
        with self._moved:
            first = not self._reasons
            self._reasons.add(why)
            if not first or self._closed:
                return
            source = self._cutting()
        self._close(source)

    def release(self, why: str) -> None:
        """That reason is gone; with the last one the camera opens."""
        with self._moved:
            self._reasons.discard(why)
            self._moved.notify_all()

    def change(self, source: Source) -> None:
        """Go over to another source of the same size, not yet opened."""
        with self._moved:
            self._next, old = source, self._cutting()
        self._close(old)

    def _cutting(self) -> Source:
        """The source, which the caller closes next. Until it has, the loop opens nothing: it would be closed again."""
        self._cut = True
        self._closing += 1
        self._moved.notify_all()
        return self.source

    def _close(self, source: Source) -> None:
        try:
            source.close()
        finally:
            with self._moved:
                self._closing -= 1
                self._moved.notify_all()

    def open(self) -> None:
        """It is open."""

    def close(self) -> None:
        """For good."""
        with self._moved:
            self._closed = True
            self._moved.notify_all()
        self.source.close()

    def __iter__(self) -> Iterator[Frame]:
        base = number = 0  # a source counts from 0 each time it is opened; the loop counts on
        scenes = scene = 0  # likewise: what was seen before a break, or by another camera, counts no more
        while self._ready():
            for frame in self.source:
                if self._reasons:  # came while it was being shut
                    break
                number, scene = base + frame.index, scenes + frame.scene
                yield frame if not base else replace(frame, index=number, scene=scene)
                del frame
            base, scenes, self.opened = number + 1, scene + 1, False
            with self._moved:
                self._moved.wait_for(lambda: not self._closing)
                if not self._cut:
                    return  # the source itself has ended
                self._cut = False
            self.source.close()  # again: it may have been opening when it was to be shut

    def _ready(self) -> bool:
        """Wait until the source is open; False once the valve is closed for good."""
        while True:
            with self._moved:
                self._moved.wait_for(lambda: self._closed or not (self._reasons or self._closing))
                if self._closed:
                    return False
                if self._next is not None:
                    self.source, self._next, self.opened = self._next, None, False
                if self.opened:
                    return True
            try:
                self.source.open()
            except SourceError as error:
                self._lost = f"lost: {error.message}"
                with self._moved:
                    self._moved.wait_for(lambda: self._closed or self._next is not None, RETRY)
                continue
            self._lost = None
            with self._moved:
                self.opened = not self._reasons
                self._cut = self._cut and self.opened
            if not self.opened:  # it was to be shut while it opened
                self.source.close()
                continue
            if self.source.size != self.size:
                (w, h), (wanted, high) = self.source.size, self.size
                self._lost = f"lost: it gives {w}x{h}, not {wanted}x{high}"
                self.source.close()
                self.opened = False
                time.sleep(RETRY)


class Sleep:
    """Shuts the valve when nobody has wanted frames for `after` seconds, and opens it as soon as somebody does.

    wanted: asked from time to time; True while somebody wants frames.
    """

    def __init__(self, valve: Valve, wanted: Any, after: float) -> None:
        self._valve, self._wanted, self._after = valve, wanted, after
        self._bell = threading.Event()
        self._closed = False
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="edge-bg-sleep", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Somebody wants frames, now and for some seconds. From any thread."""
        self._last = time.monotonic()
        self._valve.release("asleep")
        self._bell.set()

    def close(self) -> None:
        """Leave the valve as it is; idempotent."""
        self._closed = True
        self._bell.set()

    def _run(self) -> None:
        while not self._closed:
            if self._wanted():
                self.wake()
            elif time.monotonic() - self._last > self._after:
                self._valve.shut("asleep")
            self._bell.clear()
            self._bell.wait(min(1.0, self._after / 4))
