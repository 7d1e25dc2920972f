"""Every knob of the framing, with its default and its bounds: constructor keyword == YAML key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge_bg.knobs import check_bounds, knob

Keep = Literal["everyone", "largest", "zone"]
Zone = Sequence[float] | Sequence[Sequence[float]]


@dataclass(frozen=True)
class FramingOptions:
    """Where the network looks, whom it keeps, and when it need not look. Bounds are in the fields' `metadata`."""

    crop: bool = field(
        default=True,
        metadata={"help": "look at the people only, once they are found: small ones are seen, edges get finer"},
    )
    margin: float = knob(0.25, 0.05, 1, "room left around people in a closer look, in parts of their height")
    max_zoom: float = knob(8.0, 1, 32, "a closer look is never smaller than the frame's shorter side through this")
    every: int = knob(15, 1, 1000, "frames at most between looks at what moves in the rest of the picture")
    looks: int = knob(4, 1, 4, "closer looks, taken in turn, where people are far apart; each costs the network a run")
    keep: Keep = field(
        default="everyone",
        metadata={"help": "everyone; largest: one person only; zone: whose feet, or half of whom, are in the zone"},
    )
    zone: Zone | None = field(
        default=None,
        metadata={"help": "[left, top, right, bottom] or corners [[x, y], ...], in parts of the frame from 0 to 1"},
    )
    motion_gate: bool = field(
        default=True,
        metadata={"help": "where nothing moves, take the last mask again, within privacy.max_mask_age"},
    )
    motion: float = knob(3.0, 0.5, 64, "luma change, in levels over a 64th of the width, that counts as motion")

    def __post_init__(self) -> None:
        check_bounds(self, "framing")
        if self.keep not in ("everyone", "largest", "zone"):
            raise ValueError(f"framing option keep: {self.keep!r} is none of everyone, largest, zone")
        if self.keep == "zone" and self.zone is None:
            raise ValueError("framing option keep: zone needs a zone, e.g. zone: [0, 0.9, 1, 1]")
        if self.zone is not None:
            corners(self.zone)


def corners(zone: Zone) -> list[tuple[float, float]]:
    """The corners (x, y) of a zone, in parts of the frame: of a box [left, top, right, bottom], or as they are.

    Raises ValueError for what is neither a box nor three corners or more, or lies outside 0..1.
    """
    flat = [n for n in zone if isinstance(n, (int, float))]
    pairs = [(float(p[0]), float(p[1])) for p in zone if not isinstance(p, (int, float)) and len(p) == 2]
    if len(flat) == len(zone) == 4:
        left, top, right, bottom = (float(n) for n in flat)
        if left >= right or top >= bottom:
            raise ValueError(f"zone {list(zone)}: left has to be less than right, top less than bottom")
        pairs = [(left, top), (right, top), (right, bottom), (left, bottom)]
    elif len(pairs) != len(zone) or len(pairs) < 3:
        raise ValueError(f"zone {list(zone)}: neither [left, top, right, bottom] nor three corners [x, y] or more")
    if not all(0 <= n <= 1 for point in pairs for n in point):
        raise ValueError(f"zone {list(zone)}: corners are parts of the frame, from 0 to 1")
    return pairs
