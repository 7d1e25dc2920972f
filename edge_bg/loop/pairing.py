"""Which mask belongs to which frame: its own (`sync: exact`), or the newest there is (`sync: latest`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from edge_bg.frame import Frame, Picture
from edge_bg.frame.alike import SAME, cells, likeness
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

    A camera whose picture is all at once another one (broken, black, turned round) shows another scene, too: the mask
    of the one before would show its room. An error of the segmenter is raised here, as `masked` is closed with it.
    """
    newest: Pair | None = None
    same = Same()
    while True:
        try:
            frame = shown.get(patience())
            newest = _peek(masked) or newest
        except Closed:
            return
        if frame is None or newest is None or frame.time - newest[2].time > max_age() or not same(frame, newest[2]):
            yield None
        else:
            yield frame, newest[1], newest[2]


class Same:
    """`same(frame, of)` -> whether a mask of frame `of` may be used for `frame`: both show the same scene."""

    def __init__(self) -> None:
        self._of: Frame | None = None
        self._cells: Any = None

    def __call__(self, frame: Frame, of: Frame) -> bool:
        """Compare; what was read of `of` is kept for the frames that follow."""
        if frame is of:
            return True
        if frame.scene != of.scene:
            return False
        if self._of is not of:
            self._of, self._cells = of, cells(of.picture.data)
        return likeness(cells(frame.picture.data), self._cells) >= SAME


def _peek(masked: Latest[Pair]) -> Pair | None:
    """The newest mask if one has come since the last look, without waiting."""
    try:
        return masked.get(0)
    except Closed:
        return None
