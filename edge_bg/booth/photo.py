"""One photo, and what makes its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_bg.booth.recent import Shot
from edge_bg.composite.light import Light
from edge_bg.still import Cutout

CUTOUTS: Final = ("cutout.png", *(f"cutout{letter}.png" for letter in "bcdefgh"))  # of the shots, the last first


@dataclass
class Photo:
    """A photo. `files` are its files by name, in memory; a kept photo has them in the store as well."""

    id: str
    time: float  # seconds since the epoch
    state: str = "live"  # live: what was seen; ready: at full quality; failed
    background: str = ""
    foreground: str | None = None
    kept: bool = False
    expires: float | None = None
    error: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    shots: list[Shot] = field(default_factory=list)
    cuts: list[Cutout] = field(default_factory=list)  # of the newest photo, so that it need not be read again
    lights: list[Light] = field(default_factory=list)  # of what the camera saw, for each shot
    then: dict[str, NDArray[np.uint8]] = field(default_factory=dict)  # what backgrounds of that moment showed, by id

    def told(self, moves: bool) -> dict[str, Any]:
        """As the API has it; `moves`: it has a GIF."""
        base = f"/api/v1/photos/{self.id}"
        urls = {"jpeg": f"{base}.jpg", "png": f"{base}.png", "cutout": f"{base}.png", "qr": f"{base}/qr.svg"}
        return {
            "id": self.id,
            "time": self.time,
            "state": self.state,
            "background": self.background,
            "kept": self.kept,
            "expires": self.expires,
            "error": self.error,
            "urls": {**urls, **({"gif": f"{base}.gif"} if moves else {})},
        }


class Makes(Protocol):
    """What makes a photo's files: `{name: bytes}`."""

    def live(self, photo: Photo) -> dict[str, bytes]:
        """What was on the screen, at once."""

    def develop(self, photo: Photo) -> dict[str, bytes]:
        """At full quality; may take seconds."""

    def again(self, photo: Photo, cutouts: Callable[[], Sequence[bytes]]) -> dict[str, bytes]:
        """From the cut-outs, the last shot's first."""
