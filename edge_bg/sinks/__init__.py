"""Where composited frames go. One file per backend, found by its `kind` and imported only when chosen.

To write a sink: a class with the members of `Sink`, and a line in `KINDS`. `null.py` is the template.
"""

from __future__ import annotations

from typing import Protocol

from edge_bg.errors import SinkError
from edge_bg.frame import Frame, Size

KINDS: dict[str, str] = {
    "null": "edge_bg.sinks.null:Null",
    "file": "edge_bg.sinks.file:File",
    "pipe": "edge_bg.sinks.pipe:Pipe",
    "http": "edge_bg.sinks.http:Http",
    "v4l2loopback": "edge_bg.sinks.v4l2loopback:V4l2Loopback",
}
"""`kind` -> "module:Class". The keys of a sink in the configuration are its constructor's keyword arguments."""


class SinkEnd(SinkError):
    """Whoever read from the sink has what they wanted and left: an end, not a fault (`... | head`)."""


class Sink(Protocol):
    """One output. Constructors only note their arguments: nothing is touched before `open`.

    name:     what messages and counters call it, usually its kind.
    lossless: True asks for every frame while the source can wait (a recording); otherwise newest wins.
    retry:    True has it opened again, with growing pauses, after it failed.

    once:     True (False where it is left out) says that what was begun cannot be begun again.

    `open`, `write` and `close` are called from one thread at a time. A sink that can get stuck in `write` for
    ever may have a method `abort()`, callable from another thread, which makes that `write` end. One that knows when
    nobody looks may have a property `wanted`, asked from another thread: while no sink wants frames the camera sleeps.
    """

    name: str
    lossless: bool
    retry: bool

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Get ready for frames of `size` (width, height) at about `fps`. Raises SinkError.

        live: frames are shown when they came (`Frame.time`); otherwise they are one every `1 / fps` seconds,
        however fast they come.
        """

    def write(self, frame: Frame) -> None:
        """Deliver one frame, whose pixels must not be changed. Raises SinkError, or SinkEnd.

        Keeps no reference to the frame once the next one has been written.
        """

    def close(self) -> None:
        """Finish what was begun (files are complete afterwards); idempotent. Raises SinkError if that fails."""
