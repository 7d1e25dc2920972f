"""Every knob of the matte, with its default and its bounds, in one place: constructor keyword == YAML key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from edge_bg.knobs import check_bounds, knob

Edges = Literal["guided", "bilinear"]


@dataclass(frozen=True)
class MatteOptions:
    """How the mask becomes alpha. `metadata` of each field holds `low`, `high` and `help`, where they apply."""

    smoothing: float = knob(0.9, 0, 0.98, "share of the past where nothing moves and the mask is unsure; 0: off")
    certainty: float = knob(0.3, 0, 1, "how much sooner a mask that is sure of itself is taken")
    motion: float = knob(28.0, 1, 64, "luma change, in levels, that counts as motion and lets the mask through at once")
    edges: Edges = field(
        default="guided", metadata={"help": "guided: edges follow the picture; bilinear: the mask as it is"}
    )
    radius: int = knob(1, 1, 4, "reach of the edge filter, in tiles of about 1/64 of the width")
    epsilon: float = knob(3.0, 0.5, 64, "contrast, in levels, below which the edge filter only blurs")
    low: float = knob(0.15, 0, 0.49, "mask values up to here are room")
    high: float = knob(0.85, 0.51, 1, "mask values from here on are person")
    sharpness: float = knob(2.25, 0.5, 4, "gain of the alpha about one half, after the edge filter")
    specks: float = knob(0.0, 0, 0.05, "share of the frame below which a piece of mask is a speck, or a hole; 0: keep")
    play: float = knob(
        48,
        0,
        127,
        "levels, of 255, by which a soft edge may change before it moves; less where the picture does; 0: none",
    )

    booth: bool = field(
        default=False,
        metadata={"help": "for a camera that never moves: learn the empty room, and keep whatever differs from it"},
    )

    room_edges: bool | None = field(
        default=None,
        metadata={
            "help": "with booth: find edges by the learned room, pixel by pixel, which costs much; null: unless "
            "`edge-bg tune` found this board too slow for it"
        },
    )

    key: str = field(
        default="",
        metadata={"help": 'for a green or blue wall: its colour as "#rrggbb", or "auto" to find it; empty: no key'},
    )
    tolerance: float = knob(0.5, 0, 1, "how uneven the wall may be lit")

    def __post_init__(self) -> None:
        check_bounds(self, "matte")
        if self.key not in ("", "auto") and not re.fullmatch(r"#[0-9a-fA-F]{6}", self.key):
            raise ValueError(f'matte option key: {self.key!r} is neither empty, "auto" nor "#rrggbb"')
        if self.key and self.booth:
            raise ValueError("matte options key and booth: a keyed wall needs no learned room; take one of them")
        if self.edges not in ("guided", "bilinear"):
            raise ValueError(f"matte option edges: {self.edges!r} is none of guided, bilinear")
