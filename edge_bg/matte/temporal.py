"""Time: the mask leans on its past where nothing moves, and follows at once where something does.

A network's mask shimmers on a scene that stands still. How much of the new mask is taken (`gain`) grows with

- motion: the luma of the working picture changed, so the old mask says nothing about this pixel any more;
- certainty: a sure mask (near 0 or 1) is taken sooner than an unsure one. The idea is that of MediaPipe's
  `segmentation_smoothing_calculator` (Apache-2.0), which weighs by uncertainty alone;
- unrest: where luma has been near its own mean for a while, a new mask says little that is new, however sure it is.
  The mean is asked, not the last frame, or an edge that creeps would be left behind.

The past goes along with whoever moves by a pixel of the working picture or more in a frame (`shift`), where it fits
better there than where it was. Optical flow (DIS, at 128x72) did less for more: it blurs at the outline.

The colours that guide the edges are steadied in the same way, or sensor noise would shake the edge of a steady mask.
What else was tried: docs/decisions/0053.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.frame.tiles import Scratch
from edge_bg.matte.guided import Floats
from edge_bg.matte.shift import displacement, overlap


class Motion:
    """colour -> levels by which luma changed since the last frame, in a pixel or one beside it, `(h, w)` uint8.

    The colour is `(3, h, w)` uint8, Y U V, and is kept. On the first frame of its size all has changed: 255.
    """

    def __init__(self) -> None:
        self._luma: Picture | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._luma = None

    def __call__(self, colour: Picture) -> Picture:
        """The change; a new array."""
        luma, before = colour[0], self._luma
        self._luma = luma
        if before is None or before.shape != luma.shape:
            return np.full_like(luma, 255)
        return _change(luma, before)


class Smoother:
    """mask, colour -> steadier mask and colour; remembers the last of each.

    strength: share of the past kept where nothing moves and the mask is unsure, 0..0.98.
    sure:     share of the new mask taken, beyond that, where it is sure, 0..1.
    motion:   luma change in levels from which everything new is taken whole.
    """

    def __init__(self, strength: float, sure: float, motion: float) -> None:
        levels = np.arange(256)
        certainty = np.abs(levels - 127.5) / 127.5
        # Below half of `motion` the change is sensor noise.
        self._by_motion = _table(np.clip(levels * 2 / motion - 1, 0, 1))
        self._noise = int(np.argmax(self._by_motion > 0)) - 1
        self._by_mask = _table(np.clip(1 - strength + sure * certainty**2, 0, 1))
        self._strength = strength
        self._scratch = Scratch()
        self._past: Picture | None = None  # (5, h, w): mask, Y, U, V, unrest
        self._calm = self._least = np.empty((0, 0), np.uint8)

    def reset(self) -> None:
        """Forget the past: the next mask is taken whole."""
        self._past = None

    def __call__(self, mask: Picture, colour: Picture, moved: Picture) -> tuple[Picture, Picture]:
        """(mask, colour), steadier, valid until the next call; not to be written to.

        mask: `(h, w)` uint8. colour: `(3, h, w)` uint8, Y, U, V. moved: `(h, w)` uint8, of `Motion`.
        """
        past, shape = self._past, (4, *mask.shape)
        if past is None or past.shape[1:] != mask.shape:
            self._past = past = np.concatenate((mask[None], colour, np.full_like(mask[None], _UNREST)))
            self._calm = np.full_like(mask, _CALM)
            self._least = np.full_like(mask, round(255 * (1 - self._strength)))
            return past[0], past[1:4]
        moved = self._follow(past, colour[0], moved)
        opening: Any = cv2.LUT(moved, self._by_motion)
        gain: Any = cv2.LUT(mask, self._by_mask)
        cv2.multiply(gain, self._stir(colour[0], past), gain, 1 / _UNREST)
        new = self._scratch.take("new", shape, np.uint8)
        new[0], new[1:] = mask, colour
        share = self._scratch.take("share", shape, np.float32)
        share[0], share[1:] = cv2.max(opening, gain, gain), cv2.max(opening, self._least, opening)
        mix(new, past[:4], share, self._scratch)
        return past[0], past[1:4]

    def _follow(self, past: Picture, luma: Picture, moved: Picture) -> Picture:
        """Takes the past along with whoever moves a pixel or more, where it fits better so; what is left of `moved`."""
        people: Any = cv2.threshold(past[0], 127, 255, cv2.THRESH_BINARY)[1]
        count = cv2.countNonZero(people)
        cv2.min(people, cv2.threshold(moved, self._noise, 255, cv2.THRESH_BINARY)[1], people)
        if cv2.countNonZero(people) < _STIRRED * count:
            return moved
        x, y = displacement(past[1], luma, past[0])
        if not x and not y:
            return moved
        there, here = overlap(luma.shape, x, y)
        before = past.copy()[there]
        rest = _change(luma[here[1:]], before[1])
        moved = moved.copy()  # the caller's
        change = moved[here[1:]]
        better: Any = cv2.threshold(cv2.subtract(change, rest), _BETTER, 255, cv2.THRESH_BINARY)[1]
        for plane, other in zip((*past[here], change), (*before, rest), strict=True):
            cv2.copyTo(other, better, plane)
        return moved

    def _stir(self, luma: Picture, past: Picture) -> Picture:
        """Levels by which luma differs, or did within the last frames, from its average; `_CALM` to `_UNREST`."""
        unrest = past[4]
        unrest -= 1
        cv2.max(unrest, _change(luma, past[1]), unrest)
        cv2.threshold(unrest, _UNREST, 255, cv2.THRESH_TRUNC, unrest)
        return np.asarray(cv2.max(unrest, self._calm, unrest), np.uint8)


def _change(luma: Picture, before: Picture) -> Picture:
    """Levels by which `luma` differs from `before` in a pixel or one beside it, both `(h, w)` uint8; a new array.

    In a dark picture they count for more: there the same motion changes fewer levels, and noise too.
    """
    change: Any = cv2.absdiff(luma, before)
    light = cv2.mean(luma)[0]
    if light < _DIM:
        cv2.convertScaleAbs(change, change, min(_DIM / max(light, 1.0), _AMPLIFIED))
    return np.asarray(cv2.dilate(change, _CROSS), np.uint8)


def mix(new: Picture, old: Picture, share: Floats, scratch: Scratch) -> None:
    """`old += (new - old) * share / 255`, rounded: a change that comes to less than a half is dropped, a welcome play.

    new, old: `(..., w)` uint8. share: float32 of that shape. By weights in floats, as multiply's own scale rounds on
    x86 but cuts off on Arm, where a small share then leaves `old` twice as far from where it goes.
    """
    rest = scratch.take("rest", share.shape, np.float32)
    np.subtract(255, share, out=rest)
    rows = (-1, old.shape[-1])
    target = old.reshape(rows)
    cv2.blendLinear(new.reshape(rows), target, share.reshape(rows), rest.reshape(rows), target)


def _table(values: Any) -> Picture:
    table: Picture = np.rint(values * 255).astype(np.uint8)
    return table


_UNREST = 20  # levels of luma away from the average at which a mask counts in full; one less with every frame
_CALM = 3  # levels that may be noise: what counts by these still counts where there is no unrest
_STIRRED = 0.6  # of the people: who moves by a pixel or more stirs that much of themselves, who sways less
_BETTER = 2  # levels by which the past has to fit better in another place
_DIM = 64.0  # mean luma below which a picture is dark
_AMPLIFIED = 6.0  # times, at most
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
