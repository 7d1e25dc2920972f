"""Whom to keep: somebody is a connected part of the mask, and stays who they were while parts touch and part again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import SHARE, Picture, Size
from edge_bg.framing.window import Box

_SURE: Final = 127  # above: somebody
_LEAST: Final = 0.0004  # of the picture: smaller is a speck. A person of a tenth of the height has four times that
_BESIDE: Final = 0.03  # of the largest: smaller is a speck, too
_DOUBT: Final = 6  # frames for which the rule has to say otherwise before somebody is let in or dropped
_STAYS: Final = 1.5  # times as large a rival of the one who was kept has to be
_HALF: Final = 0.5
_FOOT: Final = 0.02  # of somebody's height: their lowest part
_TRACE: Final = 0.01  # of a part of the mask has to have been somebody else to tell two people in it apart
_PIECE: Final = 0.08  # of somebody's area: smaller is what came off them
_KEPT, _DROPPED = 1, 2


@dataclass(frozen=True)
class Somebody:
    """A connected part of a mask: its number in the label picture, its area in cells and its box."""

    label: int
    area: int
    box: Box


def people(mask: Picture) -> list[Somebody]:
    """Everybody in `mask`, largest first, in its own cells; specks are nobody."""
    small = halve(mask)
    x, y = mask.shape[1] / small.shape[1], mask.shape[0] / small.shape[0]
    return [
        Somebody(
            each.label,
            round(each.area * x * y),
            Box(int(each.box[0] * x), int(each.box[1] * y), math.ceil(each.box[2] * x), math.ceil(each.box[3] * y)),
        )
        for each in parts(small)[1]
    ]


def halve(mask: Picture) -> Picture:
    """`mask` at half size, where all counting is done: a quarter of the cost, and a person is still 4 cells wide."""
    size = (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def parts(small: Picture) -> tuple[Any, list[Somebody]]:
    """(labels int32 (h, w), the connected parts of `small` above 127, largest first); specks are left out."""
    sure = cv2.threshold(small, _SURE, 255, cv2.THRESH_BINARY)[1]
    count, labels, table, _ = cv2.connectedComponentsWithStats(sure, connectivity=8, ltype=cv2.CV_32S)
    least = max(_LEAST * small.size, _BESIDE * int(table[1:, 4].max(initial=0)))
    rows = [(i, *(int(n) for n in table[i])) for i in range(1, count) if table[i, 4] >= least]
    found = [Somebody(i, area, Box(x, y, x + w, y + h)) for i, x, y, w, h, area in rows]
    return labels, sorted(found, key=lambda each: -each.area)


def around(crowd: Sequence[Somebody]) -> Box | None:
    """The box around all of them, None around nobody."""
    box: Box | None = None
    for each in crowd:
        box = each.box.join(box)
    return box


class Keeper:
    """`mask = keeper(mask)` without those whom the rule drops.

    rule "largest": the largest person; another has to be half as large again for six frames to take over.
    rule "zone":    those whose lowest visible part, or half of whom, is in the polygon `zone` (corners x, y in parts
                    of the frame); who was kept is dropped after six frames outside, and the other way round.

    Where two people touch they are one part of the mask: each cell then goes to whom it is nearer to of those who
    were told apart a frame before.
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
        self._owner: Picture | None = None
        self._doubt = self._kept = 0

    def __call__(self, mask: Picture) -> Picture:
        """`mask` uint8 of the canvas; the answer is a new array where somebody is dropped, else `mask` itself."""
        labels, crowd = parts(halve(mask))
        if self._owner is not None and crowd:
            labels, crowd = self._split(labels, crowd)
        wanted = self._wanted(labels, crowd)
        if crowd:
            self._kept = len(wanted)
            owners = np.zeros(int(labels.max()) + 1, np.uint8)
            for each in crowd:
                owners[each.label] = _KEPT if each.label in wanted else _DROPPED
            self._owner = owners[labels]
        if len(wanted) == len(crowd) or self._owner is None:
            return mask
        near: Any = cv2.dilate((self._owner == _KEPT).view(np.uint8) * np.uint8(255), _NEAR)
        near[self._owner == _DROPPED] = 0
        full: Any = cv2.resize(near, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(mask, full, full, SHARE), np.uint8)

    def admits(self, mask: Picture) -> bool:
        """Whether somebody in `mask`, newcomers among them, could be let in by the rule."""
        labels, crowd = parts(halve(mask))
        if self._zone is not None:
            return bool(self._inside(labels, crowd))
        kept = 0 if self._owner is None else cv2.countNonZero((self._owner == _KEPT).view(np.uint8))
        return any(each.area > _STAYS * kept for each in crowd)

    def _split(self, labels: Any, crowd: list[Somebody]) -> tuple[Any, list[Somebody]]:
        """Parts that were both kept and dropped people a frame ago become two."""
        assert self._owner is not None
        out: list[Somebody] = []
        for each in crowd:
            mine = labels[each.box.cut] == each.label
            owner = self._owner[each.box.cut]
            shares = np.bincount(owner[mine], minlength=3)
            if min(shares[_KEPT], shares[_DROPPED]) < max(4, _TRACE * each.area):
                out.append(each)
                continue
            nearer = _distance(owner == _DROPPED) < _distance(owner == _KEPT)
            other = mine & nearer & (owner != _KEPT)
            fresh = int(labels.max()) + 1
            labels[each.box.cut][other] = fresh
            area = int(np.count_nonzero(other))
            out += [Somebody(each.label, each.area - area, each.box), Somebody(fresh, area, each.box)]
        return labels, [each for each in out if each.area > 0]

    def _wanted(self, labels: Any, crowd: list[Somebody]) -> set[int]:
        """Labels of those to keep: whom the rule wants, but for those it changed its mind about only just now."""
        past = {each.label: self._history(labels, each) for each in crowd}
        rule = self._largest(crowd, past) if self._zone is None else self._inside(labels, crowd)
        rule |= self._pieces(crowd, past, rule)
        changed = {label for label, p in past.items() if p and (p == _KEPT) != (label in rule)}
        stay = {label for label, p in past.items() if p == _KEPT}
        if len(stay) > self._kept:  # somebody came out from behind the guest: that is no change of mind
            stay &= rule
            changed &= {label for label, p in past.items() if p == _DROPPED}
        self._doubt = self._doubt + 1 if changed else 0
        if self._doubt >= _DOUBT:
            self._doubt = 0
            return rule
        if self.rule == "largest":  # one only: a rival waits
            return stay or rule - changed
        return (rule - changed) | stay

    def _pieces(self, crowd: list[Somebody], past: dict[int, int], rule: set[int]) -> set[int]:
        """Those who are no others but parts that came off somebody wanted: a hand, or legs below the body."""
        found = set()
        for each in crowd:
            for main in crowd if past[each.label] == _KEPT and each.label not in rule else ():
                over = min(each.box.right, main.box.right) - max(each.box.left, main.box.left)
                beneath = 2 * over >= each.box.size[0]
                if main.label in rule and (beneath or each.area < _PIECE * main.area):
                    found.add(each.label)
        return found

    def _history(self, labels: Any, each: Somebody) -> int:
        """Whether most of somebody was kept or dropped a frame ago; 0: they are new."""
        if self._owner is None:
            return 0
        shares = np.bincount(self._owner[each.box.cut][labels[each.box.cut] == each.label], minlength=3)
        if shares[_KEPT] + shares[_DROPPED] < 0.2 * each.area:
            return 0
        return _KEPT if shares[_KEPT] >= shares[_DROPPED] else _DROPPED

    def _largest(self, crowd: list[Somebody], past: dict[int, int]) -> set[int]:
        if not crowd:
            return set()
        return {max(crowd, key=lambda e: e.area * (_STAYS if past[e.label] == _KEPT else 1)).label}

    def _inside(self, labels: Any, crowd: list[Somebody]) -> set[int]:
        assert self._zone is not None
        found = set()
        for each in crowd:
            mine = labels[each.box.cut] == each.label
            inside: NDArray[np.bool_] = mine & (self._zone[each.box.cut] > 0)
            foot = max(1, round(_FOOT * each.box.size[1]))
            lowest = int(np.count_nonzero(mine[-foot:])) * _HALF < int(np.count_nonzero(inside[-foot:]))
            if lowest or np.count_nonzero(inside) > _HALF * each.area:
                found.add(each.label)
        return found


def _distance(of: NDArray[np.bool_]) -> Any:
    """Distance of every cell to the nearest true one."""
    return cv2.distanceTransform((~of).view(np.uint8), cv2.DIST_L2, 3)


_NEAR = np.ones((5, 5), np.uint8)  # what is unsure belongs to whoever is so near
