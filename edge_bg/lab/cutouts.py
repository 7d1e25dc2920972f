"""People with a soft alpha and a colour of their own, to be put before any room: the truth is known by construction."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.assets import asset_path
from edge_bg.errors import PictureError
from edge_bg.lab.data import Item, read_bgra

Bgr = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Cutout:
    """One person, cropped to the outline.

    bgra: uint8 (h, w, 4), colour *not* multiplied by alpha; in the soft band it is the person's own colour.
    head: x, y, radius of the head in pixels; hands: x, y of the left and the right hand (or what hangs there).
    standing: True for a whole body with feet, False for a bust that the frame must cut off below.
    """

    name: str
    bgra: NDArray[np.uint8]
    head: tuple[float, float, float]
    hands: tuple[tuple[float, float], tuple[float, float]]
    standing: bool

    @property
    def height(self) -> int:
        """Height of the person in pixels of the cut-out."""
        return int(self.bgra.shape[0])


def _average(values: NDArray[np.float32], weight: Plane, size: int) -> NDArray[np.float32]:
    """Mean of `values` (h, w, 3) over a box of `size`, weighted by `weight` (h, w)."""
    total = cv2.blur(weight, (size, size))
    return np.asarray(
        cv2.blur(values * weight[..., None], (size, size)) / np.maximum(total, 1e-4)[..., None], np.float32
    )


def refine(bgr: Bgr, mask: NDArray[np.uint8], band: int = 4) -> tuple[NDArray[np.uint8], Bgr]:
    """A hand-drawn mask becomes (alpha uint8 (h, w), foreground BGR uint8 (h, w, 3)).

    Within `band` pixels of the outline alpha is how far a pixel's colour lies on the way from the room's colour to the
    person's, both taken from the sure pixels around it; where the two are alike the drawn line, softened, decides. The
    foreground is estimated there as in blur-fusion (Forte 2021), so that no old background comes along.
    """
    picture = bgr.astype(np.float32)
    hard = (mask >= 128).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    inside, outside = cv2.erode(hard, disc), 1 - cv2.dilate(hard, disc)
    near = 8 * band + 1
    person = _average(picture, inside.astype(np.float32), near)
    room = _average(picture, outside.astype(np.float32), near)
    way = person - room
    length = (way**2).sum(axis=2)
    projected = np.clip(((picture - room) * way).sum(axis=2) / np.maximum(length, 1.0), 0, 1)
    # The line as drawn tends to lie outside: half a pixel in, then soft over about two.
    drawn = np.clip(cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 1.2) * 1.25 - 0.2, 0, 1)
    trust = length / (length + 40.0**2)
    alpha = trust * projected * np.clip(3 * drawn, 0, 1) + (1 - trust) * drawn
    alpha = 0.5 * alpha + 0.5 * drawn
    alpha = np.where(inside > 0, 1.0, np.where(outside > 0, 0.0, cv2.GaussianBlur(alpha, (0, 0), 0.6)))
    alpha = np.clip((alpha - 0.04) / 0.92, 0, 1).astype(np.float32)
    soft = alpha[..., None]
    own = person + (picture - soft * person - (1 - soft) * room) * soft
    foreground = np.where(soft >= 1, picture, own)
    return np.rint(alpha * 255).astype(np.uint8), np.clip(np.rint(foreground), 0, 255).astype(np.uint8)


def _anchors(alpha: NDArray[np.uint8]) -> tuple[tuple[float, float, float], tuple[tuple[float, float], ...]]:
    """Where a whole body has its head and its hands, from the outline alone."""
    h, w = alpha.shape
    solid = alpha >= 128
    crown = solid[: max(1, int(0.1 * h))]
    x = float(np.nonzero(crown)[1].mean()) if crown.any() else w / 2
    head = (x, 0.07 * h, 0.06 * h)
    row = solid[int(0.44 * h) : max(int(0.5 * h), int(0.44 * h) + 1)].any(axis=0)
    columns = np.flatnonzero(row)
    left, right = (float(columns[0]), float(columns[-1])) if columns.size else (0.3 * w, 0.7 * w)
    return head, ((left, 0.47 * h), (right, 0.47 * h))


def from_photo(item: Item) -> Cutout:
    """The person of one labelled photograph; raises `PictureError`."""
    alpha, colour = refine(*item.read())
    ys, xs = np.nonzero(alpha)
    if ys.size == 0:
        raise PictureError(f"{item.mask}: nobody is marked in it")
    crop = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    alpha, colour = alpha[crop], colour[crop]
    head, hands = _anchors(alpha)
    return Cutout(item.name, np.dstack((colour, alpha)), head, (hands[0], hands[1]), standing=True)


def portrait() -> Cutout:
    """The portrait that ships with the package (NASA, public domain): a bust."""
    bgra = read_bgra(asset_path("portrait.png"))
    h, w = bgra.shape[:2]
    head = (0.43 * w, 0.2 * h, 0.19 * h)
    return Cutout("portrait", bgra, head, ((0.06 * w, 0.55 * h), (0.68 * w, 0.55 * h)), False)
