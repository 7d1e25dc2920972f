"""A cut-out becomes the picture that is wanted: cropped, with a margin, at a size, on a background, with its shadow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.composite.backgrounds import fit_picture
from edge_bg.errors import NothingFound, PictureError
from edge_bg.listing.options import Behind, Look
from edge_bg.pictures import Photo, read_photo
from edge_bg.still import Cutout, blurred_room

Picture = NDArray[np.uint8]

SEEN = 26  # alpha from which a pixel counts for the subject's box
SPECK = 0.002  # of the largest piece: smaller ones are no part of the subject
STRIP = 256  # rows at a time
DROP = (0.025, 0.02, 0.35)  # of the canvas's longer side: how far down, how soft; how dark, 0 to 1
SHADE = (0.05, 0.75)  # darkening that is taken for a shadow: less is noise, more is a thing
PLAIN = 0.08  # how far the brightness of a plain ground strays from its mean some way off, as a share of it
NEAR = 0.2  # how far from the subject a shadow is looked for, as a share of its longer side
LARGEST = 120_000_000  # pixels of a canvas


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; it may stick out of its picture."""

    left: int
    top: int
    wide: int
    high: int


@dataclass
class Arranged:
    """pixels: uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.  notes: what a person should know.

    canvas: what of the photograph they show, in its pixels.  box: around the subject, likewise.
    """

    pixels: Picture
    notes: list[str]
    canvas: Box
    box: Box


def arrange(photo: Photo, cutout: Cutout, look: Look) -> Arranged:
    """Lay out a cut-out of `photo`.

    Raises NothingFound where there is none, PictureError: too large a canvas, a background that cannot be read.
    """
    notes: list[str] = []
    high, wide = cutout.alpha.shape
    box = subject_box(cutout.alpha)
    if box is None:  # a blank picture would be taken for a product's
        people = cutout.subject == "people"
        hint = "people were looked for; --subject anything looks for things" if people else ""
        raise NothingFound(f"{'nobody' if people else 'nothing'} found to cut out", hint=hint)
    canvas = Box(0, 0, wide, high)
    wanted = look.aspect
    if wanted is None and look.size is not None and all(look.size):
        wanted = look.size[0] / look.size[1]
    if look.crop or look.margin is not None:
        canvas = _around(box, look.margin or 0.0, wanted, high)
    canvas = _shaped(canvas, wanted, box, high)
    size = _size(canvas, look)
    if size[0] * size[1] > LARGEST:
        raise PictureError(f"a canvas of {size[0]}x{size[1]} is too large", hint="give a smaller --size or --margin")
    enlarged = size[0] / canvas.wide
    if enlarged > 1.3:
        notes.append(f"enlarged {enlarged:.1f} times: the photograph is small for {size[0]}x{size[1]}")
    alpha = _placed(cutout.alpha, canvas, size)
    if look.mask_only:
        return Arranged(alpha, notes, canvas, box)
    shadow = _shadow(photo, cutout.alpha, canvas, size, alpha, look, notes)
    rgb = _placed(cutout.rgb, canvas, size)
    if look.behind.kind == "transparent":
        return Arranged(_over_nothing(rgb, alpha, shadow), notes, canvas, box)
    behind = _background(photo, cutout, canvas, size, look.behind)
    return Arranged(_over(rgb, alpha, shadow, behind), notes, canvas, box)


