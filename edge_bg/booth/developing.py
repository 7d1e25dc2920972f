"""From a shot to a photo: first as it was seen, then with the care that a photograph deserves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.booth import encode
from edge_bg.booth.library import Item
from edge_bg.booth.photo import CUTOUTS, Photo
from edge_bg.booth.printing import Look, backdrop, compose, moment
from edge_bg.booth.recent import Shot
from edge_bg.booth.template import Template
from edge_bg.composite.light import Light
from edge_bg.errors import NotNow
from edge_bg.frame import Frame
from edge_bg.still import Cutout, Cutter

Rgb = NDArray[np.uint8]

SMALL: Final = 1024  # pixels of the longer side of what is kept of a blurred room: it has no detail to lose
NEAR: Final = 0.03  # share of the width round the live cut-out beyond which nothing of a photo of that moment is kept
MOVED: Final = 12.0  # mean levels by which a still may differ where somebody was, for that to be where they are
SURE: Final = 200  # live alpha from which something is kept that the network does not see: what a guest holds


class Setting(Protocol):
    """What the darkroom asks of the booth."""

    def look(self, background: str, foreground: str | None) -> Look:
        """How photos on `background` are put together now. Raises NotThere."""

    def blurred(self) -> list[Item]:
        """The backgrounds that show the room itself, blurred: a guest may pick them after the shot."""

    def holds(self) -> bool:
        """Whether the live cut-out knows more than a network does: the empty room, or a keyed wall."""


class Darkroom:
    """Makes a photo's files. `live` and `develop` run on the photos' threads; the model is loaded for the first one."""

    def __init__(self, booth: Setting, template: Template) -> None:
        self._booth = booth
        self.template = template
        self._cutter: Cutter | None = None
        self._lock = threading.Lock()

    def live(self, photo: Photo) -> dict[str, bytes]:
        """What was on the screen, as JPEG: at once."""
        shown = photo.shots[-1].shown
        return {"photo.jpg": encode.jpeg(shown.rgb(), 90)}

    def develop(self, photo: Photo) -> dict[str, bytes]:
        """The photo at full quality, and the person alone; for a template of several shots, all of them."""
        look = self._booth.look(photo.background, photo.foreground)
        shots = photo.shots[-1:] if self.template.burst else photo.shots
        cuts = [self._cut(shot) for shot in shots]
        photo.lights = [Light.of(shot.room.data) for shot in shots]
        made = [self._print(*each, look) for each in zip(cuts, shots, photo.lights, strict=True)]
        shown = [shot.shown.rgb() for shot in photo.shots] if self.template.burst else []
        photo.then = self._moments(look.item, cuts[-1], shots[-1])
        photo.cuts = cuts
        alone = {name: encode.png(cut.rgba()) for name, cut in zip(CUTOUTS, reversed(cuts), strict=False)}
        return {**self.template.files(made, shown), **alone}

    def again(self, photo: Photo, cutouts: Callable[[], Sequence[bytes]]) -> dict[str, bytes]:
        """The photo on another background, from the people alone: without the network.

        Raises:
            NotNow: It is a moving picture, or the background is of the moment of the shot and was not kept.
        """
        if self.template.burst:
            raise NotNow("a moving picture keeps its background")
        look = self._booth.look(photo.background, photo.foreground)
        cuts = photo.cuts or [_read(png) for png in reversed(cutouts())]
        made = []
        for at, cut in enumerate(cuts):
            light = photo.lights[at] if at < len(photo.lights) else None
            behind = backdrop(look.item, cut.alpha.shape[::-1], cut, None, photo.then.get(look.item.id))
            made.append(compose(cut, look, behind, light))
        return self.template.files(made, [])

    @staticmethod
    def _print(cut: Cutout, shot: Shot, light: Light, look: Look) -> Rgb:
        return compose(cut, look, backdrop(look.item, cut.alpha.shape[::-1], cut, shot), light)

    def _moments(self, shown: Item, cut: Cutout, shot: Shot) -> dict[str, Rgb]:
        """What backgrounds that are of the moment showed then: the one that was behind, and the blurred rooms."""
        found = {}
        for item in [shown, *self._booth.blurred()]:
            then = moment(item, cut, shot)
            if then is not None:
                scale = min(1.0, SMALL / max(then.shape)) if item.kind == "blur" else 1.0
                size = (round(then.shape[1] * scale), round(then.shape[0] * scale))
                found[item.id] = np.asarray(cv2.resize(then, size, interpolation=cv2.INTER_AREA), np.uint8)
        return found

    def close(self) -> None:
        """Let go of the model; idempotent."""
        with self._lock:
            if self._cutter is not None:
                self._cutter.close()
            self._cutter = None

    def _cut(self, shot: Shot) -> Cutout:
        full = shot.full
        rgb = shot.room.rgb() if full is None else full
        alpha = shot.room.alpha
        also = within = None
        if alpha is not None:
            # A still of the camera's own comes a moment later: people have moved, so there is more leeway.
            reach = 2 * round((NEAR if full is None else 4 * NEAR) * alpha.shape[1]) + 1
            small = cv2.resize(alpha, (alpha.shape[1] // 4, alpha.shape[0] // 4), interpolation=cv2.INTER_AREA)
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach // 4 | 1, reach // 4 | 1))
            within = np.asarray(cv2.dilate(small, kernel), np.uint8)
            within[within > 8] = 255
            if self._booth.holds() and (full is None or _alike(shot.room, full)):
                also = np.where(alpha >= SURE, alpha, 0).astype(np.uint8)
        with self._lock:
            if self._cutter is None:
                self._cutter = Cutter()
            return self._cutter(rgb, also=also, within=within)


def _read(png: bytes) -> Cutout:
    rgba = encode.rgba_of(png)
    return Cutout(np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]))


def _alike(frame: Frame, full: Rgb) -> bool:
    """Whether whoever is in the frame is still in the same place in the camera's own still, a moment later."""
    size = (frame.width // 4, frame.height // 4)
    planes = frame.y, np.asarray(frame.alpha)
    before, share = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes)
    after = cv2.cvtColor(cv2.resize(full, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    there = np.asarray(share) >= SURE
    return bool(there.any() and cv2.absdiff(before, after)[there].mean() < MOVED)
