"""The room at half the frame's size, learned along with the small one: what the network of the edges is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.frame import Picture
from edge_bg.matte.known import KnownRoom
from edge_bg.matte.masks import above, below
from edge_bg.matte.plate import Light, Plate
from edge_bg.matte.rest import Rest
from edge_bg.matte.trust import REACH

_AS_IT_IS = 8  # levels of Y, twice those of U and V, by which a pixel may differ and show the room
_SOME = 85  # of 255: share of a cell that shows the room, from which it may be a gap
_ALL = 230  # ... that is one, further inside
_DEEP = np.ones((13, 13), np.uint8)  # nor is there any where all of these cells are theirs
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
        self.waits: Any = None  # bool, the soft tiles that the network had no time for in the last frame

    @property
    def share(self) -> float:
        """Share of the picture that is known."""
        return 0.0 if self.plate is None else cv2.countNonZero(self.plate.known) / self.plate.known.size

    def reset(self) -> None:
        """A break in the stream: the plate is kept."""
        self._rest.reset()

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

    def change(self, warp: Any, lit: tuple[Any, Any] | None) -> None:
        """The camera was moved, or the light was (`Plate.changed`)."""
        if self.plate is not None:
            self.plate = self.plate.changed(warp, lit)

    def _bare(self, halves: Sequence[Picture]) -> Any:
        """uint8 (h, w), the share of each cell, of 255, that shows the room as it is, pixel by pixel."""
        assert self.plate is not None and self.light is not None
        room = [cv2.LUT(plane, table) for plane, table in zip(self.plate.picture, self.light, strict=True)]
        y, u, v = (cv2.absdiff(a, b) for a, b in zip(halves, room, strict=True))
        hue = cv2.max(u, v)
        off = cv2.max(y, cv2.add(hue, hue))
        height, width = self.plate.looks.shape
        share = cv2.resize(below(off, _AS_IT_IS), (width, height), interpolation=cv2.INTER_AREA)
        return cv2.bitwise_and(share, self.plate.known)

    def unsure(self, mask: Picture, halves: Sequence[Picture]) -> Any:
        """uint8 (h, w), 255 where the network has to look, given the `mask` of who is there and what they hold.

        Only beside them. Not where all around shows the room and is none of theirs, or differs from it and is theirs.
        But where the room shows in what is theirs, as in the bend of an arm or the ear of a cup: near its edge, and
        somewhat further inside where it shows pixel by pixel. Well inside, clothes may have the wall's very colours.
        """
        bare = self._bare(halves)
        theirs, shows = above(mask, 127), cv2.max(self.shows, above(bare, _SOME))
        plain = cv2.erode(cv2.subtract(shows, theirs), _AROUND)
        full = cv2.erode(cv2.subtract(theirs, shows), _AROUND)
        gaps = cv2.dilate(above(bare, _ALL), _AROUND)
        inside = cv2.max(cv2.subtract(cv2.erode(theirs, REACH), gaps), cv2.erode(theirs, _DEEP))
        return cv2.subtract(cv2.dilate(above(mask, 15), _AROUND), cv2.max(cv2.max(plain, full), inside))

    def alpha(
        self, rough: Picture, soft: Picture, halves: Sequence[Picture], size: tuple[int, int], side: int
    ) -> Picture:
        """Alpha at half size, `size` (rows, columns), right in the `soft` tiles of `side` pixels but for what `waits`.

        Nothing is kept from frame to frame: what moves inside of a cell, such as a strand of hair, changes it by less
        than noise does.
        """
        assert self.plate is not None and self.light is not None
        wide = size[::-1]
        large = np.asarray(cv2.resize(rough, wide, interpolation=cv2.INTER_LINEAR), np.uint8)
        sure = np.asarray(cv2.resize(self.plate.known, wide, interpolation=cv2.INTER_NEAREST), np.uint8)
        made = large.copy()
        done = self.network(soft, halves, self.plate.picture, large, sure, side, self.light, made)
        self.waits = (soft > 0) & ~done
        return made

    def behind(self, soft: Picture) -> tuple[Sequence[Picture], Light] | None:
        """The plate and its light, if it is known behind all soft tiles."""
        assert self.plate is not None and self.light is not None
        unknown = cv2.resize(cv2.bitwise_not(self.plate.known), soft.shape[::-1], interpolation=cv2.INTER_AREA)
        if cv2.countNonZero(cv2.bitwise_and(above(unknown, 0), above(soft, 0))):
            return None
        return self.plate.picture, self.light
