"""The empty booth: a camera that does not move learns the room, and what differs from it is no room.

A network keeps people and loses what they hold. What differs from the learned room (`edge_bg.matte.room`) is kept,
too: the network says when the room is empty, and of whom something differs it is believed where it is sure. The model
checks itself against the pixels the network calls room:

- a camera that was pushed shows at the room's own edges, a light that was switched shows everywhere;
- then the mask is the network's alone, from that frame on, until the model fits again or the room is empty anew;
- meanwhile it is tried to find the known room in the picture: moved a little, or under another light. It counts if all
  that is seen of it fits.

Edges are told by the same room at half the frame's size (`edge_bg.matte.detail`).

A network sees people in plants, posters and coats. Where it does, nothing is learned but what stands as still as the
walls for long, which nobody alive does; the rest of such a room is learned much sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.detail import Detail
from edge_bg.matte.known import KnownRoom
from edge_bg.matte.masks import above, below
from edge_bg.matte.room import Room
from edge_bg.matte.trust import FAR, MOVED, REACH, WIDE, attached, believed, fit, good, near_to, nobody, stirred

State = Literal["learning", "known", "wrong"]
_Fit = tuple[Room, Picture, tuple[float, float]]

LEARN = 20  # still, empty frames before the room counts as known
SURE = 30  # frames in which nothing stirred, after which a room is learned but for where the network sees somebody
STILL = 150  # frames in which nothing stirred, after which that is room, too
FORGET = 30  # empty frames after which a model that is wrong is learned again
_ENOUGH = 0.25  # share of the picture that is known beside people who move, from which the room counts as known
_MEND = 8  # frames between attempts to find the room again
_SLOW = 1 / 256  # how fast the known room follows what it is seen to be
_FAST = 1 / 16  # ... while nobody is there, and where it was found again
_ABSORB = 1 / 48  # ... where something without any person stands still, such as a chair that was moved
_DOUBT = 96  # levels taken off the mask where the room shows as it is
_LETTING_GO = 8  # of 255 a frame, by which what was held is let go once nobody is near
_FRESH = 60  # frames for which a room that was found again is followed fast


class Booth:
    """mask + small picture -> mask with what differs from the empty room; feed every frame in order.

    state:   "learning" until the room was empty and still for `LEARN` frames; "wrong" while it does not fit.
    figures: (share of the network's room that differs, share of the room's own edges there that do), 0..1.
    """

    def __init__(self) -> None:
        self._network = KnownRoom()
        self._start()

    def relearn(self) -> None:
        """The room is empty now: learn it anew from the next frame on, as soon as nothing moves, whatever the network
        sees in it. From any thread."""
        self._forget = True

    def forget(self) -> None:
        """Another room is seen from now on: nothing is known of it until it is empty. From any thread."""
        self._elsewhere = True

    def _start(self, told: bool = False) -> None:
        self._forget = self._elsewhere = False
        self._told = told  # somebody said that what is seen is the room
        self.state: State = "learning"
        self.figures = (0.0, 0.0)
        self._room: Room | None = None
        self._before: Any = None  # the last frame's luma
        self._posed: Any = None  # the luma of the frame since which nothing stirred
        self._odd: Any = None  # where the last frame differed
        self._held: Any = None  # uint8 (h, w), where something was held, the longer ago the lower
        self._bias: Any = None  # float32 (h, w), what the network saw in the empty room
        self._doubt: Any = None  # uint8 (h, w), what is taken off the mask where the room shows as it is
        self._seen = self._still = 0  # frames learned from, and in which nothing stirred
        self._empty = 0  # frames since somebody was there or something moved
        self._fits = self._wrong = self._fresh = 0
        self.detail = Detail(self._network)

    def reset(self) -> None:
        """A break in the stream: a room that is known is kept, the last frame is not."""
        if self.state == "learning" and self._seen:
            self._start(self._told)
        self._before = self._odd = self._posed = self._held = None
        self._empty = self._still = 0
        self.detail.reset()

    @property
    def known(self) -> Detail | None:
        """The room at half size and the light on it; None where it is not known or does not fit."""
        return self.detail if self.state == "known" and self.detail.light is not None else None

    def __call__(self, mask: Picture, planes: Picture, halves: Sequence[Picture]) -> Picture:
        """The joined mask, `(h, w)` uint8.

        mask: `(h, w)` uint8 at working size. planes: `(3, h, w)` uint8, Y U V. halves: the same at half the frame's
        size, whole cells.
        """
        if self._forget or self._elsewhere:
            self._start(told=self._forget)
        colour = np.asarray(cv2.merge(tuple(planes)), np.uint8)
        calm = self._calm(colour, mask)
        if self.state == "learning" or self._room is None:
            self._count(calm, mask)
            far = np.full_like(mask, 255) if self._empty else below(cv2.dilate(mask, FAR), 40)
            self.detail.meet(planes, halves, far)
            self._learn(mask, colour)
            return mask
        empty = below(cv2.dilate(mask, WIDE), 40)
        evidence = self._room.evidence(colour, empty)
        shown = believed(mask, cv2.max(above(evidence, 15), self._room.blind))
        if shown is not mask:
            mask, empty = shown, below(cv2.dilate(shown, WIDE), 40)
        if not self._check(mask, evidence, empty):
            self._count(calm, mask)
            mended = self._mend(mask, colour, empty)
            if mended is None:
                return mask
            evidence = mended
        joined = self._join(mask, self._keep(evidence, mask))
        self._count(calm, joined)
        self._follow(colour, joined, evidence)
        self._explore(colour, mask, joined)
        self._follow_closely(planes, halves, mask, joined, evidence, empty)
        return joined

    def _calm(self, colour: Picture, mask: Picture) -> bool:
        """Whether nothing moved since the last frame; counts for how long nothing stirred."""
        luma: Any = cv2.extractChannel(colour, 0)
        before, self._before = self._before, luma
        if self._posed is None or stirred(cv2.absdiff(luma, self._posed), mask):
            self._posed, self._still = luma, 0
        self._still += 1
        return before is None or cv2.absdiff(luma, before).max() <= MOVED

    def _count(self, calm: bool, mask: Picture) -> None:
        """Count the frames without anybody. Before a room is known, what never stirs is nobody, such as a poster."""
        stuffed = self._still > STILL and self.state != "known"
        self._empty = self._empty + 1 if calm and (nobody(mask) or stuffed or self._told) else 0

    def _learn(self, mask: Picture, colour: Picture) -> None:
        """One more frame of a room with nobody in it, or with somebody who would have to be as still as the walls."""
        if self._empty == 0 and self._still == 1:
            self._seen = 0
            if not nobody(mask) and self.detail.share >= _ENOUGH and self.detail.plate is not None:  # beside them
                self._room = Room.of(self.detail.plate)
                self._doubt, self.state = np.full_like(mask, _DOUBT), "known"
            return
        self._seen += 1
        if self._seen == 1 or self._room is None:
            self._room, self._bias = Room(colour), mask.astype(np.float32)
        else:
            self._room.learn(colour, 1 / self._seen)
            cv2.accumulateWeighted(mask, self._bias, 1 / self._seen)
        if self._empty < LEARN and self._still < SURE:
            return
        if self._empty < LEARN:
            self._room.unseen = cv2.dilate(above(self._bias, 20), FAR)
        self._room.draw_edges()
        self._doubt = cv2.max(cv2.convertScaleAbs(self._bias), _DOUBT)  # type: ignore[call-overload]
        self.state, self._told = "known", False

    def _explore(self, colour: Picture, mask: Picture, joined: Picture) -> None:
        """Get to know the rest of the room: what nobody is near to, and what never stirs, whoever the network sees."""
        assert self._room is not None
        if not self._room.unseen.any():
            return
        if self._still > STILL:
            settled = cv2.bitwise_and(mask, above(self._room.unseen, 0))
            self._doubt = cv2.max(self._doubt, settled)
            self._room.meet(colour, np.full_like(mask, 255))
        else:
            self._room.meet(colour, below(cv2.dilate(joined, FAR), 40))

    def _follow(self, colour: Picture, joined: Picture, evidence: Picture) -> None:
        """Let the model follow slow changes of what is surely room."""
        assert self._room is not None
        self._fresh = max(0, self._fresh - 1)
        alone = self._empty > 5
        self._room.learn(colour, _FAST if alone or self._fresh else _SLOW, below(cv2.dilate(joined, WIDE), 40))
        if alone:  # nobody, and nothing moves: what differs is the room's own
            self._room.learn(colour, _ABSORB, above(evidence, 16), noise=False)

    def _follow_closely(
        self, planes: Picture, halves: Sequence[Picture], mask: Picture, joined: Picture, evidence: Picture, empty: Any
    ) -> None:
        """The same at half the frame's size; and take for room what rests beside somebody."""
        assert self._room is not None
        self.detail.shows = cv2.subtract(below(evidence, 16), self._room.blind)
        alone = self._empty > 5
        if alone:
            self.detail.follow(planes, halves, _ABSORB, above(evidence, 16), empty)
        self.detail.follow(
            planes, halves, _FAST if alone or self._fresh else _SLOW, below(cv2.dilate(joined, WIDE), 40), empty
        )
        far = np.full_like(mask, 255) if self._still > STILL else below(cv2.dilate(joined, FAR), 40)
        self.detail.meet(planes, halves, far)
        rests = self.detail.rests(halves, joined, mask, cv2.bitwise_and(empty, below(evidence, 16)))
        if rests is not None:
            self._room.take(np.asarray(cv2.merge(tuple(planes)), np.uint8), rests)
            self.detail.take(planes, halves, rests)

    def _keep(self, evidence: Picture, mask: Picture) -> Picture:
        """`evidence` of what somebody is near to, or was a second ago: a network loses a guest for some frames."""
        assert self._room is not None
        near, before = near_to(mask), self._held
        # What is not known yet around somebody hides what is held there: they reach across it.
        around = cv2.bitwise_and(self._room.unseen, cv2.dilate(near, FAR))
        near = cv2.max(near, cv2.dilate(around, WIDE))
        held = attached(evidence, near)
        lately = above(held, 64)
        if before is not None:
            held = attached(evidence, cv2.max(near, before))
            lately = cv2.max(lately, cv2.subtract(before, _LETTING_GO))  # type: ignore[call-overload]
        self._held = lately
        return held

    def _join(self, mask: Picture, evidence: Picture) -> Picture:
        """The network's mask where it is sure; else what the room says."""
        assert self._room is not None
        # Where the room shows as it is, only a network is believed that is surer than it was of the empty room.
        seen: Any = cv2.max(cv2.dilate(evidence, WIDE), self._room.blind)
        joined = cv2.max(cv2.subtract(mask, cv2.subtract(self._doubt, seen)), evidence)
        # Well inside of what it is sure of, clothes may have the wall's very colours.
        sure = above(cv2.subtract(mask, cv2.subtract(self._doubt, _DOUBT)), 200)  # type: ignore[call-overload]
        return np.asarray(cv2.max(joined, cv2.erode(sure, REACH)), np.uint8)

    # --- trust ---------------------------------------------------------------------------------------

    def _check(self, mask: Picture, evidence: Picture, empty: Any) -> bool:
        """Whether the model is believed in this frame; updates `state`."""
        assert self._room is not None
        self.figures = share, broken = fit(self._room, mask, evidence, empty)
        odd, before = above(evidence, 127), self._odd
        # Who walks in takes a while; a lamp and a push do not.
        leap = 0.0 if before is None else cv2.countNonZero(cv2.subtract(odd, before)) / odd.size
        self._odd = odd
        if self.state == "known":
            if share >= 0.25 or broken >= 0.06 or leap >= 0.08:
                self.state, self._fits, self._wrong = "wrong", 0, 0
        else:
            self._fits = self._fits + 1 if good(self.figures) else 0
            if self._fits >= 15:
                self.state = "known"
        return self.state == "known"

    def _mend(self, mask: Picture, colour: Picture, empty: Any) -> Picture | None:
        """Now and then, look for the room that does not fit; the evidence of the one that was found."""
        if self._empty >= FORGET:
            self._start()
            return None
        assert self._room is not None
        self._wrong += 1
        if self._wrong % _MEND or cv2.countNonZero(empty) < empty.size // 8:
            return None
        if self._held is not None:  # what was held until now hides the room as people do
            empty = cv2.subtract(empty, cv2.dilate(above(self._held, 0), WIDE))
        moved = [self._room.moved(colour, empty, how) for how in (cv2.MOTION_EUCLIDEAN, cv2.MOTION_AFFINE)]
        rooms = [self._room, *(room for room in moved if room is not None)]
        best = _best(rooms, mask, colour, empty)
        best = best or _best([room.relit(colour, empty) for room in rooms], mask, colour, empty)
        if best is None:
            return None
        room, evidence, self.figures = best
        self._fresh = 0 if room is self._room else _FRESH
        if room is not self._room:
            self.detail.change(room.warp, room.lit)
            room.warp = room.lit = None
        self._room, self.state, self._odd = room, "known", None
        return evidence


def _best(rooms: list[Room], mask: Picture, colour: Picture, empty: Any) -> _Fit | None:
    """The one of `rooms` that fits best, if any does, with its evidence and figures."""
    fits: list[_Fit] = []
    for room in rooms:
        evidence = room.evidence(colour, empty)
        figures = fit(room, mask, evidence, empty)
        if good(figures):
            fits.append((room, evidence, figures))
    return min(fits, key=lambda fit: sum(fit[2]), default=None)
