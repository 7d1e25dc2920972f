"""All sinks at once, none of which can slow the loop or another sink.

Each sink has a thread and a one-slot mailbox. `send` leaves the frame in every mailbox and returns; a sink that is
slow skips frames, a sink that fails is out (or opened again, if it asks for that), and both are counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from edge_bg.errors import EdgeBgError, SinkError
from edge_bg.frame import Frame, Size
from edge_bg.loop.mailbox import Closed, Latest
from edge_bg.sinks import Sink, SinkEnd

log = logging.getLogger("edge_bg.sinks")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds between attempts to open a failed sink again
STUCK = 3.0  # seconds that a write may take once the sinks are closing
FINISHING = 60.0  # seconds that a file may take to be completed


class _Outlet:
    """One sink with its mailbox, its thread and its figures."""

    def __init__(self, name: str, sink: Sink, on_delivered: Callable[[str, Frame], None]) -> None:
        self.name = name
        self.sink = sink
        self.box: Latest[Frame] = Latest()
        self.box.close()  # until there is a thread that reads it
        self.delivered = 0
        self.failures = 0
        self.missed = 0  # frames that came while the sink was out
        self.error: SinkError | None = None
        self.state = "closed"
        self.alone = False  # the only sink: its error ends the loop
        self._on_delivered = on_delivered
        self._writing = False
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        return self.box.dropped + self.missed

    def start(self, size: Size, fps: float, live: bool) -> None:
        self.box = Latest(lossless=self.sink.lossless and not live)
        self._thread = threading.Thread(
            target=self._run, args=(size, fps, live), name=f"edge-bg-{self.name}", daemon=True
        )
        self._thread.start()

    def open(self, size: Size, fps: float, live: bool) -> bool:
        """Open the sink; whether it is open now. The error is kept."""
        try:
            self.sink.open(size, fps, live=live)
        except Exception as caught:
            self._fail(caught, tell=self.sink.retry and not self.alone)
            return False
        self.state, self.error = "ok", None
        return True

    def finish(self) -> None:
        """Wait for the sink to take its last frame and complete its file; give up on one that is stuck."""
        if self._thread is None:
            return
        self._thread.join(STUCK)
        if self._thread.is_alive() and self._writing:
            abort = getattr(self.sink, "abort", None)
            if abort is not None:
                abort()
            self._thread.join(STUCK)
        elif self._thread.is_alive():
            self._thread.join(FINISHING)
        if self._thread.is_alive():
            self._fail(SinkError(f"{self.name}: does not finish; its output may be incomplete"))

    def _run(self, size: Size, fps: float, live: bool) -> None:
        pause = FIRST_PAUSE
        while True:
            if self.state == "ok":
                try:
                    self._pump()
                    break  # closed from outside
                except SinkEnd as end:
                    log.info("%s", end.message)
                    self.state = "ended"
                    break
                except Exception as caught:
                    self._fail(caught, tell=self.sink.retry or not self.alone)
                    pause = FIRST_PAUSE
                self._close_quietly()
            if not self.sink.retry:
                break
            if not self._pause(pause):
                break
            if self.open(size, fps, live):
                log.warning("%s: is back", self.name)
            pause = min(2 * pause, LONGEST_PAUSE)
        self.box.close()
        try:
            self.sink.close()
        except Exception as caught:
            self._fail(caught, tell=not self.alone)
        if self.state == "ok":
            self.state = "closed"

    def _pump(self) -> None:
        for frame in self.box:
            self._writing = True
            self.sink.write(frame)
            self._writing = False
            self.delivered += 1
            self._on_delivered(self.name, frame)

    def _pause(self, seconds: float) -> bool:
        """Let frames go by for `seconds`; False when the sinks were closed meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                if self.box.get(left) is not None:
                    self.missed += 1
            except Closed:
                return False
        return True

    def _fail(self, caught: Exception, *, tell: bool = True) -> None:
        """Note an error; `tell` logs it, once an outage: not what will be raised anyway."""
        self._writing = False
        if isinstance(caught, SinkError):
            error = caught
        elif isinstance(caught, EdgeBgError):
            error = SinkError(caught.message, hint=caught.hint)
            error.__cause__ = caught
        else:  # an operating system's error that the sink did not foresee, or a fault in the sink
            text = str(caught) if isinstance(caught, OSError) else repr(caught)
            error = SinkError(f"{self.name}: {text}")
            error.__cause__ = caught
        self.failures += 1
        if str(error) != str(self.error):
            if tell:
                again = " (will be tried again)" if self.sink.retry else ""
                log.warning("%s%s%s", error.message, again, f"\n  {error.hint}" if error.hint else "")
            log.debug("%s", self.name, exc_info=caught)
        self.error = error
        self.state = "lost" if self.sink.retry else "dead"

    def _close_quietly(self) -> None:
        try:
            self.sink.close()
        except Exception as caught:  # it has failed already: that error is the one to tell
            log.debug("%s: closing after a failure: %s", self.name, caught)


