"""How a cut-out is laid out, and what shops ask for: the table of presets, each value with its source."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import ConfigError

FORMATS = {"png": ".png", "jpg": ".jpg", "webp": ".webp", "tif": ".tif"}
MOST_MARGIN = 0.45  # of the side: more would leave no picture


@dataclass(frozen=True)
class Behind:
    """What lies behind: `transparent`, `color` (rgb), `image` (its path or RGB uint8 (H, W, 3), and fit), or `blur`
    (strength, 0 to 1)."""

    kind: Literal["transparent", "color", "image", "blur"] = "transparent"
    rgb: tuple[int, int, int] = (255, 255, 255)
    path: str = ""
    fit: Literal["cover", "contain", "stretch"] = "cover"
    strength: float = 0.5
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Look:
    """How a cut-out is laid out and written.

    crop: cut to the subject; margin: share of the canvas's longer side left free around it, 0 to 0.45, None for none.
    aspect: width to height of the canvas; size: (width, height) in pixels, a 0 leaves that side to the other.
    shadow: none, drop (a soft one is drawn), keep (the one in the photograph, on a plain ground).
    mask_only: alpha alone, as a grey picture.  quality: 1 to 100, for JPEG and WebP.  max_bytes: of the file.
    metadata: drop, or keep EXIF (camera, time, and where it was taken).  profile: srgb, or keep the picture's colours.
    """

    behind: Behind = Behind()
    crop: bool = False
    margin: float | None = None
    aspect: float | None = None
    size: tuple[int, int] | None = None
    shadow: Literal["none", "drop", "keep"] = "none"
    mask_only: bool = False
    format: str = "png"
    quality: int = 92
    max_bytes: int | None = None
    metadata: Literal["drop", "keep"] = "drop"
    profile: Literal["srgb", "keep"] = "srgb"

    @property
    def opaque(self) -> bool:
        """Will the picture have no alpha?"""
        return self.mask_only or self.behind.kind != "transparent"


@dataclass(frozen=True)
class Preset:
    """What a shop asks for. Sides in pixels; `least` and `best` are of the longer side; shares 0 to 1."""

    name: str
    title: str
    background: str = "transparent"
    fill: float = 0.9
    least_fill: float | None = None
    most_fill: float | None = None
    least: int | None = None
    best: int | None = None
    most: int | None = None
    most_megapixels: float | None = None
    aspect: str | None = None
    formats: tuple[str, ...] = ("png",)
    max_bytes: int | None = None
    srgb: bool = True
    sources: tuple[tuple[str, str, str], ...] = ()
    """(value's name, where it was read, official, quoted, advised or ours)."""

    def advice(self, value: str) -> Literal["", "ours", "advised"]:
        """Whether a value is no rule of the shop, but our advice or its own.

        `plain` is no shop: what it asks for is what was wished.
        """
        kinds = {name: how for name, _, how in self.sources}
        if set(kinds.values()) == {"ours"}:
            return ""
        found = kinds.get(value)
        return "ours" if found == "ours" else "advised" if found == "advised" else ""

    def look(self) -> Look:
        """The look that meets it."""
        behind = Behind()
        if self.background != "transparent":
            behind = Behind("color", tuple(int(self.background[at : at + 2], 16) for at in (1, 3, 5)))  # type: ignore[arg-type]
        aspect = None if self.aspect is None else parse_aspect(self.aspect)
        size = None
        if self.best is not None and aspect is not None:
            size = (self.best, round(self.best / aspect)) if aspect >= 1 else (round(self.best * aspect), self.best)
        return Look(
            behind, crop=True, margin=round((1 - self.fill) / 2, 4), aspect=aspect, size=size,
            format=self.formats[0], max_bytes=self.max_bytes,
        )  # fmt: skip


@cache
def presets() -> dict[str, Preset]:
    """The table of presets, by name."""
    from edge_bg.config import read_yaml  # a worker, which is told its look, does without pydantic's start

    table: Any = read_yaml(Path(__file__).with_name("presets.yaml"))
    out = {}
    for name, entry in table["presets"].items():
        values = {key: each[0] for key, each in entry["values"].items()}
        sources = tuple((key, each[1], each[2] if len(each) > 2 else "ours") for key, each in entry["values"].items())
        unknown = set(values) - {each.name for each in fields(Preset)}
        assert not unknown, f"presets.yaml: {name}: {unknown}"
        values["formats"] = tuple(values["formats"])
        out[name] = Preset(name, entry["title"], **values, sources=sources)
    return out


def preset(name: str) -> Preset:
    """The preset of that name; ConfigError lists those there are."""
    found = presets().get(name)
    if found is None:
        raise ConfigError(f"there is no preset {name!r}", hint=f"one of {', '.join(presets())}")
    return found


def parse_margin(text: str) -> float:
    """`5%`, `0.05` or `30` (percent, as remove.bg has it) -> a share, 0 to 0.45. ConfigError otherwise."""
    found = re.fullmatch(r"(\d{1,2}(?:\.\d+)?|\.\d+)\s*(%?)", text.strip())
    value = -1.0 if found is None else float(found[1])
    if found is not None and (found[2] or value >= 1):
        value /= 100
    if not 0 <= value <= MOST_MARGIN:
        raise ConfigError(f"--margin {text}: is not a margin", hint="write 5% (0 to 45%)")
    return value


def parse_aspect(text: str) -> float:
    """`1:1`, `4:5` or `1.5` -> width to height. ConfigError otherwise."""
    found = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)(?:[:/x](\d{1,4}(?:\.\d+)?))?", text.strip())
    try:
        ratio = 0.0 if found is None else float(found[1]) / float(found[2] or 1)
    except ZeroDivisionError:
        ratio = 0.0
    if not 0.05 <= ratio <= 20:
        raise ConfigError(f"--aspect {text}: is not a shape", hint="write 1:1, 4:5 or 3:2")
    return ratio


def parse_size(text: str) -> tuple[int, int]:
    """`1600x1200`, `1600x`, `x1200`, or `1600` for a square. ConfigError otherwise."""
    found = re.fullmatch(r"(\d{0,5})x(\d{0,5})|(\d{2,5})", text.strip().lower())
    size = (0, 0)
    if found is not None:
        size = (int(found[3]), int(found[3])) if found[3] else (int(found[1] or 0), int(found[2] or 0))
    if not any(size) or max(size) > 20000 or any(0 < side < 8 for side in size):
        raise ConfigError(f"--size {text}: is not a size", hint="write 1600x1600, 1600x (as high as it comes) or 1600")
    return size


def changed(look: Look, **options: Any) -> Look:
    """`look` with those options that are given (not None)."""
    return replace(look, **{key: value for key, value in options.items() if value is not None})
