"""From a shot to a photo: first as it was seen, then with the care that a photograph deserves."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.booth import encode
from edge_bg.booth.library import Item
from edge_bg.booth.photo import CUTOUTS, Photo
from edge_bg.booth.recent import Shot
from edge_bg.booth.template import Template
from edge_bg.composite import Place
from edge_bg.composite.backgrounds import fit_picture, read_picture
from edge_bg.composite.layer import stretched
from edge_bg.errors import NotNow
from edge_bg.frame import to_rgb
from edge_bg.still import Cutout, Cutter, blurred_room

Rgb = NDArray[np.uint8]

STRIP: Final = 256  # rows at a time
NEAR: Final = 0.03  # share of the width round the live cut-out beyond which nothing of a photo of that moment is kept
SURE: Final = 200  # live alpha from which something is kept that the network does not see: what a guest holds


@dataclass(frozen=True)
class Look:
    """How a photo is put together: what is behind and before the person, and where the person stands."""

    item: Item
    front: NDArray[np.uint8] | None
    place: Place


class Setting(Protocol):
    """What the darkroom asks of the booth."""

    def look(self, background: str, foreground: str | None) -> Look:
        """How photos on `background` are put together now. Raises NotThere."""

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
        made = [compose(cut, look, shot) for cut, shot in zip(cuts, shots, strict=True)]
        shown = [shot.shown.rgb() for shot in photo.shots] if self.template.burst else []
        alone = {name: encode.png(cut.rgba()) for name, cut in zip(CUTOUTS, reversed(cuts), strict=False)}
        return {**self.template.files(made, shown), **alone}

    def again(self, photo: Photo, cutouts: Sequence[bytes]) -> dict[str, bytes]:
        """The photo on another background, from the people alone, the last shot first: without the network."""
        if self.template.burst:
            raise NotNow("a moving picture keeps its background")
        look, made = self._booth.look(photo.background, photo.foreground), []
        for rgba in map(encode.rgba_of, reversed(cutouts)):
            cut = Cutout(np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]))
            made.append(compose(cut, look, None))
        return self.template.files(made, [])

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
            if full is None and self._booth.holds():
                also = np.where(alpha >= SURE, alpha, 0).astype(np.uint8)
        with self._lock:
            if self._cutter is None:
                self._cutter = Cutter()
            return self._cutter(rgb, also=also, within=within)


def compose(cut: Cutout, look: Look, shot: Shot | None) -> Rgb:
    """RGB uint8 (H, W, 3): the person on the background, where the person stands, behind what lies in front.

    shot: the moment it was taken, for backgrounds that are of that moment (a video, the room itself); None: another.
    """
    high, wide = cut.alpha.shape
    behind = _behind(look.item, (wide, high), cut, shot)
    colours, alpha = cut.rgb, cut.alpha
    if not look.place.as_seen:
        # Moved with the alpha multiplied in, so that no black bleeds in from where there is nobody.
        share = alpha[..., None].astype(np.uint16)
        colours = look.place.move(((colours * share + 127) // 255).astype(np.uint8))
        alpha = look.place.move(alpha)
    front = None if look.front is None else stretched(look.front, (wide, high))
    out = np.empty((high, wide, 3), np.uint8)
    for top in range(0, high, STRIP):
        rows = slice(top, top + STRIP)
        share = alpha[rows, :, None].astype(np.uint16)
        person = colours[rows].astype(np.uint16)
        mixed = behind[rows] * (255 - share) + (person * share if look.place.as_seen else person * 255)
        made = ((mixed + 127) // 255).astype(np.uint8)
        if front is not None:
            clear = 255 - front[rows, :, 3:].astype(np.uint16)
            made = (front[rows, :, :3] + (made * clear + 127) // 255).clip(0, 255).astype(np.uint8)
        out[rows] = made
    return out


def _behind(item: Item, size: tuple[int, int], cut: Cutout, shot: Shot | None) -> Rgb:
    wide, high = size
    part = item.part
    if item.kind == "image":
        picture: Any = fit_picture(read_picture(part.path), size, part.fit)
        return np.ascontiguousarray(picture[..., ::-1])
    if item.kind == "color":
        colour = [int(part.color[i : i + 2], 16) for i in (1, 3, 5)]
        return np.broadcast_to(np.array(colour, np.uint8), (high, wide, 3))
    if item.kind == "blur" and shot is not None:
        room = shot.room.rgb() if shot.full is None else shot.full
        return blurred_room(room, cut.alpha, part.strength)
    if item.kind in ("video", "none") and shot is not None:
        taken = to_rgb(shot.behind if item.kind == "video" else shot.room.data)
        return np.asarray(cv2.resize(taken, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.zeros((high, wide, 3), np.uint8)  # nothing, or of a moment that is over
