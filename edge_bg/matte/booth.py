"""The empty booth: a camera that does not move learns the room, and what differs from it is no room.

A network keeps people and loses what they hold. Here a running mean and deviation of the empty room is kept, per
pixel of the working picture; the ideas are those of background subtraction with
a per-pixel Gaussian (Wren et al., "Pfinder", PAMI 1997) and of shadow removal by ratio and chroma (Horprasert et al.,
ICCV-FRAME 1999). New here is how it is joined to the network: the network says when the room is empty, a sure network
is never overruled, and the model checks itself against the pixels the network calls room:

- a camera that was pushed shows at the room's own edges, a light that was switched shows everywhere;
- then the mask is the network's alone, from that frame on, until the model fits again or the room is empty anew.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np

from edge_bg.frame import Picture

State = Literal["learning", "known", "wrong"]

LEARN = 20  # still, empty frames before the room counts as known
FORGET = 30  # empty frames after which a model that is wrong is learned again
_SLOW = 1 / 256  # how fast the known room follows what it is seen to be
_FAST = 1 / 16  # ... while nobody is there
_ABSORB = 1 / 48  # ... where something without any person stands still, such as a chair that was moved
_SHADOW = 0.4  # a shadow takes at most this share of the light
_SLACK = 4.0  # levels of difference that are never evidence
_FULL = 14.0  # levels beyond that which are proof


class Booth:
    """mask + small picture -> mask with what differs from the empty room; feed every frame in order.

    state:   "learning" until the room was empty and still for `LEARN` frames; "wrong" while it does not fit.
    figures: (share of the network's room that differs, share of the room's own edges there that do), 0..1.
    """

    def __init__(self) -> None:
        self.state: State = "learning"
        self._seen = 0
        self._empty = 0
        self._fits = 0
        self._luma: Any = None  # float32 (h, w), mean
        self._noise: Any = None  # float32 (h, w), mean deviation
        self._chroma: Any = None  # float32 (h, w, 2)
        self._edges: Any = None  # uint8 (h, w), 255 on the room's own edges
        self._off: Any = None  # uint8 (h, w), 255 where the last frame was off the model
        self._before: Any = None
        self.figures = (0.0, 0.0)

    def relearn(self) -> None:
        """Forget the room; it is learned again as soon as it is empty."""
        self.__init__()  # type: ignore[misc]

    def reset(self) -> None:
        """A break in the stream: the room is kept, the last frame is not."""
        self._before = None
        self._empty = 0

    def __call__(self, mask: Picture, colour: Picture) -> Picture:
        """The joined mask, `(h, w)` uint8.

        mask: `(h, w)` uint8 at working size. colour: `(h, w, 3)` uint8, Y U V.
        """
        calm: Any = cv2.extractChannel(colour, 0)
        moving = self._before is not None and cv2.absdiff(calm, self._before).max() > 24
        self._before = calm
        # Some rooms hold specks that the network takes for people for ever; somebody far away is larger than this.
        nobody = not moving and cv2.countNonZero(_above(mask, 128)) < mask.size // 700
        self._empty = self._empty + 1 if nobody else 0
        if self.state == "learning" or self._luma is None:
            self._learn(calm, colour)
            return mask
        seen: Any = calm.astype(np.float32)
        room = _below(cv2.dilate(mask, _WIDE), 40)
        evidence = self._evidence(seen, colour, room)
        if not self._check(evidence, room):
            if self._empty >= FORGET:
                self.relearn()
            return mask
        joined = self._join(mask, evidence)
        self._follow(seen, colour, joined, evidence)
        return joined

    # --- the model -----------------------------------------------------------------------------------

    def _learn(self, calm: Any, colour: Picture) -> None:
        """One more frame of an empty room, if it is one."""
        if self._empty == 0:
            self._seen = 0
            return
        self._seen += 1
        share = 1 / self._seen
        if self._seen == 1:
            self._luma = calm.astype(np.float32)
            self._noise = np.full(calm.shape, 2, np.float32)
            self._chroma = colour[..., 1:].astype(np.float32)
        else:
            cv2.accumulateWeighted(cv2.absdiff(calm.astype(np.float32), self._luma), self._noise, share)
            cv2.accumulateWeighted(calm, self._luma, share)
            cv2.accumulateWeighted(colour[..., 1:], self._chroma, share)
        if self._seen >= LEARN:
            self.state, self._fits = "known", 0
            self._draw_edges()

    def _draw_edges(self) -> None:
        plain: Any = cv2.convertScaleAbs(self._luma)
        slope = cv2.morphologyEx(plain, cv2.MORPH_GRADIENT, _SMALL)
        self._edges = _above(slope, 24)

    def _follow(self, seen: Any, colour: Picture, joined: Picture, evidence: Picture) -> None:
        """Let the model follow slow changes of what is surely room."""
        alone = self._empty > 5
        self._pull(seen, colour, _below(cv2.dilate(joined, _WIDE), 40), _FAST if alone else _SLOW)
        if alone:  # nobody, and nothing moves: what differs is the room's own
            self._pull(seen, colour, _above(evidence, 16), _ABSORB)

    def _pull(self, seen: Any, colour: Picture, where: Any, rate: float) -> None:
        if rate != _ABSORB:  # what is new there is not noise
            cv2.accumulateWeighted(cv2.absdiff(seen, self._luma), self._noise, rate, mask=where)
        cv2.accumulateWeighted(seen, self._luma, rate, mask=where)
        cv2.accumulateWeighted(colour[..., 1:], self._chroma, rate, mask=where)

    # --- comparing -----------------------------------------------------------------------------------

    def _evidence(self, seen: Any, colour: Picture, room: Any) -> Picture:
        """`(h, w)` uint8: how surely each pixel is not the empty room; shadows and slow exposure do not count."""
        expected: Any = self._luma * np.float32(self._gain(seen, room))
        slack: Any = self._noise * np.float32(3) + np.float32(_SLACK)
        lighter: Any = seen - expected
        # At the room's own edges a shadow is no excuse: this tells a camera that was pushed.
        self._off = _above(np.abs(lighter) - slack, _FULL)
        lighter -= slack
        darker: Any = expected * np.float32(1 - _SHADOW)
        darker -= seen
        darker -= slack
        differs: Any = np.maximum(lighter, darker)
        np.maximum(differs, 0, out=differs)
        differs += self._cast(seen, colour, room)
        evidence: Any = cv2.convertScaleAbs(differs, alpha=255 / _FULL)
        return np.asarray(cv2.medianBlur(evidence, 3), np.uint8)

    def _gain(self, seen: Any, room: Any) -> float:
        """How much lighter the room is than when it was learned: exposure drifts, lamps are dimmed."""
        there = room[::2, ::2] > 0
        ratio = seen[::2, ::2][there] / np.maximum(self._luma[::2, ::2][there], 4)
        return min(max(float(np.median(ratio)), 0.4), 2.5) if ratio.size else 1.0

    def _cast(self, seen: Any, colour: Picture, room: Any) -> Any:
        """`(h, w)` float32: how far the hue is from the room's, beyond noise; in a shade hues are paler too."""
        shade: Any = seen / np.maximum(self._luma, 1)
        np.clip(shade, 0.3, 2.5, out=shade)
        away: Any = colour[..., 1:] - (self._chroma - 128) * shade[..., None] - 128
        there = away[::2, ::2][room[::2, ::2] > 0]
        if there.size:  # the light has another colour now
            away -= np.median(there, axis=0)
        distance: Any = np.abs(away).sum(axis=2)
        distance -= np.float32(_SLACK + 2)
        return np.maximum(distance, 0, out=distance)

    def _check(self, evidence: Picture, room: Any) -> bool:
        """Whether the model fits what the network calls room, in this frame; updates `state`."""
        odd = _above(evidence, 127)
        area = max(1, cv2.countNonZero(room))
        share = cv2.countNonZero(cv2.bitwise_and(odd, room)) / area
        # Things that stand before the room hide its edges; a push leaves only thin lines beside them.
        things = cv2.dilate(cv2.erode(odd, _WIDE), _WIDER)
        edges = cv2.bitwise_and(self._edges, cv2.bitwise_and(room, cv2.bitwise_not(things)))
        length = cv2.countNonZero(edges)
        broken = cv2.countNonZero(cv2.bitwise_and(self._off, edges)) / length if length > 50 else 0.0
        self.figures = (share, broken)
        fits = share < 0.35 and broken < 0.17
        if self.state == "known" and not fits:
            self.state, self._fits = "wrong", 0
        elif self.state == "wrong":
            self._fits = self._fits + 1 if share < 0.2 and broken < 0.08 else 0
            if self._fits >= 15:
                self.state = "known"
        return self.state == "known"

    def _join(self, mask: Picture, evidence: Picture) -> Picture:
        """The network's mask where it is sure; else what the room says."""
        solid: Any = cv2.morphologyEx(evidence, cv2.MORPH_CLOSE, _SMALL)
        # Where the room shows as it is, only a sure network is believed.
        doubt: Any = cv2.subtract(mask, cv2.subtract(np.full_like(solid, 96), cv2.dilate(solid, _WIDE)))
        return np.asarray(cv2.max(doubt, solid), np.uint8)


def _above(plane: Any, level: float) -> Any:
    return cv2.compare(plane, level, cv2.CMP_GT)  # type: ignore[call-overload]


def _below(plane: Any, level: float) -> Any:
    return cv2.compare(plane, level, cv2.CMP_LT)  # type: ignore[call-overload]


_SMALL = np.ones((3, 3), np.uint8)
_WIDE = np.ones((5, 5), np.uint8)
_WIDER = np.ones((11, 11), np.uint8)
