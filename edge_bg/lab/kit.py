"""What scenes are made of: people and rooms by chance, and ways to stand and to come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_bg.errors import PictureError
from edge_bg.frame import Size
from edge_bg.lab import cutouts, rooms
from edge_bg.lab.clips import MARGIN, Bgr, Clip
from edge_bg.lab.cutouts import Cutout
from edge_bg.lab.data import labelled
from edge_bg.lab.stage import Actor, Pose

Path_ = Callable[[float], Pose | None]


@dataclass
class Kit:
    """What a scene is made of. `rng` is the scene's own."""

    name: str
    seed: int
    size: Size
    data: Path | None
    rng: np.random.Generator

    def person(self) -> Cutout:
        """Somebody from the photographs by chance, else the built-in portrait."""
        if self.data is None or not (self.data / "people" / "images").is_dir():
            return cutouts.portrait()
        photos = labelled(self.data / "people")
        while True:  # a label that marks nobody is passed over
            item = photos.pop(int(self.rng.integers(len(photos))))
            try:
                return cutouts.from_photo(item)
            except PictureError:
                if not photos:
                    raise

    def room(self, kind: str, clutter: float = 1.0, figures: int = 0) -> Bgr:
        """A room with a margin: "painted", "office" (webcam clips) or "street" (beside somebody in a photograph);
        painted where the pictures are not there."""
        size = (self.size[0] + 2 * MARGIN, self.size[1] + 2 * MARGIN)
        found: Bgr | None = None
        if self.data is not None and kind == "office":
            found = rooms.office(size, self.data / "webcam")
        if self.data is not None and kind == "street" and (self.data / "people" / "images").is_dir():
            photos = labelled(self.data / "people")
            for number in self.rng.permutation(len(photos)):
                found = rooms.from_photo(size, *photos[int(number)].read())
                if found is not None:
                    break
        return rooms.painted(size, self.rng, clutter=clutter, figures=figures) if found is None else found

    def clip(self, about: str, frames: int, room: Bgr, actors: Sequence[Actor], **more: object) -> Clip:
        """A clip of this scene."""
        return Clip(self.name, about, self.size, frames, room, actors, self.seed, **more)  # type: ignore[arg-type]

    def framed(self, cutout: Cutout, height: float = 1.35) -> tuple[float, float]:
        """(y, height) of a pose in which the frame cuts the person below, as a booth does."""
        return (0.06 + height, height) if cutout.standing else (1.04, 0.86)


def sway(x: float, y: float, height: float, *, by: float = 0.012, period: float = 70, lean: float = 1.5) -> Path_:
    """Somebody who stands there and shifts from foot to foot."""

    def path(frame: float) -> Pose:
        phase = 2 * math.pi * frame / period
        return Pose(x + by * math.sin(phase), y, height, lean * math.sin(phase + 0.6))

    return path


def enter(inner: Path_, start: float, frames: float = 35, side: float = -0.3) -> Path_:
    """`inner`, but walking in from outside at frame `start`: nobody before, in place `frames` later."""

    def path(frame: float) -> Pose | None:
        if frame < start:
            return None
        pose = inner(frame)
        if pose is None or frame >= start + frames:
            return pose
        t = (frame - start) / frames
        ease = t * (2 - t)
        x = side if side < 0 else 1 + side
        return Pose(x + (pose.x - x) * ease, pose.y - 0.01 * abs(math.sin(frame * 0.35)), pose.height, pose.lean)

    return path
