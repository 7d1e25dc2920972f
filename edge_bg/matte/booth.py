"""The empty booth: a camera that does not move learns the room, and what differs from it is no room.

A network keeps people and loses what they hold. What differs from the learned room (`edge_bg.matte.room`) is kept,
too: the network says when the room is empty, a sure network is never overruled, and the model checks itself against
the pixels the network calls room:

- a camera that was pushed shows at the room's own edges, a light that was switched shows everywhere;
- then the mask is the network's alone, from that frame on, until the model fits again or the room is empty anew;
- meanwhile it is tried to find the known room in the picture: moved a little, or under another light. It counts if all
  that is seen of it fits.

A network sees people in plants, posters and coats. Where it does, nothing is learned but what stands as still as the
walls for long, which nobody alive does; the rest of such a room is learned much sooner.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.room import Room

State = Literal["learning", "known", "wrong"]
_Fit = tuple[Room, Picture, tuple[float, float]]

LEARN = 20  # still, empty frames before the room counts as known
SURE = 30  # frames in which nothing stirred, after which a room is learned but for where the network sees somebody
STILL = 150  # frames in which nothing stirred, after which that is room, too
FORGET = 30  # empty frames after which a model that is wrong is learned again
_MEND = 8  # frames between attempts to find the room again
_SLOW = 1 / 256  # how fast the known room follows what it is seen to be
_FAST = 1 / 16  # ... while nobody is there, and where it was found again
_ABSORB = 1 / 48  # ... where something without any person stands still, such as a chair that was moved
_MOVED = 24  # levels by which a pixel changes where something moves
_STIRRED = 8  # ... where somebody breathes, if the walls change less
_DOUBT = 96  # levels taken off the mask where the room shows as it is
_LETTING_GO = 8  # of 255 a frame, by which what was held is let go once nobody is near
_FRESH = 60  # frames for which a room that was found again is followed fast


class Booth:
    """mask + small picture -> mask with what differs from the empty room; feed every frame in order.

    state:   "learning" until the room was empty and still for `LEARN` frames; "wrong" while it does not fit.
    figures: (share of the network's room that differs, share of the room's own edges there that do), 0..1.
    """

    def __init__(self) -> None:
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
        self._before: Any = None  # the last frame's luma
        self._posed: Any = None  # the luma of the frame since which nothing stirred
        self._odd: Any = None  # where the last frame differed
        self._held: Any = None  # uint8 (h, w), where something was held, the longer ago the lower
        self._bias: Any = None  # float32 (h, w), what the network saw in the empty room
        self._doubt: Any = None  # uint8 (h, w), what is taken off the mask where the room shows as it is
        self._seen = self._still = 0  # frames learned from, and in which nothing stirred
        self._empty = 0  # frames since somebody was there or something moved
        self._fits = self._wrong = self._fresh = 0

    def reset(self) -> None:
        """A break in the stream: the room is kept, the last frame is not."""
        self._before = self._odd = self._posed = self._held = None
        self._empty = self._still = 0

    def __call__(self, mask: Picture, colour: Picture) -> Picture:
        """The joined mask, `(h, w)` uint8.

        mask: `(h, w)` uint8 at working size. colour: `(h, w, 3)` uint8, Y U V.
        """
        if self._forget:
            self._start(told=True)
        calm = self._calm(colour, mask)
        if self.state == "learning" or self._room is None:
            self._count(calm, mask)
            self._learn(mask, colour)
            return mask
        empty = _below(cv2.dilate(mask, _WIDE), 40)
        evidence = self._room.evidence(colour, empty)
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
        return joined

    def _calm(self, colour: Picture, mask: Picture) -> bool:
        """Whether nothing moved since the last frame; counts for how long nothing stirred."""
        luma: Any = cv2.extractChannel(colour, 0)
        before, self._before = self._before, luma
        if self._posed is None or _stirred(cv2.absdiff(luma, self._posed), mask):
            self._posed, self._still = luma, 0
        self._still += 1
        return before is None or cv2.absdiff(luma, before).max() <= _MOVED

    def _count(self, calm: bool, mask: Picture) -> None:
        """Count the frames without anybody. Before a room is known, what never stirs is nobody, such as a poster."""
        stuffed = self._still > STILL and self.state != "known"
        self._empty = self._empty + 1 if calm and (_nobody(mask) or stuffed or self._told) else 0

    def _learn(self, mask: Picture, colour: Picture) -> None:
        """One more frame of a room with nobody in it, or with somebody who would have to be as still as the walls."""
        if self._empty == 0 and self._still == 1:
            self._seen = 0
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
            self._room.unseen = cv2.dilate(_above(self._bias, 20), _FAR)
        self._room.draw_edges()
        self._doubt = cv2.max(cv2.convertScaleAbs(self._bias), _DOUBT)  # type: ignore[call-overload]
        self.state, self._told = "known", False

    def _explore(self, colour: Picture, mask: Picture, joined: Picture) -> None:
        """Get to know the rest of the room: what nobody is near to, and what never stirs, whoever the network sees."""
        assert self._room is not None
        if not self._room.unseen.any():
            return
        if self._still > STILL:
            settled = cv2.bitwise_and(mask, _above(self._room.unseen, 0))
            self._doubt = cv2.max(self._doubt, settled)
            self._room.meet(colour, np.full_like(mask, 255))
        else:
            self._room.meet(colour, _below(cv2.dilate(joined, _FAR), 40))

    def _follow(self, colour: Picture, joined: Picture, evidence: Picture) -> None:
        """Let the model follow slow changes of what is surely room."""
        assert self._room is not None
        self._fresh = max(0, self._fresh - 1)
        alone = self._empty > 5
        self._room.learn(colour, _FAST if alone or self._fresh else _SLOW, _below(cv2.dilate(joined, _WIDE), 40))
        if alone:  # nobody, and nothing moves: what differs is the room's own
            self._room.learn(colour, _ABSORB, _above(evidence, 16), noise=False)

    def _keep(self, evidence: Picture, mask: Picture) -> Picture:
        """`evidence` of what somebody is near to, or was a second ago: a network loses a guest for some frames."""
        near, before = _near(mask), self._held
        held = _attached(evidence, near)
        lately = _above(held, 64)
        if before is not None:
            held = _attached(evidence, cv2.max(near, before))
            lately = cv2.max(lately, cv2.subtract(before, _LETTING_GO))  # type: ignore[call-overload]
        self._held = lately
        return held

    def _join(self, mask: Picture, evidence: Picture) -> Picture:
        """The network's mask where it is sure; else what the room says."""
        assert self._room is not None
        # Where the room shows as it is, only a network is believed that is surer than it was of the empty room.
        seen: Any = cv2.max(cv2.dilate(evidence, _WIDE), self._room.blind)
        return np.asarray(cv2.max(cv2.subtract(mask, cv2.subtract(self._doubt, seen)), evidence), np.uint8)

    # --- trust ---------------------------------------------------------------------------------------

    def _check(self, mask: Picture, evidence: Picture, empty: Any) -> bool:
        """Whether the model is believed in this frame; updates `state`."""
        assert self._room is not None
        self.figures = share, broken = _fit(self._room, mask, evidence, empty)
        odd, before = _above(evidence, 127), self._odd
        # Who walks in takes a while; a lamp and a push do not.
        leap = 0.0 if before is None else cv2.countNonZero(cv2.subtract(odd, before)) / odd.size
        self._odd = odd
        if self.state == "known":
            if share >= 0.25 or broken >= 0.06 or leap >= 0.08:
                self.state, self._fits, self._wrong = "wrong", 0, 0
        else:
            self._fits = self._fits + 1 if _good(self.figures) else 0
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
            empty = cv2.subtract(empty, cv2.dilate(_above(self._held, 0), _WIDE))
        moved = [self._room.moved(colour, empty, how) for how in (cv2.MOTION_EUCLIDEAN, cv2.MOTION_AFFINE)]
        rooms = [self._room, *(room for room in moved if room is not None)]
        best = _best(rooms, mask, colour, empty)
        best = best or _best([room.relit(colour, empty) for room in rooms], mask, colour, empty)
        if best is None:
            return None
        room, evidence, self.figures = best
        self._fresh = 0 if room is self._room else _FRESH
        self._room, self.state, self._odd = room, "known", None
        return evidence


