"""A cut-out, what is behind it and what lies before it into one picture at full size, as the loop does it live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.booth.library import Item
from edge_bg.booth.recent import Shot
from edge_bg.composite import Place
from edge_bg.composite.backgrounds import fit_picture, read_picture
from edge_bg.composite.clips import open_clip
from edge_bg.composite.layer import stretched
from edge_bg.composite.light import Light, tables, wrapped
from edge_bg.errors import NotNow, PictureError
from edge_bg.frame import SHARE, to_rgb
from edge_bg.still import Cutout, blurred_room

Rgb = NDArray[np.uint8]

STRIP: Final = 128  # rows at a time
OF_THEN: Final = "this background is of the moment of the shot, which is over"


class Look:
    """How a photo is put together.

    item: What is behind the person.  front: What lies before, RGBA uint8 (H, W, 4).  place: Where the person stands.
    wrap, match: As in the config's `composite`.
    """

    def __init__(
        self, item: Item, front: NDArray[np.uint8] | None, place: Place, wrap: float = 0.0, match: float = 0.0
    ) -> None:
        self.item, self.front, self.place, self.wrap, self.match = item, front, place, wrap, match


def compose(cut: Cutout, look: Look, behind: Rgb, camera: Light | None) -> Rgb:
    """RGB uint8 (H, W, 3), new.

    Args:
        cut: The person.
        look: How it is put together.
        behind: RGB uint8 of the cut-out's size; see `backdrop`.
        camera: The light of the whole picture that the person was cut out of; None: not known.
    """
    out = behind.copy()
    colours, alpha, as_seen = cut.rgb, cut.alpha, look.place.as_seen
    room = look.item.kind in ("blur", "none")
    made = tables(camera, Light.of_rgb(behind), look.match) if look.match and camera is not None and not room else None
    if not as_seen:
        colours = colours if made is None else _lit(colours, made)
        # Moved with the alpha multiplied in, so that no black bleeds in from where there is nobody.
        colours = cv2.multiply(colours, cv2.merge([alpha] * 3), scale=SHARE)  # type: ignore[assignment]
        colours, alpha = look.place.move(colours), look.place.move(alpha)
    left, top, wide, high = cv2.boundingRect(alpha)
    columns = slice(left, left + wide)
    for first in range(top, top + high, STRIP):
        rows = slice(first, min(first + STRIP, top + high))
        person, share, target = colours[rows, columns], _thrice(alpha[rows, columns]), out[rows, columns]
        person = person if made is None or not as_seen else _lit(person, made)
        under = cv2.multiply(target, cv2.bitwise_not(share), scale=SHARE)
        over = cv2.multiply(person, share, scale=SHARE) if as_seen else person
        cv2.add(under, over, target)
    if look.wrap and as_seen and look.item.kind != "transparent":  # moved, no light wraps round the edge, as live
        wrapped(out, behind, alpha, look.wrap)
    if look.front is not None:
        _lay(stretched(look.front, (out.shape[1], out.shape[0])), out)
    return out


def backdrop(item: Item, size: tuple[int, int], cut: Cutout, shot: Shot | None, then: Rgb | None = None) -> Rgb:
    """RGB uint8 of `size` (width, height): what is behind.

    Args:
        item: The background.
        size: Of the photo.
        cut: The person, whose colours are in no blurred room.
        shot: The moment of the photo, for backgrounds that are of that moment: a video, the room.
        then: Without the shot, what was kept of it for this background, of any size.

    Raises:
        NotNow: The background shows the room, and nothing of it was kept.
        PictureError: Its file cannot be read.
    """
    wide, high = size
    part = item.part
    if item.kind == "image":
        return fit_picture(_rgb(read_picture(part.path)), size, part.fit)
    if item.kind == "color":
        colour = [int(part.color[i : i + 2], 16) for i in (1, 3, 5)]
        return np.full((high, wide, 3), colour, np.uint8)
    if item.kind == "transparent":
        return np.zeros((high, wide, 3), np.uint8)
    if then is None and shot is not None:
        then = moment(item, cut, shot)
    if then is None and item.kind == "video":
        return fit_picture(_rgb(first_picture(part.path)), size, part.fit)
    if then is None:
        raise NotNow(OF_THEN, hint="pick another one")
    return np.asarray(cv2.resize(then, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def moment(item: Item, cut: Cutout, shot: Shot) -> Rgb | None:
    """What a background that is of the moment showed at the shot, RGB uint8 of some size; None for any other.

    A blurred room is as blurred as it is live.
    """
    if item.kind == "blur":
        return blurred_room(shot.room.rgb() if shot.full is None else shot.full, cut.alpha, item.part.strength)
    if item.kind == "video" or item.kind == "none":
        return to_rgb(shot.behind if item.kind == "video" else shot.room.data)
    return None


def first_picture(path: Any) -> Rgb:
    """BGR uint8 (H, W, 3): with what a video begins. Raises PictureError."""
    clip = open_clip(path)
    try:
        picture = clip.read()
    finally:
        clip.close()
    if picture is None:
        raise PictureError(f"background video {path} has no picture")
    return picture


def _rgb(bgr: Any) -> Rgb:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _thrice(plane: Any) -> Any:
    return cv2.merge([plane] * 3)


def _lit(colours: Rgb, made: Sequence[Any]) -> Rgb:
    """The person's colours by tables for Y, U and V."""
    y, u, v = made
    table = np.dstack((y, v, u)).reshape(1, 256, 3)  # OpenCV has Y, V, U
    ycc = cv2.LUT(cv2.cvtColor(colours, cv2.COLOR_RGB2YCrCb), table)
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), np.uint8)


def _lay(front: NDArray[np.uint8], out: Rgb) -> None:
    """What lies before, its colours multiplied by its alpha, over `out`, in place."""
    for first in range(0, out.shape[0], STRIP):
        rows = slice(first, first + STRIP)
        share = front[rows, :, 3]
        if cv2.countNonZero(share):
            kept = cv2.multiply(out[rows], _thrice(cv2.bitwise_not(share)), scale=SHARE)
            cv2.add(kept, cv2.cvtColor(front[rows], cv2.COLOR_RGBA2RGB), out[rows])
