"""Whom to keep: somebody is a connected part of the mask, and stays who they were while parts touch and part again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import SHARE, Picture, Size
from edge_bg.framing.crowd import Somebody, halve, parts
from edge_bg.framing.silhouette import Silhouette
from edge_bg.framing.window import Box

_LIKELY: Final = 90  # above: perhaps somebody
_DOUBT: Final = 6  # frames for which the rule has to say otherwise before somebody is let in or dropped
_STAYS: Final = 1.5  # times as large a rival of the one who was kept has to be
_HALF: Final = 0.5  # share of somebody that has to be inside
_FOOT: Final = 0.02  # of somebody's height: their lowest part
_TRACE: Final = 0.01  # of a part of the mask has to have been somebody else to tell two people in it apart
_PIECE: Final = 0.08  # of somebody's area: smaller is what came off them
_LARGE: Final = 0.1  # of a guest: smaller is a bag, and no other person
_FAMILIAR: Final = 3  # frames after which somebody is known
_SWELLS: Final = 2.5  # times as large as when they stood alone: who is made larger by a division is not there
_MINE: Final = 0.2  # of a part that was seen before has to have been the guest's for all of it to be
_SAME: Final = 0.2  # of a part has to have been somebody to be them


@dataclass
class _Person:
    """Somebody who is followed; `area` and `age`, of the parts of the mask in which they touched nobody."""

    kept: bool
    age: int = 0
    area: int = 0
    doubt: int = 0  # frames in a row in which the rule said otherwise


class Keeper:
    """`mask = keeper(mask)` without those whom the rule drops.

    rule "largest": the largest person; another has to be half as large again for six frames to take over.
    rule "zone":    those whose lowest visible part, or half of whom, is in the polygon `zone` (corners x, y in parts
                    of the frame); who was kept is dropped after six frames outside, and the other way round. For
                    those who have only just come the rule is asked in every frame.

    Where two people touch they are one part of the mask. Each cell then goes to whom it is nearer to, but only if the
    one to be dropped was seen alone before and does not grow by it: in doubt the part is the guest's. Who was not seen
    alone is told by what the guests looked like before, if `watch` has seen somebody come near (see `Silhouette`).
    """

    def __init__(self, rule: str, zone: Sequence[tuple[float, float]] | None, cells: Size) -> None:
        self.rule = rule
        cells = (max(1, cells[0] // 2), max(1, cells[1] // 2))
        self._zone: Picture | None = None
        if rule == "zone" and zone is not None:
            self._zone = np.zeros(cells[::-1], np.uint8)
            corners = np.rint(np.array(zone) * cells).astype(np.int32)
            cv2.fillPoly(self._zone, [corners], 255)
        self.reset()

    def reset(self) -> None:
        """Forget who was kept."""
        self._owner: Any = None  # int32 of half the canvas: the number of whom each cell belonged to, 0: nobody
        self._known: dict[int, _Person] = {}
        self._last = 0  # the largest number given; those of who is gone are given again
        self._kept: Any = None  # uint8: 255 where those are who are kept, of half the canvas
        self._silhouette = Silhouette()

    def __call__(self, mask: Picture) -> Picture:
        """`mask` uint8 of the canvas; the answer is a new array where somebody is dropped, else `mask` itself."""
        labels, crowd = parts(halve(mask), _LIKELY)
        if not crowd:
            return mask
        who: dict[int, int] = {}  # number of the person by the part's label
        apart: list[Somebody] = []
        for each in crowd:
            apart += self._recognise(labels, each, who)
        self._tell_apart(labels, apart, who)
        turned = self._judge(labels, apart, who)
        numbers = np.zeros(int(labels.max()) + 1, np.int32)
        for label, number in who.items():
            numbers[label] = number
        self._owner = np.take(numbers, labels, mode="clip")
        self._known = {number: self._known[number] for number in who.values()}
        everybody = (self._owner > 0).view(np.uint8) * np.uint8(255)
        if all_kept := all(person.kept for person in self._known.values()):
            kept = everybody
        else:
            guests = [number for number, person in self._known.items() if person.kept]
            kept = self._of(guests, self._owner).view(np.uint8) * np.uint8(255)
        self._kept = kept
        if turned:
            self._silhouette.learn(kept, self._of(turned, self._owner))
        others = self._silhouette.beyond(kept, everybody, self._stands)
        if others is not None:
            self._kept = kept = cv2.subtract(kept, others)
            self._owner[others > 0] = 0
        elif all_kept:
            return mask
        near = cv2.subtract(cv2.dilate(kept, _NEAR), cv2.subtract(everybody, kept))
        full: Any = cv2.resize(near, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(mask, full, full, SHARE), np.uint8)

    def watch(self, stirred: Picture) -> None:
        """Notice who comes near the guests; once a frame. `stirred`: 255 where something moved, uint8 of any size."""
        self._silhouette.watch(self._kept, stirred)

    def _stands(self, mine: NDArray[np.bool_], box: Box) -> bool:
        """Whether somebody who touches a guest is in the zone."""
        return self._zone is not None and self._inside(mine, box)

    def admits(self, mask: Picture) -> bool:
        """Whether somebody in `mask`, newcomers among them, could be let in by the rule."""
        labels, crowd = parts(halve(mask), _LIKELY)
        if self._zone is not None:
            return any(self._inside(labels[each.box.cut] == each.label, each.box) for each in crowd)
        kept = max((person.area for person in self._known.values() if person.kept), default=0)
        return any(each.area > _STAYS * kept for each in crowd)

    # --- who is who ----------------------------------------------------------------------------------

    def _new(self) -> int:
        number = next(n for n in itertools.count(1) if n not in self._known)
        self._known[number] = _Person(kept=False)
        self._last = max(self._last, number)
        return number

    def _recognise(self, labels: Any, part: Somebody, who: dict[int, int]) -> list[Somebody]:
        """`part`, or the two it is divided into, each with its number in `who`: by who was there a frame before."""
        mine = labels[part.box.cut] == part.label
        before = np.zeros_like(mine, np.int32) if self._owner is None else self._owner[part.box.cut]
        votes = np.bincount(before[mine], minlength=self._last + 1)
        votes[0] = 0
        there = [int(n) for n in np.flatnonzero(votes >= max(4, _TRACE * part.area))]
        guests = [n for n in there if self._known[n].kept]
        least = _LARGE * max((self._known[n].area for n in guests), default=0)
        dropped = {n: self._known[n] for n in there if not self._known[n].kept}
        others = [n for n, person in dropped.items() if person.age >= _FAMILIAR and person.area >= least]
        if guests and others:
            his = self._of(guests, before)
            other = mine & ~his & (_distance(self._of(others, before)) < _distance(his))
            area = int(np.count_nonzero(other))
            if 0 < area <= _SWELLS * sum(self._known[n].area for n in others):
                fresh = int(labels.max()) + 1
                labels[part.box.cut][other] = fresh
                who[part.label] = max(guests, key=lambda n: int(votes[n]))
                who[fresh] = max(others, key=lambda n: int(votes[n]))
                return [Somebody(part.label, part.area - area, part.box), Somebody(fresh, area, part.box)]
        some = guests if sum(int(votes[n]) for n in guests) >= _MINE * int(votes.sum()) else there
        who[part.label] = max(some, key=lambda n: int(votes[n])) if some and votes.sum() >= _SAME * part.area else 0
        if not who[part.label]:
            who[part.label] = self._new()
        person = self._known[who[part.label]]
        person.age, person.area = person.age + 1, part.area
        return [part]

    def _of(self, numbers: list[int], owner: Any) -> NDArray[np.bool_]:
        """Which cells belong to these numbers."""
        table = np.zeros(self._last + 1, np.bool_)
        table[numbers] = True
        return np.asarray(np.take(table, owner, mode="clip"), np.bool_)

    def _tell_apart(self, labels: Any, crowd: list[Somebody], who: dict[int, int]) -> None:
        """Of parts that were one person, all but the main one are a piece of it, or somebody who stood behind."""
        for each in crowd:
            same = [other for other in crowd if who[other.label] == who[each.label]]
            if len(same) < 2 or each is (main := max(same, key=lambda other: other.area)):
                continue
            over = min(each.box.right, main.box.right) - max(each.box.left, main.box.left)
            if 2 * over < each.box.size[0] and each.area >= _PIECE * main.area:
                who[each.label] = self._new()

    # --- whom to keep --------------------------------------------------------------------------------

    def _judge(self, labels: Any, crowd: list[Somebody], who: dict[int, int]) -> list[int]:
        """Change verdicts that the rule has contradicted for long enough; the answer is whose."""
        turned = []
        areas: dict[int, int] = {}
        wanted = set()
        for each in crowd:
            number = who[each.label]
            areas[number] = areas.get(number, 0) + each.area
            if self._zone is not None and self._inside(labels[each.box.cut] == each.label, each.box):
                wanted.add(number)
        guests = [number for number in areas if self._known[number].kept]
        if self._zone is None:
            wanted = {max(areas, key=lambda n: areas[n] * (_STAYS if n in guests else 1))}
        for number in areas:
            person = self._known[number]
            person.doubt = 0 if person.kept == (number in wanted) else person.doubt + 1
            # Nobody waits for who has only just come, but for a rival of the only one there may be.
            fresh = person.age <= _FAMILIAR and not (self._zone is None and (guests or person.age > 1))
            if person.doubt >= _DOUBT or (person.doubt and fresh):
                person.kept, person.doubt = not person.kept, 0
                turned.append(number)
                if self._zone is None and person.kept:
                    for other in guests:
                        self._known[other].kept = False
                    turned += guests
        return turned

    def _inside(self, mine: NDArray[np.bool_], box: Box) -> bool:
        """Whether the lowest part of somebody, or half of them, is in the zone. `mine`: their cells of `box`."""
        assert self._zone is not None
        inside: NDArray[np.bool_] = mine & (self._zone[box.cut] > 0)
        foot = max(1, round(_FOOT * box.size[1]))
        lowest = int(np.count_nonzero(mine[-foot:])) * _HALF < int(np.count_nonzero(inside[-foot:]))
        return lowest or int(np.count_nonzero(inside)) > _HALF * int(np.count_nonzero(mine))


def _distance(of: NDArray[np.bool_]) -> Any:
    """Distance of every cell to the nearest true one."""
    return cv2.distanceTransform((~of).view(np.uint8), cv2.DIST_L2, 3)


_NEAR = np.ones((5, 5), np.uint8)  # what is unsure belongs to whoever is so near
