"""Framing: the network looks at the people, not at the room; whom to keep; and no look where nothing moves.

    segmenter = Framing(Segmenter("landscape"), keep="largest")
    mask = segmenter(frame)

A person of a tenth of the frame's height is 14 pixels to the network, which sees nothing. Once people are found,
the next frames are cut to them. They are found in the whole picture or, if too small for that, by their motion:
what moved is looked at closely. A search of the whole picture in close-ups was measured and left out, as it takes
one patch of wall in ten for somebody.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np

from edge_bg.frame import Frame, Picture, Size
from edge_bg.framing.keep import Keeper, Somebody, around, people
from edge_bg.framing.motion import Motion
from edge_bg.framing.options import FramingOptions, corners
from edge_bg.framing.window import Box, Canvas, Window
from edge_bg.stats import Stats
from edge_bg.tensors import Region

__all__ = ["Framing", "FramingOptions", "Looks"]

_PATIENCE = 8  # frames without anybody before the window lets go
_SEARCH = 4  # frames between looks for newcomers; `every` once that many in a row were in vain:
_TRIES = 6
_VAST = 0.4  # of the frame: what moves there is large enough for a look at the whole
_FOUND = 0.2  # of a close look's height: smaller is nobody
_STIR = 3  # cells of the thumbnail: less is noise
_REST = 4  # frames between second looks at one frame


class Looks(Protocol):
    """What framing asks of a segmenter."""

    @property
    def info(self) -> dict[str, Any]:
        """What runs, and on what."""

    def shrink(self, frame: Frame, /) -> None:
        """Give `frame` its `small` picture."""

    def __call__(self, frame: Frame, region: Region | None = None, /) -> Picture:
        """The mask of `frame`, or of its part `region`, uint8 (h, w)."""

    def close(self) -> None:
        """Let go of the network."""


class Framing:
    """A segmenter for the pipeline that chooses what another one looks at.

    options: the fields of `FramingOptions`, by name.
    max_age: seconds for which the mask of a scene that stands still may be used again; then the network looks.
    stats:   counts `framing.reused` (frames that took the mask of a scene that stood still), `framing.cropped`
             (closer looks) and `framing.extra` (second looks within a frame).

    A mask is uint8 `(h, w)`, 255 = person, and covers exactly the frame: the network's own, or, after a closer look
    or a rule, one of the matte's working size. Masks are handed out more than once; do not write to them. For one
    thread at a time, one stream in order; `shrink` may run on another thread.
    """

    def __init__(self, segmenter: Looks, *, stats: Stats | None = None, max_age: float = 0.5, **options: Any) -> None:
        self.segmenter = segmenter
        self.max_age = max_age
        self.options = FramingOptions(**options)
        self.stats = stats or Stats()
        self._size: Size | None = None
        self._mask: Picture | None = None
        self._seen: Picture | None = None  # the thumbnail of the frame whose mask that is
        self._scouted: Picture | None = None  # the thumbnail that newcomers are told from
        self._keeper: Keeper | None = None
        self._missing = 0  # frames since somebody was seen

    @property
    def info(self) -> dict[str, Any]:
        """What the network runs on; see `Segmenter.info`."""
        return self.segmenter.info

    @property
    def region(self) -> Region | None:
        """Where the next look goes, (x, y, width, height) in pixels of the frame; None: everywhere."""
        if self._size is None or self._window.box is None:
            return None
        return self._canvas.region(self._window.box)

    def shrink(self, frame: Frame) -> None:
        """Give `frame` its `small` picture; see `Segmenter.shrink`."""
        self.segmenter.shrink(frame)

    def close(self) -> None:
        """Close the network. Idempotent."""
        self.segmenter.close()

    def __enter__(self) -> Framing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Forget who was where."""
        self._size = None

    def __call__(self, frame: Frame) -> Picture:
        """The mask of `frame`."""
        if frame.size != self._size:
            self._start(frame.size)
        whole = self._motion.thumb(frame)
        looked = self._window.box
        thumb = whole if looked is None else self._motion.thumb(frame, self.region)
        mask = self._mask if self._still(frame, thumb) else None
        if mask is not None:
            self.stats.count("framing.reused")
        else:
            mask = self._mask = self._see(frame)
            self._settled = self._window.box == looked and (looked is None or self._missing == 0)
            self._seen, self._time = thumb, frame.time
        self._scout(frame, whole)
        return mask

    # --- the frame's own mask ------------------------------------------------------------------------

    def _start(self, size: Size) -> None:
        o = self.options
        self._size = size
        self._canvas = Canvas.of(size)
        # With a rule the look is tighter: more passers-by stay outside of it.
        self._window = Window(self._canvas, o.margin * (1 if o.keep == "everyone" else 0.8), o.max_zoom)
        self._motion = Motion(o.motion, size)
        zone = corners(o.zone) if o.zone is not None else None
        self._keeper = None if o.keep == "everyone" else Keeper(o.keep, zone, self._canvas.cells)
        self._mask = self._seen = self._scouted = None
        self._settled = False  # the mask was taken where the next look goes
        self._time = 0.0
        self._missing = self._sightings = self._since = self._rested = self._vain = 0

    def _still(self, frame: Frame, thumb: Picture) -> bool:
        """Whether the last mask will do: nothing moved where it was taken, and not too long ago."""
        if not (self.options.motion_gate and self._settled) or self._seen is None:
            return False
        if not 0 <= frame.time - self._time < self.max_age:
            return False
        return thumb.shape == self._seen.shape and not self._motion.changes(thumb, self._seen).any()

    def _see(self, frame: Frame) -> Picture:
        """A look, a second one where the first missed somebody, and the plan for the next."""
        self._rested += 1
        box = self._window.box
        mask = self._kept(self.segmenter(frame) if box is None else self._close(frame, box))
        if not self.options.crop:
            return mask
        crowd = people(mask)
        touched = bool(crowd) and self._window.touched(mask)
        if box is not None and (touched or not crowd) and self._rested > _REST:
            self._rested = 0
            self.stats.count("framing.extra")
            if touched:
                self._window.widen()
            else:
                self._window.plan(None)
            wider = self._window.box
            mask = self._kept(self._canvas.fit(self.segmenter(frame)) if wider is None else self._close(frame, wider))
            crowd = people(mask)
            if not crowd:
                self._window.box = box
        self._plan(crowd, mask)
        return mask

    def _close(self, frame: Frame, box: Box) -> Picture:
        self.stats.count("framing.cropped")
        return self._canvas.paste(self.segmenter(frame, self._canvas.region(box)), box)

    def _kept(self, mask: Picture) -> Picture:
        return mask if self._keeper is None else self._keeper(self._canvas.fit(mask))

    def _plan(self, crowd: list[Somebody], mask: Picture) -> None:
        if crowd:
            self._missing, self._sightings = 0, self._sightings + 1
            self._window.plan(self._on_canvas(around(crowd), mask))
            return
        self._missing += 1
        if self._missing > min(_PATIENCE, self._sightings):  # somebody seen once only may have been nobody
            self._window.plan(None)
            self._sightings = 0

    def _on_canvas(self, box: Box | None, mask: Picture) -> Box | None:
        """A box in cells of `mask` in cells of the canvas."""
        (across, down), (high, wide) = self._canvas.cells, mask.shape
        if box is None or (wide, high) == (across, down):
            return box
        x, y = across / wide, down / high
        return Box(
            int(box.left * x), int(box.top * y), int(np.ceil(box.right * x)), int(np.ceil(box.bottom * y))
        )  # fmt: skip

    # --- newcomers -----------------------------------------------------------------------------------

    def _scout(self, frame: Frame, thumb: Picture) -> None:
        """From time to time, if something moved outside of the window, look there; the next window holds who came."""
        if not self.options.crop:
            return
        known = self._window.box is not None
        self._since += 1
        if self._since < min(_SEARCH if self._vain < _TRIES else self.options.every, self.options.every):
            return
        if not known and self._missing == 0:
            return  # somebody fills the frame
        self._since = 0
        if self._scouted is None:
            self._scouted = thumb
            return
        changes = self._motion.changes(thumb, self._scouted)
        if self._window.box is not None:
            changes[self._motion.within(self._window.box, self._canvas.cells)] = 0
        moved = self._motion.box(changes, self._canvas.cells)
        if moved is None or cv2.countNonZero(changes) < _STIR:
            self._vain = 0
            return  # slow motion adds up until the next time
        self._scouted = thumb
        found = self._newcomers(frame, moved, known)
        self._vain = self._vain + 1 if found is None else 0  # a curtain in the wind is looked at less
        if found is not None:
            self._settled = False
            self._window.plan(self._known().join(found) if known else found)

    def _newcomers(self, frame: Frame, moved: Box, known: bool) -> Box | None:
        """Somebody new where something moved: in the whole picture or, if too small for that, in a closer look."""
        boxes: list[Somebody] = []
        if known:
            self.stats.count("framing.extra")
            boxes = self._wanted(self._canvas.fit(self.segmenter(frame)), moved)
        if not boxes and moved.area <= _VAST * self._canvas.whole.area:
            self.stats.count("framing.extra")
            look = self._canvas.around(moved, 0.3, min(frame.size) / self.options.max_zoom)
            least = _FOUND * look.size[1]
            boxes = [each for each in self._wanted(self._close(frame, look), moved) if each.box.size[1] >= least]
        return around(boxes)

    def _wanted(self, mask: Picture, moved: Box) -> list[Somebody]:
        """Those in `mask` who moved, if the rule would let any of them in."""
        if self._keeper is not None and not self._keeper.admits(mask):
            return []
        return [each for each in people(mask) if _meets(each.box, moved)]

    def _known(self) -> Box:
        """The box around those who are known, or the window itself."""
        assert self._window.box is not None
        box = around(people(self._mask)) if self._mask is not None else None
        return box or self._window.box


def _meets(box: Box, moved: Box) -> bool:
    """Whether what moved is, for a good part, in `box`, or the other way round."""
    wide = min(box.right, moved.right) - max(box.left, moved.left)
    high = min(box.bottom, moved.bottom) - max(box.top, moved.top)
    return wide > 0 and high > 0 and wide * high >= 0.25 * min(box.area, moved.area)
