"""The empty booth: a camera that does not move learns the room, and what differs from it is no room.

A network keeps people and loses what they hold, and its outline is rough. Where the room is known
(`edge_bg.matte.room`), a second, small network (`edge_bg.matte.known`) sees the frame, the room and the rough mask, and
says what is not the room: here at working size, later at the soft edges at half the frame's size. The room is learned
wherever nobody is near, also while people are there, and the model checks itself against what the first network calls
room:

- a camera that was pushed shows at the room's own edges, a light that was switched shows everywhere;
- then the mask is the network's alone, from that frame on, until the model fits again or the room is empty anew;
- meanwhile it is tried to find the known room in the picture: moved a little, or under another light. It counts if all
  that is seen of it fits.

A network sees people in plants, posters and coats. Where it does, nothing is learned but what stands as still as the
walls for long, which nobody alive does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.frame.tiles import TILE
from edge_bg.matte.known import KnownRoom
from edge_bg.matte.masks import above, below
from edge_bg.matte.rest import Rest
from edge_bg.matte.room import Light, Room
from edge_bg.matte.trust import FAR, MOVED, REACH, WIDE, attached, fit, good, near, nobody, stirred

State = Literal["learning", "known", "wrong"]


class Look(NamedTuple):
    """What a room says of a frame: `said`, alpha at working size, under `light`; and how well it fits."""

    room: Room
    light: Light
    said: Picture
    figures: tuple[float, float]
    lighter: Picture


STILL = 150  # frames in which nothing stirred, after which that is room, too
FORGET = 30  # empty frames after which a model that is wrong is learned again
_ENOUGH = 0.25  # share of the picture that has to be known before the room counts as known
_MEND = 8  # frames between attempts to find the room again
_SLOW = 1 / 256  # how fast the known room follows what it is seen to be
_FAST = 1 / 16  # ... while nobody is there, and where it was found again
_ABSORB = 1 / 48  # ... where something without any person stands still, such as a chair that was moved
_LETTING_GO = 8  # of 255 a frame, by which what was held is let go once nobody is near
_FRESH = 60  # frames for which a room that was found again is followed fast
_DIFFERS = 8  # levels from which the small network is asked whether a cell is room
_PLAINLY = 16  # levels by which no shadow makes an edge of the room lighter


class Booth:
    """mask + picture -> mask with what differs from the empty room; feed every frame in order.

    state:   "learning" until a quarter of the room was seen; "wrong" while it does not fit.
    figures: (share of the network's room that differs, share of the room's own edges there that do), 0..1.
    """

    def __init__(self, known: KnownRoom | None = None) -> None:
        self.known = KnownRoom() if known is None else known
        self._start()

    def relearn(self) -> None:
        """The room is empty now: learn it anew from the next frame on, as soon as nothing moves, whatever the network
        sees in it. From any thread."""
        self._forget = True

    def _start(self, told: bool = False) -> None:
        self._forget = False
        self._told = told  # somebody said that what is seen is the room
        self.state: State = "learning"
        self.figures = (0.0, 0.0)
        self._room: Room | None = None
        self._light: Light | None = None
        self._before: Any = None  # the last frame's luma
        self._posed: Any = None  # the luma of the frame since which nothing stirred
        self._odd: Any = None  # where the last frame differed
        self._held: Any = None  # uint8 (h, w), where something was held, the longer ago the lower
        self._bias: Any = None  # uint8 (h, w), what the network saw in the empty room
        self._still = 0  # frames in which nothing stirred
        self._empty = 0  # frames since somebody was there or something moved
        self._fits = self._wrong = self._fresh = 0
        self._rest = Rest()

    def reset(self) -> None:
        """A break in the stream: the room is kept, the last frame is not."""
        self._before = self._odd = self._posed = self._held = None
        self._empty = self._still = 0
        self._rest.reset()

    @property
    def room(self) -> tuple[Room, Light] | None:
        """The room and the light of the last frame on it; None where it is not known or does not fit."""
        if self.state != "known" or self._room is None or self._light is None:
            return None
        return self._room, self._light

    def __call__(self, mask: Picture, colour: Picture, halves: Sequence[Picture]) -> Picture:
        """The joined mask, `(h, w)` uint8.

        mask: `(h, w)` uint8 at working size. colour: `(3, h, w)` uint8, Y U V. halves: the same at half the frame's
        size, whole cells.
        """
        if self._forget:
            self._start(told=True)
        calm = self._calm(colour[0], mask)
        if self.state == "learning" or self._room is None:
            self._count(calm, mask)
            self._learn(mask, colour, halves)
            return mask
        believed = np.asarray(cv2.subtract(mask, self._bias), np.uint8)
        empty = below(cv2.dilate(believed, WIDE), 40)
        look = self._look(self._room, believed, colour, empty)
        if not self._check(look):
            self._count(calm, mask)
            mended = self._mend(believed, colour, empty)
            if mended is None:
                return mask
            look = mended
        self._light = look.light
        joined = self._keep(look.said, believed)
        self._count(calm, joined)
        self._follow(colour, halves, mask, joined, look.said)
        rests = self._rest(halves[0], joined, believed, cv2.bitwise_and(empty, below(look.said, 16)))
        if rests is not None:
            self._room.take(colour, halves, rests)
        return joined

    def _calm(self, luma: Picture, mask: Picture) -> bool:
        """Whether nothing moved since the last frame; counts for how long nothing stirred."""
        before, self._before = self._before, luma
        if self._posed is None or stirred(cv2.absdiff(luma, self._posed), mask):
            self._posed, self._still = luma, 0
        self._still += 1
        return before is None or cv2.absdiff(luma, before).max() <= MOVED

    def _count(self, calm: bool, mask: Picture) -> None:
        """Count the frames without anybody. Before a room is known, what never stirs is nobody, such as a poster."""
        stuffed = self._still > STILL and self.state != "known"
        self._empty = self._empty + 1 if calm and (nobody(mask) or stuffed or self._told) else 0

    def _learn(self, mask: Picture, colour: Picture, halves: Sequence[Picture]) -> None:
        """One more frame of a room: of all of it when nobody is there, else of what nobody is near to."""
        if self._room is None:
            self._room, self._bias = Room(colour, halves), np.zeros_like(mask)
        self._meet(mask, mask, colour, halves, self._empty > 0)
        if cv2.countNonZero(self._room.known) >= _ENOUGH * mask.size:
            self.state, self._told = "known", False

    def _meet(self, mask: Picture, people: Picture, colour: Picture, halves: Sequence[Picture], empty: bool) -> None:
        """Get to know more of the room: what nobody is near to, and what never stirs, whoever the network sees."""
        assert self._room is not None
        unknown = cv2.bitwise_not(self._room.known)
        if not cv2.countNonZero(unknown):
            return
        if empty or self._still > STILL:
            self._room.meet(colour, halves, np.full_like(mask, 255))
            learned = cv2.bitwise_and(unknown, self._room.known)
            cv2.max(self._bias, cv2.bitwise_and(mask, learned), self._bias)
        else:
            self._room.meet(colour, halves, below(cv2.dilate(people, FAR), 40))

    def _follow(
        self, colour: Picture, halves: Sequence[Picture], mask: Picture, joined: Picture, said: Picture
    ) -> None:
        """Let the model follow slow changes of what is surely room, and learn more of it."""
        assert self._room is not None
        self._fresh = max(0, self._fresh - 1)
        alone = self._empty > 5
        where = below(cv2.dilate(joined, WIDE), 40)
        if alone:  # nobody, and nothing moves: what differs is the room's own
            self._room.follow(colour, halves, _ABSORB, above(said, 16))
        self._room.follow(colour, halves, _FAST if alone or self._fresh else _SLOW, where)
        self._meet(mask, joined, colour, halves, False)

    def _keep(self, said: Picture, mask: Picture) -> Picture:
        """What was `said` of what somebody is near to, or was a second ago: a network loses a guest for some frames."""
        by, before = near(mask), self._held
        held = attached(said, by)
        lately = above(held, 64)
        if before is not None:
            held = attached(said, cv2.max(by, before))
            lately = cv2.max(lately, cv2.subtract(before, _LETTING_GO))  # type: ignore[call-overload]
        self._held = lately
        return held

    def _look(self, room: Room, mask: Picture, colour: Picture, empty: Any) -> Look:
        """What `room` says of a frame, where the mask or a difference gives reason to ask."""
        light = room.light(colour, empty)
        lit = room.under(light)
        away = np.maximum.reduce(cv2.absdiff(colour, lit))
        ask = cv2.max(above(away, _DIFFERS), above(mask, 16))
        ask = cv2.resize(ask, (mask.shape[1] // TILE, mask.shape[0] // TILE), interpolation=cv2.INTER_AREA)
        rough = cv2.bitwise_and(mask, above(mask, 16))
        said, _ = self.known(
            np.asarray(ask, np.uint8), list(colour), list(lit), np.asarray(rough, np.uint8), room.known, TILE
        )
        # Well inside of what the first network is sure of, clothes may have the wall's colours.
        said = np.asarray(cv2.max(said, cv2.erode(above(mask, 200), REACH)), np.uint8)
        lighter = above(cv2.subtract(colour[0], lit[0]), _PLAINLY)
        return Look(room, light, said, fit(room, mask, said, empty, lighter), lighter)

    # --- trust ---------------------------------------------------------------------------------------

    def _check(self, look: Look) -> bool:
        """Whether the model is believed in this frame; updates `state`."""
        self.figures = share, broken = look.figures
        odd, before = above(look.said, 127), self._odd
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

    def _mend(self, mask: Picture, colour: Picture, empty: Any) -> Look | None:
        """Now and then, look for the room that does not fit; what the one that was found says."""
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
        best = self._best(rooms, mask, colour, empty)
        best = best or self._best([room.relit(colour, empty) for room in rooms], mask, colour, empty)
        if best is None:
            return None
        self._fresh = 0 if best.room is self._room else _FRESH
        self._room, self.figures, self.state, self._odd = best.room, best.figures, "known", None
        return best

    def _best(self, rooms: list[Room], mask: Picture, colour: Picture, empty: Any) -> Look | None:
        """What the one of `rooms` that fits best says, if any does."""
        looks = [self._look(room, mask, colour, empty) for room in rooms]
        return min((look for look in looks if good(look.figures)), key=lambda look: sum(look.figures), default=None)