def _best(rooms: list[Room], mask: Picture, colour: Picture, empty: Any) -> _Fit | None:
    """The one of `rooms` that fits best, if any does, with its evidence and figures."""
    fits: list[_Fit] = []
    for room in rooms:
        evidence = room.evidence(colour, empty)
        figures = _fit(room, mask, evidence, empty)
        if _good(figures):
            fits.append((room, evidence, figures))
    return min(fits, key=lambda fit: sum(fit[2]), default=None)


def _fit(room: Room, mask: Picture, evidence: Picture, empty: Any) -> tuple[float, float]:
    """The `figures` of a room against what the network calls empty."""
    odd = _above(evidence, 127)
    empty = cv2.subtract(empty, room.unseen)
    share = cv2.countNonZero(cv2.bitwise_and(odd, empty)) / max(1, cv2.countNonZero(empty))
    things = _above(_attached(evidence, _near(mask)), 127)
    seen = cv2.subtract(empty, cv2.dilate(things, _WIDE))  # what people hold hides the room's edges
    broken = _part(room.lighter, cv2.bitwise_and(room.edges, seen))
    edges = cv2.bitwise_and(room.edges, empty)
    if cv2.countNonZero(edges) > mask.size // 8:  # it hides the plain wall as well, else it is the room out of place
        broken = max(broken, _SURPLUS * (_part(things, edges) - _part(things, cv2.subtract(empty, edges))))
    return share, broken


