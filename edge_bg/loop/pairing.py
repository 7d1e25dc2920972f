"""Which mask belongs to which frame: its own (`sync: exact`), or the newest there is (`sync: latest`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge_bg.frame import Frame, Picture
from edge_bg.loop.mailbox import Closed, Latest

Pair = tuple[Frame, Picture, Frame]  # what the network's thread gives: a frame, a mask, the frame that the mask is of
Dated = tuple[Frame, Picture, Frame]  # a frame, a mask for it, and the frame that the mask was made of


def exact_pairs(masked: Latest[Pair], patience: Callable[[], float | None]) -> Iterator[Dated | None]:
    """Each frame with its own mask; None when none came within `patience()` seconds (None: wait for ever)."""
    while True:
        try:
            pair = masked.get(patience())
        except Closed:
            return
        yield pair


def newest_pairs(
    shown: Latest[Frame], masked: Latest[Pair], patience: Callable[[], float | None], max_age: Callable[[], float]
) -> Iterator[Dated | None]:
    """Each frame with the newest mask; None while that is missing, of another scene or older than `max_age()` seconds.

    An error of the segmenter is raised here, as `masked` is closed with it.
    """
    newest: Pair | None = None
    while True:
        try:
            frame = shown.get(patience())
            newest = _peek(masked) or newest
        except Closed:
            return
        if frame is None or newest is None or frame.time - newest[2].time > max_age() or frame.scene != newest[2].scene:
            yield None
        else:
            yield frame, newest[1], newest[2]


def _peek(masked: Latest[Pair]) -> Pair | None:
    """The newest mask if one has come since the last look, without waiting."""
    try:
        return masked.get(0)
    except Closed:
        return None
