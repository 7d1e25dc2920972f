"""What the loop asks of its parts. Nothing has to inherit from these: whatever has the methods fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from edge_bg.errors import ModelError
from edge_bg.frame import I420, Frame, Picture, Size


class Source(Protocol):
    """What the loop asks of a source; see `edge_bg.sources` for the whole contract."""

    size: Size
    fps: float
    live: bool
    failures: int

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Segmenter(Protocol):
    """frame -> mask: uint8 `(h, w)` at the model's own size, covering exactly the frame, 255 = person.

    `shrink` gives the frame its `small` picture, at the model's size, if it came without one: what the network
    and the matte look at. It runs on the capture thread, so that the network's own thread does little else.
    """

    def shrink(self, frame: Frame, /) -> None: ...
    def __call__(self, frame: Frame, /) -> Picture: ...


class Matte(Protocol):
    """mask, frame, the frame that the mask is of -> alpha420, laid out like the frame; `reset` forgets the past."""

    def __call__(self, mask: Picture, frame: Frame, of: Frame, /) -> I420: ...
    def reset(self) -> None: ...


class Compositor(Protocol):
    """frame + alpha -> a new frame on the new background, its alpha attached."""

    def __call__(self, frame: Frame, alpha420: I420, /) -> Frame: ...


class Sinks(Protocol):
    """Where frames go; `send` returns at once, except that a lossless sink holds up a source that can wait.

    `send` is False once no sink wants frames any more; `stop` frees a `send` that waits.
    """

    def open(self, size: Size, fps: float, *, live: bool = True) -> None: ...
    def send(self, frame: Frame, /) -> bool: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


def check_mask(mask: Picture) -> None:
    """Raises ModelError for what is no mask: a segmenter of somebody's own is told here, not deep in the matte."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8 or mask.ndim != 2 or 0 in mask.shape:
        given = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else repr(mask)
        raise ModelError(f"the segmenter gave {given} for a mask: it has to be uint8 (h, w), 255 = person")
