"""The soft tiles: alpha at half the frame's size, computed in these and in nothing else.

All soft tiles of a frame are handled together, `(tiles, pixels of a tile)`, wherever they lie in the picture. So a
frame takes the same few calls whether it has one outline or ten, and no pixel around the outline is computed for the
sake of a rectangle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.frame.tiles import Grid, Scratch

Floats = NDArray[np.float32]
_PRODUCT = 1 << 18  # multiplications up to which a library's matrix product stays on this thread


class SoftTiles:
    """Coefficients for cells of a tile + colour at half size -> alpha at half size, in tiles.

    cells: along a side of a tile.
    """

    def __init__(self, grid: Grid, cells: int = 1) -> None:
        self.side = side = grid.side // 2  # of a tile, at half size
        across, down = grid.counts
        self.shape = down * side, across * side
        self._row = np.dtype((np.void, side))  # a row of a tile is copied as one thing
        # Eight plain tiles side by side, a row of their pixels: for every eight bits of who is person.
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
        self._plain = (bits * np.uint8(255)).repeat(side, axis=1)
        # Interpolation between the cells of a tile and one on each side.
        at = (np.arange(side) + 0.5) * cells / side + 0.5
        weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(cells + 2)))
        self._line = np.arange(down).repeat(side)  # the row of tiles that each row of pixels is in
        self._weights = np.kron(weights, weights).T.astype(np.float32)
        self._most = max(1, _PRODUCT // self._weights.size)
        # Where the rows of each tile, and the cells around it, are.
        y, x = np.divmod(np.arange(down * across), across)
        self._rows = (y * (side * across) + x)[:, None] + np.arange(side) * across
        pitch = across * cells + 2
        near = np.arange(cells + 2)
        self._cells = (cells * (y * pitch + x))[:, None] + (near[:, None] * pitch + near).reshape(-1)
        # The last picture: tiles that are all 0, all 255, and those that were drawn; and which of them is where.
        self._drawn: Picture = np.repeat(np.array([[0], [255]], np.uint8), side * side, axis=1)
        self._which: NDArray[np.intp] = np.zeros(down * across, np.intp)
        self._scratch = Scratch()

    def picture(self) -> Picture:
        """The last picture, `self.shape`, a new array."""
        picture: Picture = np.empty(self.shape, np.uint8)
        picture.reshape(-1).view(self._row)[self._rows] = self._drawn[self._which].view(self._row)
        return picture

    def remember(self, picture: Picture) -> None:
        """Go on from `picture`, `self.shape` uint8, as the last one."""
        tiles = self._take(picture, self._rows)
        self._drawn = np.concatenate((self._drawn[:2], tiles))
        self._which = np.arange(2, 2 + len(tiles))

    def draw(
        self,
        tiles: NDArray[np.intp],
        person: Picture,
        terms: Floats,
        colour: Sequence[Picture],
        out: Picture,
        play: Picture | None,
        made: Picture | None = None,
        not_made: NDArray[np.bool_] | None = None,
    ) -> None:
        """Draws `tiles`, their numbers row by row, into `out`, `self.shape` uint8, C-contiguous.

        person: `(down, across)` uint8; the other tiles become 0 or 255 where it is 0 or 1.
        terms:  a coefficient for each plane of `colour`, then a constant, float32 `(n + 1, h + 2, w + 2)`: a value for
                each cell, with a border of one; interpolated.
        colour: uint8 planes of `self.shape`.
        play:   alpha stays where it was in the last picture while that is within so many levels, uint8 `(tiles,)`, of
                the new one; the nearer to 0 or 255, the closer. None: there was none.
        made:   uint8 of `self.shape`, from which the tiles are taken instead of being computed; but for those of
                `not_made`, bool `(tiles,)`.
        """
        plain = self._plain.take(np.packbits(person, axis=1), axis=0).reshape(len(person), -1)
        plain[:, : out.shape[1]].take(self._line, axis=0, out=out, mode="clip")
        flat = out.reshape(-1).view(self._row)
        drawn: Picture = np.empty((2 + len(tiles), self.side * self.side), np.uint8)
        drawn[:2] = self._drawn[:2]
        for start in range(0, len(tiles), self._most):
            part = tiles[start : start + self._most]
            rows = self._rows.take(part, axis=0)
            alpha = drawn[2 + start : 2 + start + len(part)]
            if made is None:
                self._make(alpha, self._cells.take(part, axis=0), [self._take(plane, rows) for plane in colour], terms)
            else:
                alpha[...] = self._take(made, rows)
                if not_made is not None and (some := not_made[start : start + self._most].nonzero()[0]).size:
                    blind: Picture = np.empty((len(some), alpha.shape[1]), np.uint8)
                    planes = [self._take(plane, rows[some]) for plane in colour]
                    self._make(blind, self._cells.take(part[some], axis=0), planes, terms)
                    alpha[some] = blind
            if play is not None:
                past = self._drawn.take(self._which.take(part), axis=0)
                self._hold(alpha, past, play[start : start + len(part), None])
            flat.put(rows, alpha.view(self._row))
        self._drawn = drawn
        self._which = person.reshape(-1).astype(np.intp)
        self._which[tiles] = np.arange(2, 2 + len(tiles))

    def _take(self, plane: Picture, rows: NDArray[np.intp]) -> Picture:
        """The tiles of `plane` whose rows are `rows`, `(tiles, pixels)`."""
        return plane.reshape(-1).view(self._row).take(rows).view(np.uint8)

    def _make(self, alpha: Picture, cells: NDArray[np.intp], colour: Sequence[Picture], terms: Floats) -> None:
        """Writes the alpha of some tiles, `(tiles, pixels)`."""
        around = terms.reshape(len(terms), -1).take(cells, axis=1)
        shape = (len(terms), *alpha.shape)
        spread, value = (self._scratch.take(name, shape, np.float32) for name in ("spread", "value"))
        np.matmul(around, self._weights, out=spread)
        total = spread[-1]
        for plane, factor, product in zip(colour, spread, value, strict=False):
            np.copyto(product, plane)
            product *= factor
            total += product
        cv2.threshold(total, 0, 0, cv2.THRESH_TOZERO, total)
        cv2.convertScaleAbs(total, alpha)

    def _hold(self, alpha: Picture, past: Picture, play: Picture) -> None:
        """Moves `alpha` to within `play` levels of itself towards `past`, both `(tiles, pixels)`; less at the ends."""
        bound, room = (self._scratch.take(name, alpha.shape, np.uint8) for name in ("bound", "room"))
        other: Any = cv2.bitwise_not(alpha, bound)
        np.minimum(cv2.min(alpha, other, room), play, out=room)
        cv2.min(past, cv2.add(alpha, room, bound), past)
        cv2.max(past, cv2.subtract(alpha, room, bound), alpha)
