"""Edges: a guided filter in colour, fitted on a very small picture, with the larger work only where alpha is soft.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010, with a colour guide, and the subsampling of "Fast
Guided Filter", arXiv:1505.00996: in a window the alpha is taken as a linear function of the colour,
`alpha = a_y * Y + a_u * U + a_v * V + b`. The four coefficients are fitted for each tile, 20 pixels a side
at 1280x720, to the working picture, a tenth of the frame's size, and interpolated. Six departures, each measured on the
labelled clips (docs/decisions/0052):

- the colour of I420 is at hand at half size for nothing, so alpha is computed there and doubled at the end. That
  costs a third of full size and no boundary F: the halved luma has less noise to pass on to the alpha;
- a window's middle counts more than its rim, and the coefficients are not averaged a second time: interpolating them
  smooths enough;
- the alpha is stretched about one half (`sharpness`), as the fit in a window is too flat for a sharp edge;
- the fit counts only in tiles where the mask is grey, and in the four beside these, and the mask itself counts a tenth
  there: where the colours do not tell, it decides;
- a soft alpha has play: it stays where it is while the new one is near, nearer where the picture moves. What shimmers
  there is sensor noise in the guide.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Picture, planes
from edge_bg.frame.tiles import TILE, Grid, Scratch, SoftAlpha, with_soft
from edge_bg.matte.detail import Detail
from edge_bg.matte.guided import Floats, fit
from edge_bg.matte.soft import SoftTiles


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
        moving = np.clip((np.arange(256) - _STILL) / (_MOVES - _STILL), 0, 1)
        # The mask stretched about one half, as it is and held to 0..255.
        self._stretched: Floats = ((np.arange(256) - 127.5) * sharpness + 127.5).astype(np.float32)
        self._saturated: Picture = np.clip(np.rint(self._stretched), 0, 255).astype(np.uint8)
        self._plays = play > 0
        self._play: Picture = np.rint(play * (1 - (1 - _TIGHT) * moving)).astype(np.uint8)
        self._tiles = SoftTiles(grid, 1 if guided else TILE)
        self._cells = _cells(grid)
        self._started = False
        self._scratch = Scratch()
        self._nothing: Floats = np.zeros((1, 3, 3), np.float32)

    def reset(self) -> None:
        """Forget the last alpha."""
        self._started = False

    def follow(self, other: Upsampler) -> None:
        """Go on from the last alpha of `other`, which worked on another grid of the same frame."""
        (width, height), (rows, columns) = self.grid.size, self._tiles.shape
        seen = other._tiles.picture()[: height // 2, : width // 2]
        sides = (0, rows - seen.shape[0], 0, columns - seen.shape[1])
        self._tiles.remember(np.asarray(cv2.copyMakeBorder(seen, *sides, cv2.BORDER_REPLICATE), np.uint8))
        self._started = other._started

    def __call__(
        self,
        mask: Picture,
        colour: Picture,
        moved: Picture,
        halves: list[Picture],
        out: I420,
        known: Detail | None = None,
    ) -> SoftAlpha:
        """The alpha of one frame, written to `out`.

        mask:   `(h, w)` uint8 at the grid's working size.
        colour: `(3, h, w)` uint8, the frame's Y, U, V at that size.
        moved:  `(h, w)` uint8, levels by which the picture changed since the last frame.
        halves: the frame's Y, U, V at half size, padded to whole tiles.
        known:  the room, where it is known, which says where the edges are instead.
        """
        terms, alpha = self._terms(mask, colour) if known is None else (self._nothing, mask)
        soft, person = self._sort(alpha)
        made, behind, blind = None, None, None
        if known is not None:
            soft = self.grid.shares(known.unsure(alpha, halves))
            made = known.alpha(mask, soft, halves, self._tiles.shape, self._tiles.side)
            behind = known.behind(soft)
        rects, solid = self.grid.cut(soft, person)
        tiles = (soft != 0).reshape(-1).nonzero()[0]
        if known is not None and (blind := self._blind(known, tiles)) is not None:
            terms, _ = self._terms(mask, colour)
        # Before a known room there is little of the guide's noise, and what trails would be seen.
        plays = self._started and known is None
        play = self._play[moved[::TILE, ::TILE].reshape(-1)[tiles]] if plays else None
        y, u, v = planes(out)
        fits = u.shape == self._tiles.shape
        half = u if fits else self._scratch.take("half", self._tiles.shape, np.uint8)
        self._tiles.draw(tiles, person, terms, halves if self.guided else [], half, play, made, blind)
        self._started = self._plays
        if not fits:
            np.copyto(u, half[: u.shape[0], : u.shape[1]])
        np.copyto(v, u)
        y.fill(0)
        for left, top, right, bottom in solid:
            y[top:bottom, left:right] = 255
        for left, top, right, bottom in rects:
            # What adjoins a rectangle is plain, or nearly so: interpolating each alone leaves no seam.
            whole, part = y[top:bottom, left:right], u[top // 2 : bottom // 2, left // 2 : right // 2]
            cv2.resize(part, whole.shape[::-1], dst=whole, interpolation=cv2.INTER_LINEAR)
        return with_soft(out, rects, solid, behind)

    def _blind(self, known: Detail, tiles: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        """Which of these tiles the network of the room tells nothing of, as the room is mostly not known there or there
        was no time; None: there is none, or no guide."""
        if not self.guided or known.plate is None:
            return None
        blind = (self.grid.shares(known.plate.known) < _KNOWN) | known.waits
        blind = blind.reshape(-1)[tiles]
        return blind if blind.any() else None

    def _terms(self, mask: Picture, colour: Picture) -> tuple[Floats, Picture]:
        """(the coefficients a_y, a_u, a_v, b of every tile; the alpha they give at working size).

        They are mostly those of `fit` where the mask is unsure, and make the mask itself elsewhere, stretched about one
        half. float32 `(4, down + 2, across + 2)`, with a border of one for interpolation. Without a guide there is b
        alone, at working size.
        """
        known = self.grid.shares(mask) if self.guided else mask
        height, width = known.shape
        terms: Floats = self._scratch.take("terms", (4 if self.guided else 1, height + 2, width + 2), np.float32)
        inner = terms[:, 1:-1, 1:-1]
        inner[:-1] = 0
        cv2.LUT(known, self._stretched, inner[-1])
        alpha = np.asarray(cv2.LUT(mask, self._saturated), np.uint8)
        if self.guided:
            self._fit(mask, known, colour, terms, alpha)
        terms[:, 0], terms[:, -1] = terms[:, 1], terms[:, -2]
        terms[:, :, 0], terms[:, :, -1] = terms[:, :, 1], terms[:, :, -2]
        return terms, alpha

    def _fit(self, mask: Picture, known: Picture, colour: Picture, terms: Floats, alpha: Picture) -> None:
        """Puts the fitted coefficients into `terms`, and what they give into `alpha`, where the mask may be wrong."""
        tiles = _between(known, _SURE)
        left, top, across, down = cv2.boundingRect(tiles)
        if not across:
            return
        radius, (wide, high) = self.radius, (across + 2 * self.radius, down + 2 * self.radius)
        values = self._scratch.take("values", (13, TILE * high, TILE * wide), np.float32)
        self._cut(mask, colour, TILE * (left - radius), TILE * (top - radius), values[:4])
        numbers = (tiles != 0).reshape(-1).nonzero()[0]
        y, x = np.divmod(numbers, self.grid.counts[0])
        where = y * wide + x
        where -= top * wide + left
        fitted = fit(values, where, radius, self.epsilon, self._scratch)
        fitted *= np.float32(1 - _PRIOR)
        there = y * terms.shape[2] + x
        there += terms.shape[2] + 1
        flat = terms.reshape(4, -1)
        fitted[3] += flat[3].take(there) * np.float32(_PRIOR)
        for term, new in zip(flat, fitted, strict=True):
            term[there] = new
        # What they give in the cells of these tiles, not interpolated.
        cells = self._cells.take(numbers, axis=1)
        given = colour.reshape(3, -1).take(cells, axis=1) * fitted[:3, None]
        total = np.add.reduce(given)
        total += fitted[3]
        made: Any = cv2.convertScaleAbs(cv2.threshold(total, 0, 0, cv2.THRESH_TOZERO, total)[1])
        alpha.reshape(-1)[cells] = made

    def _cut(self, mask: Picture, colour: Picture, left: int, top: int, values: Floats) -> None:
        """Fills `values` `(4, h, w)`: Y, U, V and the stretched mask from (left, top) on, continued at the edges."""
        _, high, wide = values.shape
        right, bottom = left + wide, top + high
        height, width = mask.shape
        here = np.s_[max(0, top) : bottom, max(0, left) : right]
        above, before, below, after = max(0, -top), max(0, -left), max(0, bottom - height), max(0, right - width)
        inner = values[:, above : high - below, before : wide - after]
        np.copyto(inner[:3], colour[(slice(None), *here)])
        cv2.LUT(mask[here], self._stretched, inner[3])
        if above:
            values[:, :above] = values[:, above : above + 1]
        if below:
            values[:, -below:] = values[:, -below - 1 : -below]
        if before:
            values[:, :, :before] = values[:, :, before : before + 1]
        if after:
            values[:, :, -after:] = values[:, :, -after - 1 : -after]

    def _sort(self, alpha: Picture) -> tuple[Picture, Picture]:
        """Tiles where the alpha need not be 0 or 255, above 0; and which of the others are person, 1, or room, 0.

        A tile that is not soft is whatever its middle is, in the alpha at working size. Soft is where a pixel or one of
        the four beside it is, and where one is room and the next is person: between those two the outline still has to
        be found.
        """
        person = np.right_shift(alpha[TILE // 2 :: TILE, TILE // 2 :: TILE], 7)
        return self.grid.shares(_between(alpha, _NEAR)), person


def _between(alpha: Picture, near: int) -> Picture:
    """255 where a pixel, or one of the four beside it, is `near` levels or more from 0 and 255, else 0.

    Also where one is room and the next is person: between those two the outline still has to be found.
    """
    least, most = cv2.erode(alpha, _CROSS), cv2.dilate(alpha, _CROSS)
    cv2.min(most, cv2.bitwise_not(least, least), most)
    return np.asarray(cv2.threshold(most, near - 1, 255, cv2.THRESH_BINARY, most)[1], np.uint8)


def _cells(grid: Grid) -> NDArray[np.intp]:
    """Where the cells of each tile are in a working picture, `(TILE * TILE, tiles)`."""
    (across, down), (width, height) = grid.counts, grid.working
    cells = np.arange(width * height).reshape(down, TILE, across, TILE)
    return cells.transpose(1, 3, 0, 2).reshape(TILE * TILE, down * across)


_NEAR = 16  # levels from 0 and 255 that nobody sees
_SURE = 6  # levels of the mask from 0 and 255 where it is believed
_PRIOR = 0.1  # how much the mask itself counts where it is not
_STILL, _MOVES = 3, 14  # levels of change that may be noise, and that are motion
_KNOWN = 128  # of 255: share of a tile from which on the known room says where the edge is
_TIGHT = 0.4  # share of the play that is left where the picture moves
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
