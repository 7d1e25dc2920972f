"""What composites are judged by: a new background, the perfect picture on it, the same people before other rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_bg.frame import Frame, Picture, Size, from_bgr
from edge_bg.lab.clips import Shot
from edge_bg.lab.rooms import painted
from edge_bg.lab.ways import Alpha


@dataclass(frozen=True)
class Seen:
    """What all ways share in a frame on which the costly figures are taken, BGR uint8 (H, W, 3) each.

    others: the same people before two other rooms, without noise: what differs in their composites is old room.
    """

    camera: Picture
    background: Picture
    perfect: Picture
    others: tuple[Frame, Frame]


def compose(bgr: Picture, alpha: Alpha, background: Picture) -> Picture:
    """The frame over `background` by its alpha, BGR uint8: no correction of colours."""
    share = alpha.astype(np.float32) / 255
    return np.asarray(cv2.blendLinear(bgr, background, share, 1 - share), np.uint8)


def backdrop(size: Size) -> Picture:
    """The new background: saturated and changing, so that what is left of the old room shows; BGR uint8."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    planes = (120 + 100 * np.sin(x / width * 5), 60 + 60 * np.sin(y / height * 4 + 1), 170 + 70 * np.cos(x / width * 3))
    return np.asarray(np.dstack(planes), np.uint8)


def other_rooms(size: Size) -> list[Picture]:
    """Two painted rooms, always the same, BGR uint8."""
    return [painted(size, np.random.default_rng(number)) for number in range(2)]


def see(shot: Shot, background: Picture, rooms: Sequence[Picture]) -> Seen:
    """What one frame is judged by; `rooms` are those of `other_rooms`."""
    first, second = (Frame(from_bgr(shot.over(room)), shot.frame.time, shot.frame.index) for room in rooms)
    return Seen(shot.frame.bgr(), background, shot.over(background), (first, second))