def subject_box(alpha: Picture) -> Box | None:
    """The box around all that is seen, without specks; None where there is nothing."""
    scale = min(1.0, 512 / max(alpha.shape))
    size = (max(1, round(alpha.shape[1] * scale)), max(1, round(alpha.shape[0] * scale)))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((small >= SEEN).astype(np.uint8))
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = np.isin(labels, 1 + np.flatnonzero(areas >= max(2 if scale < 1 else 1, SPECK * areas.max())))
    reach = np.ones((3, 3), np.uint8)
    near = cv2.resize(cv2.dilate(kept.astype(np.uint8), reach), alpha.shape[::-1], interpolation=cv2.INTER_NEAREST)
    seen = (alpha >= SEEN) & (near > 0)
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    if not columns.size:
        return None
    left, top = int(columns[0]), int(rows[0])
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def _around(box: Box, margin: float, aspect: float | None, bottom: int) -> Box:
    """The canvas around the subject, `margin` of its longer side free; a bust stays on the picture's lower edge."""
    share = 1 - 2 * margin
    if aspect is None:
        pad = margin * max(box.wide, box.high) / share
        wide, high = box.wide + 2 * pad, box.high + 2 * pad
    else:
        wide = max(box.wide / share, aspect * box.high / share)
        high = wide / aspect
    left = box.left + box.wide / 2 - wide / 2
    top = box.top + box.high / 2 - high / 2
    if box.top + box.high >= bottom - 1:
        top = bottom - high
    return Box(round(left), round(top), max(1, round(wide)), max(1, round(high)))


def _shaped(canvas: Box, aspect: float | None, box: Box, bottom: int) -> Box:
    """`canvas` grown to `aspect`, about its middle, or upwards where the subject stands on the picture's lower edge."""
    if aspect is None or abs(canvas.wide / canvas.high / aspect - 1) < 0.004:
        return canvas
    wide, high = max(canvas.wide, round(canvas.high * aspect)), max(canvas.high, round(canvas.wide / aspect))
    top = canvas.top - (high - canvas.high) // 2
    if box.top + box.high >= bottom - 1:
        top = canvas.top + canvas.high - high
    return Box(canvas.left - (wide - canvas.wide) // 2, top, wide, high)


def _size(canvas: Box, look: Look) -> tuple[int, int]:
    if look.size is None:
        return canvas.wide, canvas.high
    wide, high = look.size
    return (
        wide or max(1, round(high * canvas.wide / canvas.high)),
        high or max(1, round(wide * canvas.high / canvas.wide)),
    )


def _placed(plane: Any, canvas: Box, size: tuple[int, int], border: int = cv2.BORDER_CONSTANT) -> Picture:
    """What lies in `canvas`, at `size`; beyond the picture there is nothing, or its border again."""
    high, wide = plane.shape[:2]
    top, left = max(0, canvas.top), max(0, canvas.left)
    bottom, right = min(high, canvas.top + canvas.high), min(wide, canvas.left + canvas.wide)
    part = np.ascontiguousarray(plane[top:bottom, left:right])
    around = (
        top - canvas.top, canvas.top + canvas.high - bottom, left - canvas.left, canvas.left + canvas.wide - right,
    )  # fmt: skip
    scale = size[0] / canvas.wide
    if scale < 1 and any(around):  # smaller first: the border costs nothing then
        inner = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * size[1] / canvas.high)))
        part = cv2.resize(part, inner, interpolation=cv2.INTER_AREA)
        x, y = round(around[2] * scale), round(around[0] * scale)
        x, y = min(x, size[0] - inner[0]), min(y, size[1] - inner[1])
        around = (y, size[1] - inner[1] - y, x, size[0] - inner[0] - x)
    if any(around):
        part = cv2.copyMakeBorder(part, *around, borderType=border)
    if part.shape[1::-1] != size:
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return np.asarray(part, np.uint8)


def _background(photo: Photo, cutout: Cutout, canvas: Box, size: tuple[int, int], behind: Behind) -> Picture:
    """uint8 (3,) for a colour, else (H, W, 3)."""
    if behind.kind == "image":
        picture = read_photo(behind.path).on_black() if behind.picture is None else behind.picture
        return fit_picture(picture, size, behind.fit)
    if behind.kind == "blur":
        return _placed(blurred_room(photo.rgb, cutout.alpha, behind.strength), canvas, size, cv2.BORDER_REPLICATE)
    return np.array(behind.rgb, np.uint8)


