"""The room at half the frame's size, learned along with the small one: what the network of the edges is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.frame.tiles import TILE
from edge_bg.matte.known import KnownRoom
from edge_bg.matte.masks import above
from edge_bg.matte.plate import Light, Plate
from edge_bg.matte.rest import Rest
from edge_bg.matte.trust import REACH

_CHANGED = 3  # levels by which a cell of the picture, or of the mask, may differ and show the same
_CAME = 100  # levels of the rough mask by which somebody came into a tile or left it
_AROUND = np.ones((3, 3), np.uint8)


class Detail:
    """A plate, the light on it, and what rests before it.

    All masks are uint8 `(h, w)` at working size; `colour` is `(3, h, w)` uint8, Y U V, and `halves` are the same three
    planes at half the frame's size, whole cells.
    """

    def __init__(self, network: KnownRoom | None = None) -> None:
        self.network = KnownRoom() if network is None else network
        self.plate: Plate | None = None
        self.light: Light | None = None
        self.shows: Any = None  # where the last frame shows the room
        self._rest = Rest()
        self._alpha: Picture = np.empty((0, 0), np.uint8)
        self._looked: Any = None  # uint8 (5, h, w), what each cell showed when the network looked at it
        self._never: Any = None  # uint8, 255 in the tiles it did not look at yet

    @property
    def share(self) -> float:
        """Share of the picture that is known."""
        return 0.0 if self.plate is None else cv2.countNonZero(self.plate.known) / self.plate.known.size

    def reset(self) -> None:
        """A break in the stream: the plate is kept."""
        self._rest.reset()
        self._looked = None

    def meet(self, colour: Picture, halves: Sequence[Picture], where: Any) -> None:
        """One more look at what is not known yet, where `where` is not 0: nobody is near."""
        if self.plate is None:
            self.plate = Plate(colour, halves)
        self.plate.meet(colour, halves, where)

    def follow(self, colour: Picture, halves: Sequence[Picture], rate: float, where: Any, empty: Any) -> None:
        """Take in `rate` of what is surely room, `where`; read the light where the network sees nobody, `empty`."""
        if self.plate is not None:
            self.plate.follow(colour, halves, rate, where)
            self.light = self.plate.light(colour, empty)

    def rests(self, halves: Sequence[Picture], joined: Picture, mask: Picture, walls: Any) -> Picture | None:
        """What stands still beside somebody, as `Rest` finds it."""
        return self._rest(halves[0], joined, mask, walls)

    def take(self, colour: Picture, halves: Sequence[Picture], where: Picture) -> None:
        """What rests, `where`, is room from now on."""
        if self.plate is not None:
            self.plate.take(colour, halves, where)
            self._looked = None

    def change(self, warp: Any, lit: tuple[Any, Any] | None) -> None:
        """The camera was moved, or the light was (`Plate.changed`)."""
        if self.plate is not None:
            self.plate = self.plate.changed(warp, lit)
            self._looked = None

    def unsure(self, mask: Picture) -> Any:
        """uint8 (h, w), 255 where the network has to look, given the `mask` of who is there and what they hold.

        Only beside them. Not where all around shows the room and is none of theirs, or differs from it and is theirs.
        But where the room shows in what is theirs, as in the bend of an arm or the ear of a cup, if that is near its
        edge: well inside, clothes may have the wall's very colours.
        """
        theirs, shows = above(mask, 127), self.shows
        plain = cv2.erode(cv2.subtract(shows, theirs), _AROUND)
        full = cv2.erode(cv2.subtract(theirs, shows), _AROUND)
        inside = cv2.erode(theirs, REACH)
        return cv2.subtract(cv2.dilate(above(mask, 15), _AROUND), cv2.max(cv2.max(plain, full), inside))

    def alpha(
        self,
        rough: Picture,
        soft: Picture,
        colour: Picture,
        halves: Sequence[Picture],
        size: tuple[int, int],
        side: int,
    ) -> Picture:
        """Alpha at half size, `size` (rows, columns), right in the `soft` tiles of `side` pixels.

        The network looks at those alone in which the picture, the rough mask or what is known of the room changed since
        it looked last.
        """
        assert self.plate is not None and self.light is not None
        known = self.plate.known
        seen = np.stack((*colour, rough, known))
        if self._looked is None or self._alpha.shape != size:
            self._alpha, self._looked = np.zeros(size, np.uint8), seen
            self._never = np.full(soft.shape, 255, np.uint8)
        changed = np.maximum.reduce(cv2.absdiff(seen, self._looked))
        wanted: Any = cv2.bitwise_and(
            cv2.threshold(cv2.max(_most(changed), self._never), _CHANGED, 255, cv2.THRESH_TOZERO)[1], above(soft, 0)
        )
        wide = size[::-1]
        large = np.asarray(cv2.resize(rough, wide, interpolation=cv2.INTER_LINEAR), np.uint8)
        sure = np.asarray(cv2.resize(known, wide, interpolation=cv2.INTER_NEAREST), np.uint8)
        # A tile that has to wait shows what it showed, but not if somebody came or went.
        self._never[_most(cv2.absdiff(rough, self._looked[3])) > _CAME] = 255
        done = self.network(wanted, halves, self.plate.picture, large, sure, side, self.light, self._alpha)
        self._never[done] = 0
        waiting = cv2.bitwise_and(self._never, above(soft, 0))
        for row, column in np.argwhere(waiting).tolist():
            tile = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            self._alpha[tile] = large[tile]
        np.copyto(self._looked, seen, where=done.repeat(TILE, axis=0).repeat(TILE, axis=1))
        return self._alpha

    def behind(self, soft: Picture) -> tuple[Sequence[Picture], Light] | None:
        """The plate and its light, if it is known behind all soft tiles."""
        assert self.plate is not None and self.light is not None
        unknown = cv2.resize(cv2.bitwise_not(self.plate.known), soft.shape[::-1], interpolation=cv2.INTER_AREA)
        if cv2.countNonZero(cv2.bitwise_and(above(unknown, 0), above(soft, 0))):
            return None
        return self.plate.picture, self.light


def _most(cells: Any) -> Any:
    """The largest value in each tile."""
    return cv2.dilate(cells, np.ones((TILE, TILE), np.uint8), anchor=(0, 0))[::TILE, ::TILE]
