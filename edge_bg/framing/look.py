"""Looks taken in turn: people who are small and far apart have one each, so that the network sees all of them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.framing.window import Box, Canvas, Window

_PATIENCE = 8  # looks without anybody before one lets go
_DOUBT = 6  # looks for which people have to be apart before theirs is divided
_NEAR = 0.3  # of the frame: whoever needs a look of that size is seen in the whole frame, too
_SOMEBODY = 0.05  # of a look: less is nobody yet
_LOST, _KEPT = 0.35, 0.6  # of somebody: what a look that lost them shows at most, and one that did not at least
_STAYED = 0.75  # of somebody: what a wider look shows at least, else it lost them
_PAUSE, _LONGEST = 15, 240  # looks without one like that which failed; twice as many each time


class Look:
    """Where the network looks, `window`, and what it showed there last.

    mask:    of the whole frame, None before the first look. time, seen: of the frame it was made of; `seen` is the
             thumbnail of what was looked at.
    settled: the mask was taken where the next look goes.
    crowd:   the box around those who are there, in cells of the canvas; None before somebody was seen.
    before:  what was looked at before a newcomer widened the look, until that has been tried; else None.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.mask: Picture | None = None
        self.seen: Picture | None = None
        self.time = -math.inf
        self.settled = False
        self.crowd: Box | None = None
        self.before: Box | None = None
        self.missing = self._sightings = self._apart = self._paused = self._held = 0
        self._pause = self._hold = _PAUSE
        self._limit = 0  # cells: no look as large as that while `_held`

    @property
    def box(self) -> Box | None:
        """What is looked at, None for the whole frame."""
        return self.window.box

    def around(self) -> Box:
        """The box around those who are there, or all of what is looked at."""
        return self.crowd or self.box or self.window.canvas.whole

    @property
    def area(self) -> int:
        """Of what is looked at, in cells."""
        return (self.box or self.window.canvas.whole).area

    def plan(self, crowd: Box | None) -> bool:
        """Note who was seen and frame them; False once nobody was for so long that the look is given up."""
        if crowd is not None:
            self.missing, self._sightings = 0, self._sightings + 1
            self.crowd = crowd
            self._aim(None if self._paused else crowd)
            self._paused = max(0, self._paused - 1)
            self._held -= self._held > 1  # 1 until the whole frame was looked at
            return True
        self.missing += 1
        if self.missing <= min(_PATIENCE, self._sightings):  # somebody seen once only may have been nobody
            return True
        self.window.plan(None)
        self.crowd, self._sightings, self._held, self._hold = None, 0, 0, _PAUSE
        return False

    def doubtful(self, mask: Picture) -> bool:
        """Whether this look at somebody near by shows hardly any of whom `mask`, the last one, shows there; or, widened
        for a newcomer, not enough of who was there before.

        It happens that a network does not know somebody in a closer look. That one shows less is no reason to doubt it:
        the whole frame often takes things around somebody for a part of them.
        """
        box = self.before or self.box
        if self.mask is None or box is None or box.area < _NEAR * self.window.canvas.whole.area:
            return False
        return self._again(mask, self.mask) < (_STAYED if self.before else _LOST)

    def overrule(self, mask: Picture, other: Picture) -> None:
        """Believe `other`, the mask of `before` or else of all the frame, if it shows whom `mask` did, and look there;
        not again here for a while."""
        again = self._again(mask, other)
        if self.before and again >= _STAYED:
            self.mask, self._limit, self.window.box = other, self.area, self.before
            self._hold_on()
        elif not self.before and again > _KEPT:
            self.mask = other
            self.window.plan(None)
            self._paused, self._pause = self._pause, min(2 * self._pause, _LONGEST)

    def keeps(self, mask: Picture) -> bool:
        """Whether this look shows most of whom `mask` does."""
        return self.mask is not None and self._again(mask, self.mask) > _KEPT

    @property
    def ends(self) -> bool:
        """Whether the whole frame has to be looked at: a wider look failed, and it has been long enough."""
        return self._held == 1

    def trust(self, shown: Picture, whole: Picture) -> None:
        """Let the look be widened again if `whole`, the mask of all the frame, shows everybody who is `shown`."""
        if self._held and _share(shown, whole, self.window.canvas, self.window.canvas.whole) >= _STAYED:
            self._held = 0
        elif self.ends:
            self._hold_on()

    def _hold_on(self) -> None:
        self._held, self._hold = self._hold, min(2 * self._hold, _LONGEST)

    def _again(self, before: Picture, now: Picture) -> float:
        """How much of what `before` shows in this look `now` shows there, too."""
        canvas = self.window.canvas
        return _share(before, now, canvas, self.before or self.box or canvas.whole)

    def welcome(self, crowd: Box) -> bool:
        """Frame `crowd`, who have not been seen in this look yet; False if a look so wide lost somebody a while ago."""
        box = self.box
        if not self._aim(crowd):
            return False
        self.crowd, self.settled = crowd, False
        self.before = box if box is not None and self.area > box.area else None
        return True

    def _aim(self, crowd: Box | None) -> bool:
        """Plan the window; as it was, and False, if it would be as wide as one that lost somebody a while ago."""
        box = self.box
        self.window.plan(crowd)
        if box is None or not self._held or self.area < self._limit:
            return True
        self.window.box = box
        return False

    def part(self, crowd: Sequence[Box]) -> Look | None:
        """A look at those of `crowd`, the boxes of who is here, who have been far from the rest for a while."""
        groups = list(crowd)
        while len(groups) > 1 and (pair := self._neighbours(groups)):
            groups = [each for each in groups if each not in pair] + [pair[0].join(pair[1])]
        some = sorted(groups, key=lambda each: each.area) if len(groups) > 1 else []
        split = [(enclose([other for other in some if other is not each]), each) for each in some]
        split = [(rest, lone) for rest, lone in split if self.window.apart(rest, lone)]
        self._apart = self._apart + 1 if split else 0
        if self._apart < _DOUBT:
            return None
        self._apart = 0
        rest, lone = split[0]
        new = Look(Window.like(self.window))
        new.mask, new._sightings = self.mask, self._sightings
        new.welcome(lone)
        self.window.plan(None)
        self.welcome(rest)
        return new

    def _neighbours(self, groups: Sequence[Box]) -> tuple[Box, Box] | None:
        pairs = itertools.combinations(groups, 2)
        return next((pair for pair in pairs if not self.window.apart(*pair)), None)

    def meets(self, other: Look) -> bool:
        """Whether one look at both had better take the place of the two."""
        if self._held or other._held:
            return False
        if self.box is None or other.box is None or self.box.meets(other.box):
            return True
        return self.window.together(self.around(), other.around())

    def join(self, other: Look) -> None:
        """Look at those whom `other` looks at, too."""
        canvas = self.window.canvas
        if self.mask is not None and other.mask is not None:
            self.mask = merge([self.mask, other.mask], canvas)
        self.time = min(self.time, other.time)
        self._sightings = max(self._sightings, other._sightings)
        self.welcome(self.around().join(other.around()))
        self.before = None


def _share(before: Picture, now: Picture, canvas: Canvas, box: Box) -> float:
    """How much of what `before` shows in `box` `now` shows there, too; 1 if that is next to nothing."""
    past, present = (canvas.fit(mask)[box.cut] for mask in (before, now))
    there = cv2.mean(past)[0]
    return cv2.mean(cv2.min(past, present))[0] / there if there > 255 * _SOMEBODY else 1.0


def merge(masks: Sequence[Picture], canvas: Canvas) -> Picture:
    """One mask of the frame: each cell as the mask shows it that shows most there; a lone mask as it is."""
    mask = masks[0]
    for each in masks[1:]:
        mask = np.asarray(cv2.max(canvas.fit(mask), canvas.fit(each)), np.uint8)
    return mask


def enclose(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of `boxes`, one at least."""
    return functools.reduce(Box.join, boxes)
