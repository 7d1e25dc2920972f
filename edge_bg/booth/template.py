"""What becomes of the shots: one photo, a strip, a collage, a GIF or a boomerang, by a small file.

kind: strip              # photo, strip, gif or boomerang; a strip counts down before each shot
shots: 3                 # of a GIF or boomerang, up to 8, all at one press of the shutter
size: 1200x1800          # strip only: of the sheet, in pixels
color: "#ffffff"         # strip only: of the paper
slots:                   # strip only: left, top, width, height of each shot, in shares of the sheet
  - [0.05, 0.03, 0.9, 0.29]
  - [0.05, 0.34, 0.9, 0.29]
  - [0.05, 0.65, 0.9, 0.29]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from edge_bg.booth import encode
from edge_bg.composite.backgrounds import fit_picture
from edge_bg.config import read_yaml
from edge_bg.config.types import Bad, Color, Part, Size
from edge_bg.errors import ConfigError

Rgb = NDArray[np.uint8]
Share = Annotated[float, Field(ge=0, le=1)]

FRAME_SECONDS: Final = {"gif": 0.3, "boomerang": 0.12}
BURST_SECONDS: Final = 0.2  # between the shots of a GIF or boomerang
LONGEST_GIF: Final = 640  # pixels on the longer side


class Template(Part):
    """How shots become a photo."""

    kind: Literal["photo", "strip", "gif", "boomerang"] = "photo"
    shots: Annotated[int, Field(ge=1, le=8)] = 1
    size: Size = (1200, 1800)
    color: Color = "#ffffff"
    slots: Annotated[list[Annotated[list[Share], Field(min_length=4, max_length=4)]], Field(max_length=16)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _fits(self) -> Template:
        if self.kind == "strip" and not self.slots:
            raise Bad("is a strip without slots", "name one for each shot: [left, top, width, height] in shares")
        if self.kind in ("gif", "boomerang") and self.shots < 2:
            raise Bad(f"is a {self.kind} of one shot", "write shots: 4")
        for left, top, wide, high in self.slots:
            if wide <= 0 or high <= 0 or left + wide > 1.0001 or top + high > 1.0001:
                raise Bad(f"has a slot that sticks out: {[left, top, wide, high]}", "left + width is at most 1")
        return self

    @property
    def burst(self) -> bool:
        """True where all shots are taken at one press of the shutter."""
        return self.kind in ("gif", "boomerang")

    def files(self, shots: Sequence[Rgb], shown: Sequence[Rgb]) -> dict[str, bytes]:
        """The photo's files, of its shots at full size and, for what moves, as they were shown; RGB uint8 (H, W, 3)."""
        if self.kind == "strip":
            return {"photo.jpg": encode.jpeg(self._sheet(shots))}
        made = {"photo.jpg": encode.jpeg(shots[-1])}
        if self.burst and shown:
            small = [_small(picture) for picture in shown]
            order = [*small, *small[-2:0:-1]] if self.kind == "boomerang" else small
            made["photo.gif"] = encode.gif(order, FRAME_SECONDS[self.kind])
        return made

    def _sheet(self, shots: Sequence[Rgb]) -> Rgb:
        wide, high = self.size
        sheet = np.empty((high, wide, 3), np.uint8)
        sheet[...] = [int(self.color[i : i + 2], 16) for i in (1, 3, 5)]
        for number, (x, y, w, h) in enumerate(self.slots):
            left, top = round(x * wide), round(y * high)
            right, bottom = min(wide, round((x + w) * wide)), min(high, round((y + h) * high))
            if right > left and bottom > top:
                shot = shots[number % len(shots)]
                sheet[top:bottom, left:right] = fit_picture(shot, (right - left, bottom - top), "cover")
        return sheet


def _small(picture: Rgb) -> Rgb:
    high, wide = picture.shape[:2]
    scale = min(1.0, LONGEST_GIF / max(high, wide))
    return np.asarray(fit_picture(picture, (max(1, round(wide * scale)), max(1, round(high * scale))), "stretch"))


def read_template(path: Path) -> Template:
    """The template in a file; the plain photo where there is none. Raises ConfigError."""
    if not path.is_file():
        return Template()
    try:
        return Template.model_validate(read_yaml(path))
    except ValidationError as error:
        text = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: {text}") from None