def _part(plane: Any, where: Any) -> float:
    """The share of `where` in which `plane` is not 0 either; 0 where that is too little to tell."""
    size = cv2.countNonZero(where)
    return cv2.countNonZero(cv2.bitwise_and(plane, where)) / size if size > 50 else 0.0


def _good(figures: tuple[float, float]) -> bool:
    return figures[0] < 0.1 and figures[1] < 0.05


def _nobody(mask: Picture) -> bool:
    """Whether nobody is there. Some rooms hold specks that the network half takes for people for ever; somebody far
    away is larger than these or surer."""
    return (
        cv2.countNonZero(_above(mask, 200)) <= mask.size // 2000
        and cv2.countNonZero(_above(mask, 128)) < mask.size // 150
    )


def _stirred(moved: Any, mask: Picture) -> bool:
    """Whether anything moved, or somebody stirred more than the walls flicker. moved: uint8 (h, w), in levels."""
    if moved.max() > _MOVED:
        return True
    somebody = cv2.dilate(_above(mask, 40), _REACH) > 0
    walls = moved[~somebody]
    bound = max(_STIRRED, float(np.percentile(walls, 99))) if walls.size else _STIRRED
    return bool((moved[somebody] > bound).any())


def _near(mask: Picture) -> Any:
    """uint8 (h, w), not 0 where somebody is or could reach."""
    return cv2.dilate(_above(mask, 64), _REACH)


def _attached(evidence: Picture, near: Any) -> Picture:
    """`evidence` but for pieces that `near` does not touch: nobody holds these."""
    count, labels = cv2.connectedComponents(_above(evidence, 64), connectivity=8, ltype=cv2.CV_16U)
    held = np.zeros(count, np.uint8)
    held[np.unique(labels[near > 0])] = 255
    held[0] = 255
    return np.asarray(cv2.min(evidence, held[labels]), np.uint8)


def _above(plane: Any, level: float) -> Any:
    return cv2.compare(plane, level, cv2.CMP_GT)  # type: ignore[call-overload]


def _below(plane: Any, level: float) -> Any:
    return cv2.compare(plane, level, cv2.CMP_LT)  # type: ignore[call-overload]


_WIDE = np.ones((5, 5), np.uint8)
_REACH = np.ones((9, 9), np.uint8)
_FAR = np.ones((17, 17), np.uint8)
_SURPLUS = 0.2  # what an edge that people hide beyond the wall they hide counts beside one that is out of place
