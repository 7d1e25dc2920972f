"""The blend, `person * alpha + background * (255 - alpha)`, in whole numbers on I420, where it is needed.

Where alpha is 0 the background is copied, where it is 255 the frame, and only the soft parts the matte marked
are computed; an alpha from elsewhere is blended at every pixel. Both give the same bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from edge_bg.composite.backgrounds import Background
from edge_bg.composite.colour import OldRoom, blend, blend_without
from edge_bg.composite.layer import Layer, Place, lay_on
from edge_bg.composite.light import LightMatch, LightWrap
from edge_bg.frame import I420, Frame, Pool, Size, crop, filled, paste, planes, resize
from edge_bg.frame.tiles import Grid, Rect, Scratch, soft_parts
from edge_bg.knobs.composite import CompositeOptions

Seen = Callable[[Frame, Frame, I420], None]

_BAND = 40  # rows blended at a time, to stay in the cache


class Compositor:
    """`compositor(frame, alpha420)` -> a new frame on the background, its alpha attached.

    Args:
        background: Opened here for `size`; whoever makes the compositor leaves closing it to `close()`.
        size: (width, height) of the frames, in pixels, both even.
        fps: About how many frames there are a second.
        clean: Take the old room's colours out of soft edges (`edge_bg.composite.colour`); needs an alpha that knows
            its soft parts, and has no effect on any other.
        wrap: 0..1, how much of the new background's light spills over the person's edge; likewise, and none does
            where the background is transparent.
        match: 0..1, how far the person is brought to the background's exposure and white balance.

    Raises:
        ValueError: `wrap` or `match` is out of its bounds.
        PictureError: The background cannot be read.
    """

    def __init__(
        self,
        background: Background,
        size: Size,
        *,
        fps: float = 30.0,
        clean: bool = False,
        wrap: float = 0.0,
        match: float = 0.0,
        shift_x: float = 0.0,
        shift_y: float = 0.0,
        scale: float = 1.0,
        ready: bool = False,
    ) -> None:
        CompositeOptions(clean, wrap, match, shift_x, shift_y, scale)  # raises ValueError for what is out of bounds
        self.size = size
        self.fps = fps
        self._pool = Pool(size)
        self._scratch = Scratch()
        self._edges = clean, wrap
        self._black = filled(size, (0, 128, 128))
        self._fit(size)
        self._match = LightMatch(match) if match else None
        self._lock = threading.Lock()
        self.seen: Seen | None = None  # told of each frame as it came, as it went out, and what is behind
        self.want_cutout = False  # whether frames shall carry the person alone, too (`Frame.cutout`)
        self._foreground: Layer | None = None
        self._place = Place(shift_x, shift_y, scale)
        if not ready:
            background.open(size, fps)
        self._background = background

    def _fit(self, size: Size) -> None:
        """Get ready for pictures of `size`, which lie in frames that may be larger."""
        clean, wrap = self._edges
        self._picture = size
        self._old = OldRoom(Grid.of(size)) if clean else None
        self._wrap = LightWrap(Grid.of(size), wrap) if wrap else None
        self._inside: Pool | None = None if size == self.size else Pool(size)
        self._nothing = self._black if size == self.size else filled(size, (0, 128, 128))

    @property
    def foreground(self) -> Layer | None:
        """What lies before the person; may be set at any time, from any thread."""
        return self._foreground

    @foreground.setter
    def foreground(self, new: Layer | None) -> None:
        if new is not None and new.size != self.size:
            raise ValueError(f"a foreground of {new.size} does not fit frames of {self.size}")
        with self._lock:
            self._foreground = new

    @property
    def place(self) -> Place:
        """Where the person stands; may be set at any time, from any thread. Moved, no light wraps round the edge."""
        return self._place

    @place.setter
    def place(self, new: Place) -> None:
        with self._lock:
            self._place = new

    def follow(self, past: Compositor) -> None:
        """Take over from another compositor what was set while it ran, but for the background."""
        self.seen, self.want_cutout = past.seen, past.want_cutout
        if past.size == self.size:
            self.foreground = past.foreground

    @property
    def background(self) -> Background:
        """The background now in use. Setting it, from any thread, opens the new one first: no frame is late."""
        return self._background

    @background.setter
    def background(self, new: Background) -> None:
        new.open(self.size, self.fps)
        with self._lock:  # not while a frame is being drawn from the old one
            old, self._background = self._background, new
            if self._match is not None:
                self._match.reset()
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
        """The composited frame: new data from a pool, time, index and truth as in `frame`.

        alpha420 is of the frame's picture (`Frame.picture`); padding is background, its alpha is 0.
        """
        picture = frame.picture
        if frame.size != self.size or alpha420.shape != picture.data.shape:
            raise ValueError(f"frame {frame.size} and alpha {alpha420.shape} do not fit a compositor of {self.size}")
        if picture.size != self._picture:
            self._fit(picture.size)
        whole = _whole(frame, alpha420)
        carrying = replace(frame, alpha420=whole, inner=None)
        with self._lock:
            background, place, cutout = self._background, self._place, None
            if background.mode == "pass":
                return carrying
            behind = self._behind(frame, alpha420, carrying)
            out = self._pool.take()
            if self.want_cutout or not place.as_seen:
                cutout = self._pool.take()
                self._blend_in(frame, behind, alpha420, cutout, alone=True)
                alpha420 = whole
                if not place.as_seen:
                    cutout, alpha420 = place.move_i420(cutout, 128), place.move_i420(alpha420, 0)
                lay_on(cutout, alpha420, behind, out)
            else:
                self._blend_in(frame, behind, alpha420, out)
                alpha420 = whole
            if self._foreground is not None:
                alpha420 = alpha420.copy() if background.mode == "alpha" else alpha420
                self._foreground.over(out, alpha420 if background.mode == "alpha" else None)
        made = replace(
            carrying, data=out, alpha420=alpha420, small=None, half=None, cutout=cutout,
            premultiplied=background.mode == "alpha",
        )  # fmt: skip
        if self.seen is not None:
            self.seen(carrying, made, behind)
        return made

    def _behind(self, frame: Frame, alpha: I420, carrying: Frame) -> I420:
        """The background, all over the frame. A blurred room is the picture's, and fills the padding, too."""
        if frame.area is None or not self._background.room:
            return self._background(carrying)
        room = self._background(replace(frame.picture, alpha420=alpha))
        return paste(room, frame.area, resize(room, self.size, self._pool.take()))

    def _blend_in(self, frame: Frame, behind: I420, alpha: I420, out: I420, *, alone: bool = False) -> None:
        """The frame's picture over `behind`; see `_blend`."""
        if frame.area is None:
            self._blend(frame.data, behind, alpha, out, alone=alone)
            return
        assert self._inside is not None
        blended, within = self._inside.take(), self._inside.take()
        np.copyto(out, self._black if alone else behind)
        self._blend(frame.picture.data, crop(behind, frame.area, within), alpha, blended, alone=alone)
        paste(blended, frame.area, out)

    def _blend(self, person: I420, behind: I420, alpha: I420, out: I420, *, alone: bool = False) -> None:
        """`person` over `behind`; `alone`: over black, in the light of `behind`."""
        known = soft_parts(alpha)
        if known:
            soft, solid = known
        else:
            width, height = self._picture
            soft, solid = [Rect(0, top, width, min(top + _BAND, height)) for top in range(0, height, _BAND)], []
        old, wrap = (self._old, self._wrap) if known and soft else (None, None)
        if alone or self._background.mode == "alpha":
            wrap = None  # nothing is behind, so no light comes from there
        tables = None if self._match is None or self._background.room else self._match(person, behind)
        if old is not None:
            old.look(person, alpha, soft, tables)
        if wrap is not None:
            wrap.look(behind, alpha, soft)
        under = self._nothing if alone else behind
        pictures = [planes(np.asarray(picture)) for picture in (person, under, alpha, out)]
        for plane, (fg, bg, weight, target) in enumerate(zip(*pictures, strict=True)):
            np.copyto(target, bg)  # a plane at a time, so that it is still in the cache for what follows
            for part in solid:
                at = _at(part, plane)
                if tables is None:
                    target[at] = fg[at]
                else:
                    cv2.LUT(fg[at], tables[plane], target[at])
            for part in soft:
                at = _at(part, plane)
                share, mixed, seen = weight[at], target[at], fg[at]
                if tables is not None:
                    seen = cv2.LUT(seen, tables[plane], self._scratch.take("seen", share.shape, np.uint8))
                if old is None:
                    blend(seen, share, mixed, self._scratch)
                else:
                    blend_without(seen, old.part(plane, part, self._scratch), mixed, share, mixed, self._scratch)
                if wrap is not None:
                    wrap.part(plane, part, share, mixed, self._scratch)


def _at(rect: Rect, plane: int) -> tuple[slice, slice]:
    """Where `rect` of the frame lies in plane 0 (Y), 1 (U) or 2 (V)."""
    cell = 2 if plane else 1
    return slice(rect.top // cell, rect.bottom // cell), slice(rect.left // cell, rect.right // cell)


def _whole(frame: Frame, alpha420: I420) -> I420:
    """The alpha of the frame's picture as that of the frame: 0 where it is padding."""
    if frame.area is None:
        return alpha420
    return paste(alpha420, frame.area, np.zeros_like(frame.data))
