"""What guests looked like when nobody was near: what their part of the mask grows by then is who passes behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.framing.crowd import SURE, parts
from edge_bg.framing.window import Box

_YOUNG: Final = 20  # frames; before, somebody may still be coming into view
_SOME: Final = 60  # of 255: of a cell of the thumbnail that a guest is in
_STIR: Final = 4  # cells of the thumbnail: less is no person
_NOTICE: Final = 3  # frames for which somebody has to be seen coming
_WARY: Final = 60  # frames for which they are expected to be about
_AGAIN: Final = 30  # frames for which they still are when they touch
_VAST: Final = 0.4  # of the thumbnail: if more changed it was the light
_CALM: Final = 0.3  # of a new mask that the silhouette takes on
_HELD: Final = 1 / 30  # of it while somebody is about: an arm that is raised then is shown after 20 frames
_REACH: Final = 3  # cells a frame that the silhouette is moved along with the guests, at most
_PERSON: Final = (0.01, 0.5)  # of the guests: a smaller growth is their edge, a larger one nobody behind them
_GAVE: Final = 0.15  # of a growth: guests who are gone from more than that elsewhere have moved, and it is theirs


class Silhouette:
    """A slowly adapting picture of those who are kept, and whether somebody else is about.

    Somebody is about for two seconds (of 30 frames) once something that moves apart from the guests came near them.
    What the guests' part of the mask then gains beyond their silhouette, and does not lose elsewhere, is somebody who
    touches them, comes out from behind them, or is seen between their legs. Nobody about: guests may do what they like.
    """

    def __init__(self) -> None:
        self._before: Picture | None = None  # where the guests were a frame before
        self._shape: Any = None  # float32 (h, w): 0..255
        self._age = self._seen = self._wary = 0

    def learn(self, kept: Picture, cells: NDArray[np.bool_]) -> None:
        """Whether somebody is kept has changed in these `cells`; if nobody was before who still is, start anew."""
        if self._shape is not None and kept[~cells].any():
            self._shape[cells] = kept[cells]
        else:
            self._shape, self._age, self._seen, self._wary = None, 0, 0, 0

    def watch(self, kept: Picture | None, stirred: Picture) -> None:
        """Notice who comes near. `kept`: 255 where guests are, uint8; `stirred`: 255 where something moved since the
        last call, of another size."""
        self._age, self._wary = self._age + 1, max(0, self._wary - 1)
        before, self._before = self._before, kept
        comes = False
        if kept is not None and before is not None and self._age >= _YOUNG:
            comes = _comes(kept, before, stirred)
        self._seen = min(_NOTICE, self._seen + 1) if comes else max(0, self._seen - 1)
        if self._seen == _NOTICE:
            self._wary = _WARY

    def beyond(self, kept: Picture, people: Picture, guest: Callable[[NDArray[np.bool_], Box], bool]) -> Picture | None:
        """255 where somebody in `kept` is no guest, uint8 (h, w); None if they all are.

        kept, people: 255 where the guests are, and where anybody is, uint8. guest(cells, box): whether a part of the
        mask that the guests have gained is one of them: in which cells of the box it is, bool.
        """
        if not kept.any():
            return None
        if self._shape is None:
            self._shape = kept.astype(np.float32)
            return None
        rate = _HELD if self._wary else _CALM
        growth = None
        if self._wary:
            inside = self._follow(kept)
            growth = self._growth(inside, kept, people, guest)
            if growth is not None and self._gave(inside, kept, growth):
                rate, growth = _CALM, None
            elif growth is not None:
                self._wary = max(self._wary, _AGAIN)
        cv2.accumulateWeighted(kept, self._shape, max(rate, 1 / (1 + self._age)))
        return growth

    def _growth(
        self, inside: Picture, kept: Picture, people: Picture, guest: Callable[[NDArray[np.bool_], Box], bool]
    ) -> Picture | None:
        """255 where parts of all people large enough to be somebody lie beyond `inside`, where they are `kept`."""
        over = cv2.morphologyEx(cv2.subtract(people, cv2.dilate(inside, _AT)), cv2.MORPH_OPEN, _THIN)
        if not cv2.countNonZero(over):
            return None
        over = cv2.bitwise_and(cv2.dilate(over, _BACK), cv2.subtract(people, inside))
        labels, found = parts(np.asarray(over, np.uint8))
        least, most = (share * cv2.countNonZero(inside) for share in _PERSON)
        some = np.zeros(int(labels.max()) + 1, np.uint8)
        for each in found:
            if least <= each.area <= most and not guest(labels[each.box.cut] == each.label, each.box):
                some[each.label] = 255
        return np.asarray(cv2.bitwise_and(np.take(some, labels, mode="clip"), kept), np.uint8) if some.any() else None

    def _gave(self, inside: Picture, kept: Picture, growth: Picture) -> bool:
        """Whether the guests are gone from so much of `inside` that they have moved."""
        lost = cv2.countNonZero(cv2.subtract(inside, cv2.dilate(kept, _AT)))
        return lost > _GAVE * cv2.countNonZero(growth)

    def _follow(self, kept: Picture) -> Picture:
        """Move the silhouette to where it agrees best with `kept`; the answer is 255 inside, uint8."""
        inside = np.asarray(cv2.threshold(self._shape, SURE, 255, cv2.THRESH_BINARY)[1], np.uint8)
        best, at, tried = _apart(kept, inside, 0, 0), (0, 0), {(0, 0)}
        for _ in range(_REACH):
            x, y = at
            for step in {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} - tried:
                tried.add(step)
                apart = _apart(kept, inside, *step)
                if apart < best:
                    best, at = apart, step
            if at == (x, y):
                break
        if at != (0, 0):
            self._shape = _moved(self._shape, *at)
            inside = np.asarray(cv2.threshold(self._shape, SURE, 255, cv2.THRESH_BINARY)[1], np.uint8)
        return inside


def _moved(shape: Any, x: int, y: int) -> Any:
    """`shape` moved by (x, y) cells; what comes in is as the border was."""
    high, wide = shape.shape
    more = cv2.copyMakeBorder(shape, max(0, y), max(0, -y), max(0, x), max(0, -x), cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(more[max(0, -y) :][:high, max(0, -x) :][:, :wide])


def _comes(kept: Picture, before: Picture, stirred: Picture) -> bool:
    """Whether something moves beside the guests that does not reach to where they are or were."""
    if not _STIR <= cv2.countNonZero(stirred) <= _VAST * stirred.size:
        return False
    small = cv2.resize(cv2.max(kept, before), stirred.shape[::-1], interpolation=cv2.INTER_AREA)
    guests = cv2.threshold(small, _SOME, 255, cv2.THRESH_BINARY)[1]
    own = cv2.dilate(guests, _AT)
    beside = cv2.subtract(stirred, own)
    if cv2.countNonZero(beside) < _STIR:
        return False
    beside = cv2.bitwise_and(beside, cv2.dilate(guests, _BY))
    count, labels, _, _ = cv2.connectedComponentsWithStats(stirred, connectivity=8, ltype=cv2.CV_32S)
    theirs, near = (np.bincount(labels[where > 0], minlength=count) for where in (own, beside))
    return bool((near[theirs == 0] >= _STIR).any())


def _apart(kept: Picture, inside: Picture, x: int, y: int) -> float:
    """By how much the two differ on average where they overlap, `inside` moved by (x, y) cells."""
    high, wide = kept.shape
    now = kept[max(0, y) : high + min(0, y), max(0, x) : wide + min(0, x)]
    then = inside[max(0, -y) : high + min(0, -y), max(0, -x) : wide + min(0, -x)]
    return float(cv2.norm(now, then, cv2.NORM_L1)) / now.size if now.size else 255.0


_AT = np.ones((3, 3), np.uint8)  # cells so near are somebody's edge
_THIN = np.ones((2, 2), np.uint8)  # what is narrower beyond the edge is not told from a mask that flickers
_BACK = np.ones((7, 7), np.uint8)  # from beyond the edge back to it
_BY = np.ones((11, 11), np.uint8)  # cells of the thumbnail so near are beside somebody
