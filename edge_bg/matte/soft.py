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
from edge_bg.tiles import Grid, Scratch

Floats = NDArray[np.float32]
_PRODUCT = 1 << 18  # multiplications up to which a library's matrix product stays on this thread
_AT_ONCE = 3  # so many products' tiles are handled together, and stay in the cache


class SoftTiles:
    """Coefficients for cells of a tile + colour at half size -> alpha at half size, in tiles.

    cells: along a side of a tile.
    """

    def __init__(self, grid: Grid, cells: int = 1) -> None:
        self.side = side = grid.side // 2  # of a tile, at half size
        across, down = grid.counts
        self.shape = down * side, across * side
        self._row = np.dtype((np.void, side))  # a row of a tile is copied as one thing
        self._plain = np.array([0, 255], np.uint8).repeat(side).view(self._row)
        # Interpolation between the cells of a tile and one on each side.
        at = (np.arange(side) + 0.5) * cells / side + 0.5
        weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(cells + 2)))
        self._weights = np.kron(weights, weights).T.astype(np.float32)
        self._most = max(1, _PRODUCT // self._weights.size)
        # Where the rows of each tile, and the cells around it, are.
        y, x = np.divmod(np.arange(down * across), across)
        self._rows = (y * (side * across) + x)[:, None] + np.arange(side) * across
        pitch = across * cells + 2
        near = np.arange(cells + 2)
        self._cells = (cells * (y * pitch + x))[:, None] + (near[:, None] * pitch + near).reshape(-1)
        self._scratch = Scratch()

    def fill(self, out: Picture, person: Picture) -> None:
        """Makes each tile of `out` 0 or 255, as `person`, `(down, across)`, is 0 or 1."""
        out.reshape(len(person), self.side, -1)[...] = self._plain.take(person).view(np.uint8)[:, None]

    def draw(
        self,
        tiles: NDArray[np.intp],
        terms: Floats,
        colour: Sequence[Picture],
        out: Picture,
        past: Picture | None,
        play: Picture,
    ) -> None:
        """Draws `tiles`, their numbers row by row, into `out`, `self.shape` uint8.

        terms:  a coefficient for each plane of `colour`, then a constant, float32 `(n + 1, h + 2, w + 2)`: a value for
                each cell, with a border of one; interpolated.
        colour: uint8 planes of `self.shape`.
        past:   the last `out`, or None. Alpha stays where it was while that is within `play` levels, a value for each
                tile, of the new one; the nearer to 0 or 255, the closer.
        """
        most = _AT_ONCE * self._most
        for start in range(0, len(tiles), most):
            part = tiles[start : start + most]
            rows = self._rows.take(part, axis=0)
            alpha = self._alpha(self._cells.take(part, axis=0), [self._take(plane, rows) for plane in colour], terms)
            if past is not None:
                self._hold(alpha, self._take(past, rows), play[start : start + most, None])
            out.reshape(-1).view(self._row)[rows] = alpha.view(self._row)

    def _take(self, plane: Picture, rows: NDArray[np.intp]) -> Picture:
        """The tiles of `plane` whose rows are `rows`, `(tiles, pixels)`."""
        return plane.reshape(-1).view(self._row).take(rows).view(np.uint8)

    def _alpha(self, cells: NDArray[np.intp], colour: Sequence[Picture], terms: Floats) -> Picture:
        """The alpha of some tiles, `(tiles, pixels)`."""
        around = terms.reshape(len(terms), -1).take(cells, axis=1)
        shape = (len(cells), self._weights.shape[1])
        total, factor, value = (self._scratch.take(name, shape, np.float32) for name in ("total", "factor", "value"))
        self._spread(around[-1], total)
        for plane, cells_of in zip(colour, around, strict=False):
            self._spread(cells_of, factor)
            np.copyto(value, plane)
            factor *= value
            total += factor
        alpha = self._scratch.take("alpha", total.shape, np.uint8)
        cv2.threshold(total, 0, 0, cv2.THRESH_TOZERO, total)
        cv2.convertScaleAbs(total, alpha)
        return alpha

    def _spread(self, around: Floats, out: Floats) -> None:
        """Interpolates `(tiles, cells)` to `(tiles, pixels)`."""
        for start in range(0, len(around), self._most):
            np.matmul(around[start : start + self._most], self._weights, out=out[start : start + self._most])

    def _hold(self, alpha: Picture, past: Picture, play: Picture) -> None:
        """Moves `alpha` to within `play` levels of itself towards `past`, both `(tiles, pixels)`; less at the ends."""
        bound, room = (self._scratch.take(name, alpha.shape, np.uint8) for name in ("bound", "room"))
        other: Any = cv2.bitwise_not(alpha, bound)
        np.minimum(cv2.min(alpha, other, room), play, out=room)
        cv2.min(past, cv2.add(alpha, room, bound), past)
        cv2.max(past, cv2.subtract(alpha, room, bound), alpha)
