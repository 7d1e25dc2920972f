"""The sink that takes every frame and does nothing: for benchmarks, for tests, and for loops read from code."""

from __future__ import annotations

from edge_bg.frame import Frame, Size


class Null:
    """Counts frames in `frames`; costs nothing. The template for other sinks."""

    name = "null"
    lossless = True
    retry = False

    def __init__(self) -> None:
        self.frames = 0

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Nothing to open; counting starts at 0."""
        self.frames = 0

    def write(self, frame: Frame) -> None:
        """Count the frame."""
        self.frames += 1

    def close(self) -> None:
        """Nothing to finish."""
