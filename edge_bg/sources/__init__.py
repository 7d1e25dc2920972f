"""Where frames come from: one file per backend, found by its `kind` and imported only when chosen."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, runtime_checkable

from edge_bg.frame import Frame

KINDS: dict[str, str] = {
    "synthetic": "edge_bg.sources.synthetic:Synthetic",
    "file": "edge_bg.sources.file:VideoFile",
    "images": "edge_bg.sources.images:Images",
    "v4l2": "edge_bg.sources.v4l2:V4l2Camera",
    "picamera2": "edge_bg.sources.picamera2:PiCamera",
}


@runtime_checkable
class Source(Protocol):
    """What the loop asks of a camera, a video or a folder of pictures. No inheritance is needed.

    size:     (width, height) of every frame, both even; right once `open` has returned.
    fps:      frames per second it gives, or is meant to be played at.
    live:     True: frames come at their own pace and the newest wins; False: each frame waits to be taken.
    state:    "ok", "lost: <why>" while a camera is away, or "ended".
    failures: how many frames, pictures or connections could not be read so far.
    """

    size: tuple[int, int]
    fps: float
    live: bool
    state: str
    failures: int

    def open(self) -> None:
        """Make it ready and set `size` and `fps`; SourceError says why not. No effect when already open."""

    def close(self) -> None:
        """Let go of it and make a running iteration end soon. From any thread, any number of times."""

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames of constant size with growing `index` and `time`; waits while a camera is lost."""