class Sinks:
    """Fan-out to several sinks. Use: `open`, `send` for each frame, `close`; or as a context manager.

    on_delivered: called as `on_delivered(name, frame)` from a sink's own thread after it has written a frame.
    """

    def __init__(self, sinks: Sequence[Sink], *, on_delivered: Callable[[str, Frame], None] | None = None) -> None:
        if not sinks:
            raise ValueError("no sinks: give at least one (`null` takes frames and does nothing)")
        self.on_delivered = on_delivered
        self._outlets: list[_Outlet] = []
        names: dict[str, int] = {}
        for sink in sinks:
            n = names[sink.name] = names.get(sink.name, 0) + 1
            self._outlets.append(_Outlet(sink.name if n == 1 else f"{sink.name}-{n}", sink, self._note))
        self._outlets[0].alone = len(self._outlets) == 1
        self._told = False

    def persist(self) -> None:
        """Open each sink again that fails, for ever, as a service should: all but those that can be opened only `once`.

        A sink that cannot be opened at the start is an error only where no other one can.
        """
        for outlet in self._outlets:
            outlet.sink.retry = outlet.sink.retry or not getattr(outlet.sink, "once", False)

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Open every sink for frames of `size` (width, height) at `fps`.

        live: the source cannot wait, so even a recording skips what it cannot keep up with.
        Raises the SinkError of a sink that cannot be opened, after closing the others; a sink with `retry` is
        tried again in the background instead, unless no sink at all could be opened.
        """
        self._told = False
        opened = [outlet.open(size, fps, live) for outlet in self._outlets]
        broken = [o for o, ok in zip(self._outlets, opened, strict=True) if not ok and not o.sink.retry]
        if broken or not any(opened):
            for outlet, ok in zip(self._outlets, opened, strict=True):
                if ok:
                    outlet.sink.close()
                    outlet.state = "closed"
            self._told = True
            raise _error_of(broken[0] if broken else self._outlets[0])
        for outlet in self._outlets:
            outlet.start(size, fps, live)

    def send(self, frame: Frame) -> bool:
        """Leave `frame` for every sink, at once; waits only for a lossless sink of a source that is not live.

        Returns False when no sink wants frames any more (all ended, or the sinks were stopped).
        Raises the first SinkError when every sink is dead.
        """
        wanted = [outlet.box.put(frame) for outlet in self._outlets]
        if any(wanted):
            return True
        self._raise_new_error()
        return False

    def stop(self) -> None:
        """No more frames: sinks take what they have and finish. From any thread or a signal handler."""
        for outlet in self._outlets:
            outlet.box.close()

    def close(self) -> None:
        """Finish every sink; files are complete when this returns. Idempotent.

        Raises the first error of a dead sink that `send` has not raised already, so that a recording which died
        of a full disk is not taken for a good one.
        """
        self.stop()
        for outlet in self._outlets:
            outlet.finish()
        self._raise_new_error()

    def __enter__(self) -> Sinks:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def wanted(self) -> bool:
        """Whether anybody wants frames: every sink does, unless it says otherwise (`wanted`)."""
        return any(getattr(o.sink, "wanted", True) for o in self._outlets if o.state not in ("dead", "ended"))

    @property
    def delivered(self) -> int:
        """Frames written, all sinks together."""
        return sum(outlet.delivered for outlet in self._outlets)

    def report(self) -> dict[str, dict[str, Any]]:
        """Per sink: `state` (ok, lost, dead, ended, closed), `delivered`, `dropped`, `failures`, `error` (text)."""
        return {
            o.name: {
                "state": o.state,
                "delivered": o.delivered,
                "dropped": o.dropped,
                "failures": o.failures,
                "error": None if o.error is None else o.error.message,
            }
            for o in self._outlets
        }

    def _note(self, name: str, frame: Frame) -> None:
        if self.on_delivered is not None:
            self.on_delivered(name, frame)

    def _raise_new_error(self) -> None:
        dead = [outlet for outlet in self._outlets if outlet.state == "dead"]
        if dead and not self._told:
            self._told = True
            raise _error_of(dead[0])


def _error_of(outlet: _Outlet) -> SinkError:
    assert outlet.error is not None
    return outlet.error
