"""Edges: a guided filter in colour, fitted on a very small picture, with the larger work only where alpha is soft.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010, with a colour guide, and the subsampling of "Fast
Guided Filter", arXiv:1505.00996: in a window the alpha is taken as a linear function of the colour,
`alpha = a_y * Y + a_u * U + a_v * V + b`. The four coefficients are fitted at working size, a tenth of
1280x720, and interpolated. Five departures, each measured on the labelled clips (docs/decisions/0052):

- the colour of I420 is at hand at half size for nothing, so alpha is computed there and doubled at the end. That
  costs a third of full size and no boundary F: the halved luma has less noise to pass on to the alpha;
- the coefficients are not averaged a second time: interpolating them smooths enough;
- the alpha is stretched about one half (`sharpness`), as the fit in a window is too flat for a sharp edge;
- the fit counts only where the mask is unsure or next to that, and the mask itself counts a tenth there: where the
  colours do not tell, it decides;
- a soft alpha has play: it stays where it is while the new one is near, nearer where the picture moves. What shimmers
  there is sensor noise in the guide.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import I420, Picture, planes
from edge_bg.matte.guided import Floats, fit
from edge_bg.tiles import TILE, Grid, Rect, Scratch, SoftAlpha, with_soft


class Upsampler:
    """mask + colour -> alpha420 that knows its soft parts.

    guided:    False interpolates the mask as it is.
    sharpness: gain of the alpha about one half.
    play:      levels by which a soft alpha may differ from the new one before it moves at all where the picture stands
               still; less where it moves, 0: none. It then trails by no more than that: play in a gear, not an average.
    """

    def __init__(
        self, grid: Grid, *, guided: bool, radius: int, epsilon: float, sharpness: float, play: float = 0
    ) -> None:
        self.grid = grid
        self.guided = guided
        self.radius = radius
        self.epsilon = epsilon
        self.sharpness = sharpness
        moving = np.clip((np.arange(256) - _STILL) / (_MOVES - _STILL), 0, 1)
        self._play: Picture | None = np.rint(play * (1 - (1 - _TIGHT) * moving)).astype(np.uint8) if play else None
        self._past: I420 | None = None
        self._scratch = Scratch()

    def reset(self) -> None:
        """Forget the last alpha."""
        self._past = None

    def follow(self, other: Upsampler) -> None:
        """Go on from the last alpha of `other`, which worked on another grid."""
        self._past = other._past

    def __call__(self, mask: Picture, colour: Picture, moved: Picture, halves: list[Picture], out: I420) -> SoftAlpha:
        """The alpha of one frame, written to `out`.

        mask:   `(h, w)` uint8 at the grid's working size.
        colour: `(h, w, 3)` uint8, the frame's Y, U, V at that size.
        moved:  `(h, w)` uint8, levels by which the picture changed since the last frame.
        halves: the frame's Y, U, V at half size, padded to whole tiles.
        """
        terms, alpha = self._terms(mask, colour)
        soft, solid = self._cut(alpha)
        out.fill(0)
        y, u, v = planes(out)
        for left, top, right, bottom in solid:
            y[top:bottom, left:right] = 255
            u[top // 2 : bottom // 2, left // 2 : right // 2] = 255
        self._soft_parts(soft, terms, moved, halves, y, u)
        np.copyto(v, u)
        self._past = out
        return with_soft(out, soft, solid)

    def _terms(self, mask: Picture, colour: Picture) -> tuple[Floats, Picture]:
        """(the coefficients a_y, a_u, a_v, b, float32 `(4, h + 2, w + 2)`; the alpha they give at working size).

        They are mostly those of `fit` where the mask, or one beside it, is unsure, and make the mask itself elsewhere,
        stretched about one half. Around them all is a border of one pixel, for interpolation.
        """
        height, width = mask.shape
        terms: Floats = self._scratch.take("terms", (4, height + 2, width + 2), np.float32)
        inner = terms[:, 1:-1, 1:-1]
        inner[:3] = 0
        plain = inner[3]
        self._stretch(mask, plain)
        alpha = self._scratch.take("alpha", mask.shape, np.uint8)
        self._saturate(plain, alpha)
        if self.guided:
            unsure: Any = cv2.dilate(cv2.inRange(mask, _SURE, 255 - _SURE), _SQUARE)
            left, top, across, down = cv2.boundingRect(unsure)
            if across:
                part = np.s_[top : top + down, left : left + across]
                self._fit_part(mask, colour, part, unsure[part], inner[(slice(None), *part)], alpha[part])
        terms[:, 0], terms[:, -1] = terms[:, 1], terms[:, -2]
        terms[:, :, 0], terms[:, :, -1] = terms[:, :, 1], terms[:, :, -2]
        return terms, alpha

    def _fit_part(
        self, mask: Picture, colour: Picture, part: tuple[slice, slice], unsure: Picture, terms: Floats, alpha: Picture
    ) -> None:
        """Puts the fitted coefficients into `terms` and what they give into `alpha`, both of `part`, where `unsure`."""
        r = self.radius
        wide = np.s_[part[0].start : part[0].stop + 2 * r, part[1].start : part[1].stop + 2 * r]
        sides = (r, r, r, r, cv2.BORDER_REPLICATE)
        around = self._scratch.take("around", (unsure.shape[0] + 2 * r, unsure.shape[1] + 2 * r), np.float32)
        self._stretch(np.asarray(cv2.copyMakeBorder(mask, *sides)[wide], np.uint8), around)
        guide = np.asarray(cv2.copyMakeBorder(colour, *sides)[wide], np.uint8)
        fitted, given = fit(guide, around, r, self.epsilon, self._scratch)
        share = self._scratch.take("share", unsure.shape, np.float32)
        np.copyto(share, unsure)
        share *= np.float32((1 - _PRIOR) / 255)
        given -= terms[3]
        given *= share
        given += terms[3]
        self._saturate(given, alpha)
        fitted[3] -= terms[3]
        fitted *= share
        terms += fitted

    def _stretch(self, mask: Picture, out: Floats) -> None:
        """`mask` stretched about one half, not held to 0..255. (Converting first is a tenth of a mixed product.)"""
        np.copyto(out, mask)
        out *= np.float32(self.sharpness)
        out += np.float32(127.5 * (1 - self.sharpness))

    def _saturate(self, values: Floats, out: Picture) -> None:
        """`values` rounded to uint8 and held to 0..255."""
        positive = self._scratch.take("positive", values.shape, np.float32)
        cv2.convertScaleAbs(np.maximum(values, 0, out=positive), out)

    def _cut(self, alpha: Picture) -> tuple[list[Rect], list[Rect]]:
        """The parts of the frame where the alpha need not be 0 or 255, and those where it is 255.

        A tile that is not soft is whatever its middle is, in the alpha at working size. Soft is where a pixel or one
        beside it is, and where one is room and the next is person: between those two the outline still has to be found.
        """
        least, most = cv2.erode(alpha, _SQUARE), cv2.dilate(alpha, _SQUARE)
        some: Any = cv2.compare(most, _NEAR - 1, cv2.CMP_GT)  # type: ignore[call-overload]
        soft: Any = cv2.compare(least, 256 - _NEAR, cv2.CMP_LT)  # type: ignore[call-overload]
        person = np.right_shift(alpha[TILE // 2 :: TILE, TILE // 2 :: TILE], 7)
        return self.grid.cut(self.grid.tiles(np.asarray(cv2.bitwise_and(some, soft), np.uint8)), person)

    def _soft_parts(
        self, rects: list[Rect], terms: Floats, moved: Picture, halves: list[Picture], y: Picture, u: Picture
    ) -> None:
        """The interpolated coefficients applied to the colour at half size, in `rects`; then luma's alpha from it.

        Their alphas lie end to end in a flat buffer, so that what needs no neighbours is one call for all of them.
        """
        if not rects:
            return
        past = planes(self._past)[1] if self._past is not None and self._play is not None else None
        loose = None if self._play is None else cv2.copyMakeBorder(cv2.LUT(moved, self._play), *_ROUND)
        places: list[tuple[Any, slice]] = []
        count = 0
        for left, top, right, bottom in rects:
            size = (right - left) * (bottom - top) // 4
            places.append((np.s_[top // 2 : bottom // 2, left // 2 : right // 2], slice(count, count + size)))
            count += size
        held, play, alpha = (self._scratch.take(name, (1, count), np.uint8) for name in ("held", "play", "alphas"))
        for rect, (at, flat) in zip(rects, places, strict=True):
            total = self._upsample(terms[3], rect, "total")
            here = alpha[0, flat].reshape(total.shape)
            if self.guided:
                colour = self._scratch.take("colour", total.shape, np.float32)
                for number, half in enumerate(halves):
                    part = self._upsample(terms[number], rect, "part")
                    np.copyto(colour, half[at])
                    cv2.multiply(part, colour, part)
                    if number < 2:
                        cv2.add(total, part, total)
                cv2.add(total, part, here, None, cv2.CV_8U)
            else:
                self._saturate(total, here)
            if past is not None:
                np.copyto(held[0, flat].reshape(total.shape), past[at])
                np.copyto(play[0, flat].reshape(total.shape), self._upsample(loose, rect, "loose"))
        if past is not None:
            self._hold(alpha, held, play)
        for rect, (at, flat) in zip(rects, places, strict=True):
            part = u[at]
            part[...] = alpha[0, flat].reshape(part.shape)
            # What adjoins a rectangle is plain, or nearly so: interpolating each alone leaves no seam.
            whole = y[rect.top : rect.bottom, rect.left : rect.right]
            cv2.resize(part, whole.shape[::-1], dst=whole, interpolation=cv2.INTER_LINEAR)

    def _hold(self, alpha: Picture, past: Picture, play: Picture) -> None:
        """Moves `alpha` to within `play` levels of itself towards `past`; the less, the nearer it is to 0 or 255."""
        bound = self._scratch.take("bound", alpha.shape, np.uint8)
        cv2.min(play, alpha, play)
        cv2.min(play, cv2.bitwise_not(alpha, bound), play)
        cv2.min(past, cv2.add(alpha, play, bound), past)
        cv2.max(past, cv2.subtract(alpha, play, bound), alpha)

    def _upsample(self, padded: Any, rect: Rect, name: str) -> Any:
        """The part of a padded working-size plane under `rect`, interpolated to half the frame's size."""
        s, half = self.grid.scale, self.grid.scale // 2
        left, top, right, bottom = rect
        # Padded by one: the pixel above top / s is at index top / s.
        part = padded[top // s : -(-bottom // s) + 2, left // s : -(-right // s) + 2]
        shape = (part.shape[0] * half, part.shape[1] * half)
        full = self._scratch.take(name, shape, padded.dtype)
        cv2.resize(part, shape[::-1], dst=full, interpolation=cv2.INTER_LINEAR)
        return full[half : half + (bottom - top) // 2, half : half + (right - left) // 2]


_NEAR = 4  # levels from 0 and 255 that nobody sees
_SURE = 6  # levels of the mask from 0 and 255 where it is believed
_PRIOR = 0.1  # how much the mask itself counts where it is not
_STILL, _MOVES = 3, 9  # levels of change that may be noise, and that are motion
_TIGHT = 0.15  # share of the play that is left where the picture moves
_SQUARE = np.ones((3, 3), np.uint8)
_ROUND = (1, 1, 1, 1, cv2.BORDER_REPLICATE)