def _over(rgb: Picture, alpha: Picture, shadow: Picture | None, behind: Picture) -> Picture:
    out = np.empty_like(rgb)
    for top in range(0, out.shape[0], STRIP):
        rows = slice(top, top + STRIP)
        share = alpha[rows, :, None].astype(np.uint32)
        share[share < 4] = 0  # nearly nothing would make white 254
        under = np.broadcast_to(behind, out.shape)[rows].astype(np.uint32)
        if shadow is not None:
            under = under * (255 - shadow[rows, :, None].astype(np.uint32)) // 255
        out[rows] = (rgb[rows] * share + under * (255 - share) + 127) // 255
    return out


def _over_nothing(rgb: Picture, alpha: Picture, shadow: Picture | None) -> Picture:
    """RGBA; the shadow is black of its own alpha under the subject."""
    if shadow is None:
        return np.dstack((rgb, alpha))
    out = np.empty((*alpha.shape, 4), np.uint8)
    for top in range(0, out.shape[0], STRIP):
        rows = slice(top, top + STRIP)
        share = alpha[rows].astype(np.float32) / 255
        both = share + shadow[rows].astype(np.float32) / 255 * (1 - share)
        colour = rgb[rows] * (share / np.maximum(both, 1e-4))[..., None]
        out[rows] = np.dstack((np.rint(colour), np.rint(both * 255))).astype(np.uint8)
    return out


def _shadow(
    photo: Photo, whole: Picture, canvas: Box, size: tuple[int, int], alpha: Picture, look: Look, notes: list[str]
) -> Picture | None:
    """How much darker what is behind becomes, uint8 (H, W), at the canvas's size."""
    if look.shadow == "none":
        return None
    if look.shadow == "keep":
        shade = cast_shadow(photo.rgb, whole)
        if shade is None:
            notes.append("its shadow is left away: the ground is not plain, and the room would show")
            return None
        return _placed(shade, canvas, size)
    longer = max(size)
    down, soft, dark = round(DROP[0] * longer), max(1.0, DROP[1] * longer), DROP[2]
    moved = np.zeros_like(alpha)
    moved[down:] = alpha[: alpha.shape[0] - down] if down else alpha
    small = cv2.resize(moved, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) if longer > 512 else moved
    blurred = cv2.GaussianBlur(small, (0, 0), soft / 4 if longer > 512 else soft)
    return np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_LINEAR) * dark, np.uint8)


def cast_shadow(rgb: Picture, alpha: Picture) -> Picture | None:
    """The shadow that a thing throws in its photograph, uint8 (H, W): how much darker the ground is near it.

    The ground's own brightness is what it is some way off. None where that is not plain: there is no telling a shadow
    from a pattern, or from a room.
    """
    high, wide = alpha.shape
    scale = min(1.0, 512 / max(high, wide))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)
    subject: Any = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    ground = (cv2.dilate(subject, np.ones((5, 5), np.uint8)) < 13).astype(np.float32)
    box = subject_box(subject)
    if box is None or ground.sum() < 50:
        return np.zeros_like(alpha)
    reach = max(4.0, NEAR * max(box.wide, box.high))
    far: Any = cv2.distanceTransform((subject < SEEN).astype(np.uint8), cv2.DIST_L2, 3)
    weight = ground * (far > 0.8 * reach)
    if weight.sum() < 50:
        weight = ground
    sigma = max(size) / 4
    level = cv2.GaussianBlur(grey * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-4)
    strayed = np.abs(grey / np.maximum(level, 1) - 1)
    if float((strayed * weight).sum() / weight.sum()) > PLAIN:
        return None
    darker = 1 - cv2.GaussianBlur(grey, (0, 0), 1.5) / np.maximum(level, 1)
    shade = np.clip((darker - SHADE[0]) / (1 - SHADE[0]), 0, SHADE[1]) * np.clip(2 - far / reach, 0, 1)
    # Under the subject there is no telling: what is at its edge goes on inside.
    weight = ground
    inside = cv2.GaussianBlur(shade * weight, (0, 0), 4) / np.maximum(cv2.GaussianBlur(weight, (0, 0), 4), 1e-3)
    shade = np.where(ground > 0, shade, np.minimum(inside, SHADE[1]))
    return np.asarray(cv2.resize(np.rint(shade * 255).astype(np.uint8), (wide, high), interpolation=cv2.INTER_LINEAR))
