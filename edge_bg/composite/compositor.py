"""The blend, `person * alpha + background * (255 - alpha)`, in whole numbers on I420, where it is needed.

Where alpha is 0 the background is copied, where it is 255 the frame, and only the soft parts the matte marked
are computed; an alpha from elsewhere is blended at every pixel. Both give the same bytes.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import cv2
import numpy as np

from edge_bg.composite.backgrounds import Background
from edge_bg.composite.colour import OldRoom, blend_without, wrap_light
from edge_bg.frame import I420, SHARE, Frame, Picture, Pool, Size, planes
from edge_bg.tiles import Grid, Rect, Scratch, soft_parts

_BAND = 40  # rows blended at a time, to stay in the cache


class Compositor:
    """`compositor(frame, alpha420)` -> a new frame on the background, its alpha attached.

    background: opened here for `size`; whoever makes the compositor leaves closing it to `close()`.
    size:       (width, height) of the frames.
    fps:        about how many there are a second.
    clean:      take the old room's colours out of soft edges (`edge_bg.composite.colour`); needs an alpha that knows
                its soft parts, and has no effect on any other.
    wrap:       0..1, how much of the new background's light spills over the person's edge; likewise.
    """

    def __init__(
        self, background: Background, size: Size, *, fps: float = 30.0, clean: bool = False, wrap: float = 0.0
    ) -> None:
        if not 0 <= wrap <= 1:
            raise ValueError(f"light wrap {wrap} is outside 0..1")
        self.size = size
        self.fps = fps
        self._pool = Pool(size)
        self._scratch = Scratch()
        self._old = OldRoom(Grid.of(size)) if clean else None
        self._wrap = wrap
        self._reach = max(1, size[1] // 120)
        self._lock = threading.Lock()
        background.open(size, fps)
        self._background = background

    @property
    def background(self) -> Background:
        """The background now in use. Setting it, from any thread, opens the new one first: no frame is late."""
        return self._background

    @background.setter
    def background(self, new: Background) -> None:
        new.open(self.size, self.fps)
        with self._lock:  # not while a frame is being drawn from the old one
            old, self._background = self._background, new
        if old is not new:
            old.close()

    def close(self) -> None:
        """Close the background; idempotent."""
        with self._lock:
            self._background.close()

    def __enter__(self) -> Compositor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __call__(self, frame: Frame, alpha420: I420) -> Frame:
        """The composited frame: new data from a pool, time, index and truth as in `frame`."""
        if frame.size != self.size or alpha420.shape != frame.data.shape:
            raise ValueError(f"frame {frame.size} and alpha {alpha420.shape} do not fit a compositor of {self.size}")
        carrying = replace(frame, alpha420=alpha420)
        with self._lock:
            background = self._background
            if background.mode == "pass":
                return carrying
            behind = background(carrying)
            out = self._pool.take()
            self._blend(frame.data, behind, alpha420, out)
        return replace(carrying, data=out, small=None, half=None, premultiplied=background.mode == "alpha")

    def _blend(self, person: I420, behind: I420, alpha: I420, out: I420) -> None:
        known = soft_parts(alpha)
        old = self._old if known else None
        if known:
            soft, solid = known
        else:
            width, height = self.size
            soft, solid = [Rect(0, top, width, min(top + _BAND, height)) for top in range(0, height, _BAND)], []
        if old is not None and soft:
            old.look(person, alpha)
        pictures = [planes(np.asarray(picture)) for picture in (person, behind, alpha, out)]
        for plane, (fg, bg, weight, target) in enumerate(zip(*pictures, strict=True)):
            np.copyto(target, bg)  # a plane at a time, so that it is still in the cache for what follows
            for part in solid:
                at = _at(part, plane)
                target[at] = fg[at]
            for part in soft:
                at = _at(part, plane)
                if old is None:
                    blend(fg[at], weight[at], target[at], self._scratch)
                else:
                    room = old.part(plane, part, self._scratch)
                    blend_without(fg[at], room, target[at], weight[at], target[at], self._scratch)
                if self._wrap and known:
                    light = planes(np.asarray(behind))[plane]
                    reach = max(1, self._reach // (2 if plane else 1))
                    wrap_light(light[at], weight[at], self._wrap, target[at], reach, self._scratch)


def _at(rect: Rect, plane: int) -> tuple[slice, slice]:
    """Where `rect` of the frame lies in plane 0 (Y), 1 (U) or 2 (V)."""
    cell = 2 if plane else 1
    return slice(rect.top // cell, rect.bottom // cell), slice(rect.left // cell, rect.right // cell)


def blend(person: Picture, alpha: Picture, out: Picture, scratch: Scratch) -> None:
    """`out = (person * alpha + out * (255 - alpha)) / 255` for uint8 arrays `(h, w)`, within one level.

    One product, of the difference: OpenCV rounds it on x86 and cuts it off on Arm, where the two products of the
    formula as it stands made every soft pixel a level too dark.
    """
    step = scratch.take("other", alpha.shape, np.uint8)
    more = scratch.take("more", alpha.shape, np.uint8)
    brighter = scratch.take("brighter", alpha.shape, np.uint8)
    cv2.compare(person, out, cv2.CMP_GT, brighter)
    cv2.absdiff(person, out, step)
    cv2.multiply(step, alpha, step, SHARE)
    cv2.add(out, step, more)
    cv2.subtract(out, step, out)
    cv2.copyTo(more, brighter, out)
