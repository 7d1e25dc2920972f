"""Black bars that are in a film itself: still, black, along the border. What lies within them is the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Area, Size, planes, size_of

Sides = tuple[int, int, int, int]  # how wide the bar is on the left, at the top, on the right, at the bottom

BLACK = 24  # levels of luma that a bar has at most; codecs leave a few, tape leaves twenty
_TINT = 8  # levels by which its chroma may be off grey
_STEP = 8  # every so many-th pixel of a line is looked at
_WIDEST = 0.44  # of a side: more would leave no picture (a phone's film in 16:9 has 0.34)
_SHARP = 0.3  # of the line beside a bar is brighter: a scene that happens to be dark at the border has no such edge
_LIKELY = 0.1  # ... of the lines beside two bars of the same width
_STILL = 12  # frames for which a bar is there before it counts, unless a scene begins with it
_NEAR = 4  # pixels by which two bars of one width may differ
_DIM = 40  # mean level of a picture that is still fading in
_NONE: Sides = (0, 0, 0, 0)


class Bars:
    """`bars(picture, cut)` -> the part of an I420 picture within its bars, None while it has none.

    cut: the picture begins a scene; a bar with a sharp edge then counts at once, else once it has been still for half
    a second. A bar that is no longer black is none, from that frame on. Without bars a call looks at four lines.
    """

    def __init__(self) -> None:
        self._size: Size = (0, 0)
        self._known: Sides = _NONE
        self._likely: Sides = _NONE
        self._still = 0
        self._new = True

    def __call__(self, picture: I420, cut: bool) -> Area | None:
        """The part within the bars, its edges not yet even."""
        size = size_of(picture)
        if size != self._size:
            self._size, self._known, self._still, cut = size, _NONE, 0, True
        luma = planes(picture)[0]
        if any(self._known) and not self._black(luma, self._known):
            found = _measure(picture)
            # A scene that has gone dark has no bars to measure; one whose bars are narrower has.
            self._known = tuple(min(pair) for pair in zip(self._known, found, strict=True))  # type: ignore[assignment]
        self._new = cut or (self._new and float(luma[::_STEP, ::_STEP].mean()) < _DIM)  # until it has faded in
        if self._dark_border(luma):
            self._look(picture)
        left, top, right, bottom = self._known
        return Area(left, top, size[0] - right, size[1] - bottom) if any(self._known) else None

    def _dark_border(self, luma: NDArray[np.uint8]) -> bool:
        """Whether a side that has no bar is black along the border."""
        left, top, right, bottom = self._known
        within = luma[top : luma.shape[0] - bottom, left : luma.shape[1] - right]
        lines = (within[::_STEP, 0], within[0, ::_STEP], within[::_STEP, -1], within[-1, ::_STEP])
        return any(int(line.max()) <= BLACK for line in lines)

    def _black(self, luma: NDArray[np.uint8], sides: Sides) -> bool:
        left, top, right, bottom = sides
        height, width = luma.shape
        bars = (luma[:, :left], luma[:top], luma[:, width - right :], luma[height - bottom :])
        return all(not bar.size or int(bar[::_STEP, ::_STEP].max()) <= BLACK for bar in bars)

    def _look(self, picture: I420) -> None:
        found = _measure(picture)
        if not _wider(found, self._known):
            self._still = 0
            return
        shares = _edges(planes(picture)[0], found)
        sharp = _chosen(found, [share >= _SHARP for share in shares])
        if self._new and _wider(sharp, self._known):
            self._known, self._still = _joined(self._known, sharp), 0
            return
        pairs = [abs(found[side] - found[side - 2]) <= _NEAR and min(shares[side], shares[side - 2]) >= _LIKELY
                 for side in range(4)]  # fmt: skip
        likely = _joined(sharp, _chosen(found, pairs))
        same = max(abs(one - two) for one, two in zip(likely, self._likely, strict=True)) <= 2
        self._still = self._still + 1 if same else 0
        self._likely = likely
        if self._still >= _STILL and _wider(likely, self._known):
            self._known, self._still = _joined(self._known, likely), 0


def _measure(picture: I420) -> Sides:
    """How far it is black from each side; 0 where that is no bar, all 0 in a picture that is black all over."""
    luma, u, v = planes(picture)
    height, width = luma.shape
    rows: Any = luma[:, ::_STEP].max(axis=1) > BLACK
    if not rows.any():
        return _NONE
    top, bottom = int(rows.argmax()), int(rows[::-1].argmax())
    columns: Any = luma[top : height - bottom : _STEP].max(axis=0) > BLACK
    if not columns.any():
        return _NONE
    left, right = int(columns.argmax()), int(columns[::-1].argmax())
    found = left, top, right, bottom
    lengths = width, height, width, height
    bars = [0 < 2 * (bar // 2) <= _WIDEST * length for bar, length in zip(found, lengths, strict=True)]
    return _chosen(found, [bar and _grey(u, v, side, found[side] // 2) for side, bar in enumerate(bars)])


def _grey(u: NDArray[np.uint8], v: NDArray[np.uint8], side: int, wide: int) -> bool:
    """Whether the bar of `wide` chroma pixels on a side, 0 for the left one and on clockwise, has no colour."""
    cut = slice(None, wide) if side < 2 else slice(-wide, None)
    parts = [plane[cut] if side % 2 else plane[:, cut] for plane in (u, v)]
    return all(abs(float(part.mean()) - 128) <= _TINT for part in parts)


def _edges(luma: NDArray[np.uint8], sides: Sides) -> list[float]:
    """How much of the line beside each bar is no bar, past the line in which the two may be mixed."""
    left, top, right, bottom = sides
    height, width = luma.shape
    within = luma[top : height - bottom, left : width - right]
    lines = (within[::2, 1], within[1, ::2], within[::2, -2], within[-2, ::2])
    return [float((line > BLACK + 8).mean()) for line in lines]


def _chosen(sides: Sides, which: list[bool]) -> Sides:
    left, top, right, bottom = (side if chosen else 0 for side, chosen in zip(sides, which, strict=True))
    return left, top, right, bottom


def _joined(one: Sides, two: Sides) -> Sides:
    left, top, right, bottom = (max(pair) for pair in zip(one, two, strict=True))
    return left, top, right, bottom


def _wider(found: Sides, known: Sides) -> bool:
    return any(new > old + 1 for new, old in zip(found, known, strict=True))
