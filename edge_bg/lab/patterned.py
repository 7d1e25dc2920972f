"""Guests in black, white, stripes and the wall's colour, hair standing off, before lattice, tiles, brick and the like.

One clip for each room and clothes, named such as "lattice/black": an empty room, a guest comes in, stands, sways; the
figures are taken once they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from edge_bg.lab import patterns
from edge_bg.lab.clips import MARGIN, Camera, Clip
from edge_bg.lab.clothes import CLOTHES, dressed, strands
from edge_bg.lab.kit import Kit, enter, sway
from edge_bg.lab.stage import Actor

EMPTY, STANDS, END = 30, 60, 102  # frames: somebody comes, stands there, the clip is over
WAYS = ("raw", "all", "all + booth")  # those that are compared unless others are asked for
FIGURES = {"iou": "IoU", "boundary_f": "bound. F", "false": "false", "flicker": "flicker"}


def _scene(room: str, clothes: str, kit: Kit) -> Clip:
    picture, wall = patterns.draw(room, (kit.size[0] + 2 * MARGIN, kit.size[1] + 2 * MARGIN), kit.rng)
    who = strands(dressed(kit.person(), clothes, wall), kit.rng)
    y, height = kit.framed(who, 1.5)
    actor = Actor(who, enter(sway(0.5, y + 0.04, height), EMPTY, STANDS - EMPTY - 2))
    return kit.clip(f"{room}: a guest in clothes: {clothes}", END, picture, [actor], empty=EMPTY, lead=STANDS,
                    camera=Camera(read_noise=1.5))  # fmt: skip


PATTERNED: dict[str, Callable[[Kit], Clip]] = {
    f"{room}/{clothes}": partial(_scene, room, clothes) for room in patterns.PATTERNS for clothes in CLOTHES
}


def split(figures: dict[str, dict[str, float | None]]) -> dict[str, Any]:
    """Figures by clip of one way, as `stages.measure` gives them, brought together.

    `{"rooms": {room: figures}, "clothes": {clothes: figures}, "mean": figures, "worst": room, "below": points}`, with
    figures as in `FIGURES`; worst is the room of the lowest boundary F, which lies so many points below the mean.
    """
    parts: dict[str, dict[str, list[dict[str, float | None]]]] = {"rooms": {}, "clothes": {}}
    for name, row in figures.items():
        room, clothes = name.split("/")
        parts["rooms"].setdefault(room, []).append(row)
        parts["clothes"].setdefault(clothes, []).append(row)
    made: dict[str, Any] = {kind: {n: _mean(rows) for n, rows in some.items()} for kind, some in parts.items()}
    made["mean"] = _mean(list(made["rooms"].values()))
    made["worst"] = min(made["rooms"], key=lambda room: made["rooms"][room]["boundary_f"] or 0.0)
    lowest = made["rooms"][made["worst"]]["boundary_f"] or 0.0
    made["below"] = round(100 * ((made["mean"]["boundary_f"] or 0.0) - lowest), 2)
    return made


def _mean(rows: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    found = {k: [v for row in rows if (v := row[k]) is not None] for k in FIGURES}
    return {k: round(float(np.mean(v)), 5) if v else None for k, v in found.items()}


def chosen(names: Sequence[str] | None) -> list[str]:
    """The clips of these names, all of them for None; ValueError for one that is not of these."""
    strange = [n for n in names or () if n not in PATTERNED]
    if strange:
        raise ValueError(f"not before a patterned room: {', '.join(strange)}; there are: {', '.join(PATTERNED)}")
    return list(names or PATTERNED)


def text(table: dict[str, Any]) -> str:
    """A table of `stages.measure` for a terminal, with what `split` made of each way under "patterns"."""
    width, height = table["size"]
    lines = [f"{table['model']}, {width}x{height}, seed {table['seed']}; false in percent, flicker x1000"]
    for name, parts in table["patterns"].items():
        lines += ["", f"{name + ': ' + table['ways'][name]['about']}"]
        lines += [f"  {'':<10}" + "".join(f"{title:>10}" for title in FIGURES.values())]
        for kind in ("rooms", "clothes"):
            lines += [f"  {room:<10}" + _cells(row) for room, row in parts[kind].items()] + [""]
        lines[-1] = f"  {'mean':<10}" + _cells(parts["mean"])
        lines += [f"  worst room: {parts['worst']}, its boundary F {parts['below']:.1f} points below the mean of all"]
    return "\n".join(lines)


def _cells(row: dict[str, float | None]) -> str:
    digits = {"iou": 3, "boundary_f": 3, "false": 2, "flicker": 2}
    return "".join(f"{'-':>10}" if (v := row[k]) is None else f"{v:>10.{digits[k]}f}" for k in FIGURES)
