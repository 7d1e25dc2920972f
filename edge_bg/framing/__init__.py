"""Framing: the network looks at the people, not at the room; whom to keep; and no look where nothing moves.

    segmenter = Framing(Segmenter("landscape"), keep="largest")
    mask = segmenter(frame)

A person of a tenth of the frame's height is 14 pixels to the network, which sees nothing. Once people are found,
the next frames are cut to them; people who are small and far apart are looked at in turn, and the mask of the frame
is made of the last of each. They are found in the whole picture or, if too small for that, by their motion:
what moved is looked at closely. A search of the whole picture in close-ups was measured and left out, as it takes
one patch of wall in ten for somebody.
"""

from __future__ import annotations

from typing import Any

import cv2

from edge_bg.frame import Frame, Picture, Size
from edge_bg.framing.crowd import Somebody, people
from edge_bg.framing.keep import Keeper
from edge_bg.framing.look import Look, enclose, merge
from edge_bg.framing.motion import Motion
from edge_bg.framing.network import Looks
from edge_bg.framing.window import Box, Canvas, Window
from edge_bg.knobs.framing import FramingOptions, corners
from edge_bg.loop.stats import Stats
from edge_bg.network.tensors import Region

__all__ = ["Framing", "FramingOptions", "Looks"]

_SEARCH = 4  # frames between looks for newcomers; `every` once that many in a row were in vain:
_TRIES = 6  # looks in vain, after which searching is as rare as `every` says
_VAST = 0.4  # of the frame: what moves there is large enough for a look at the whole
_FOUND = 0.2  # of a close look's height: smaller is nobody
_STIR = 3  # cells of the thumbnail: less is noise
_REST = 4  # frames between second looks at one frame


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
        self._scene = 0
        self._mask: Picture | None = None
        self._looks: list[Look] = []  # one of the whole frame, or closer ones that do not meet
        self._scouted: Picture | None = None  # the thumbnail that newcomers are told from
        self._keeper: Keeper | None = None

    @property
    def info(self) -> dict[str, Any]:
        """What the network runs on; see `Segmenter.info`."""
        return self.segmenter.info

    @property
    def region(self) -> Region | None:
        """Where the next look goes, (x, y, width, height) in pixels of the frame; None: everywhere."""
        if self._size is None:
            return None
        return self._region(min(self._looks, key=_age))

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
        if frame.size != self._size or frame.scene != self._scene:
            self._start(frame.size)
            self._scene = frame.scene
        whole = self._motion.thumb(frame)
        thumbs = [whole if look.box is None else self._motion.thumb(frame, self._region(look)) for look in self._looks]
        due = [(look, thumb) for look, thumb in zip(self._looks, thumbs, strict=True) if self._due(frame, look, thumb)]
        if not due:
            self.stats.count("framing.reused")
        turn = min((look for look, _ in due), key=_age, default=None)
        self._rested += 1
        for look, thumb in due:
            if look is turn or (look in self._looks and not self._valid(frame, look)):
                self._see(frame, look, thumb)
        if self._keeper is not None:
            self._keeper.watch(self._motion.since(whole))
        assert self._mask is not None
        if ending := [look for look in self._looks if look.ends]:
            self.stats.count("framing.extra")
            everybody = self.segmenter(frame)
            for look in ending:
                look.trust(self._mask, everybody)
        self._scout(frame, whole)
        return self._mask

    # --- the frame's own mask ------------------------------------------------------------------------

    def _start(self, size: Size) -> None:
        o = self.options
        self._size = size
        self._canvas = Canvas.of(size)
        # With a rule the looks are tighter: more passers-by stay outside of them.
        self._looks = [Look(Window(self._canvas, o.margin * (1 if o.keep == "everyone" else 0.8), o.max_zoom))]
        self._motion = Motion(o.motion, size)
        zone = corners(o.zone) if o.zone is not None else None
        self._keeper = None if o.keep == "everyone" else Keeper(o.keep, zone, self._canvas.cells)
        self._mask = self._scouted = None
        self._since = self._rested = self._vain = self._tried = 0

    def _region(self, look: Look) -> Region | None:
        return None if look.box is None else self._canvas.region(look.box)

    def _valid(self, frame: Frame, look: Look) -> bool:
        """Whether the look's mask is young enough to be used again."""
        return look.mask is not None and 0 <= frame.time - look.time < self.max_age

    def _due(self, frame: Frame, look: Look, thumb: Picture) -> bool:
        """Whether the look is to be taken anew: something moved where it was taken, or it was too long ago."""
        if not (self.options.motion_gate and look.settled and self._valid(frame, look)) or look.seen is None:
            return True
        return thumb.shape != look.seen.shape or bool(self._motion.changes(thumb, look.seen).any())

    def _see(self, frame: Frame, look: Look, thumb: Picture) -> None:
        """Take the look, a wider one where somebody reaches over its edge, and plan the next."""
        box = look.box
        look.seen, look.time = thumb, frame.time
        self._take(frame, look)
        mask = self._merged()
        if self.options.crop:
            crowd, near, narrow = self._there(look, mask), look.box, look.mask
            if near is not None and self._rested > _REST and self._widened(look, mask, crowd):
                self._rested = 0
                self.stats.count("framing.extra")
                look.mask = self._at(frame, look.box)
                if narrow is not None and not look.keeps(narrow):
                    look.mask, look.window.box = narrow, near
                mask = self._merged()
                crowd = self._there(look, mask)
                if not crowd:
                    look.window.box = near
            self._plan(look, crowd)
        look.settled = look.box == box and (box is None or look.missing == 0)
        self._mask = mask

    def _take(self, frame: Frame, look: Look) -> None:
        """Take the look, and another one where it missed somebody."""
        mask, look.mask = look.mask, self._at(frame, look.box)
        if mask is not None and look.doubtful(mask):
            self.stats.count("framing.extra")
            look.overrule(mask, self._at(frame, look.before))
        look.before = None

    def _widened(self, look: Look, mask: Picture, crowd: list[Box]) -> bool:
        """Widen the look if somebody reaches over its edge or, if it is the only one, nobody is left in it."""
        widen = look.window.touched(mask) if crowd else len(self._looks) == 1
        if widen and crowd:
            look.window.widen()
        elif widen:
            look.window.plan(None)
        return widen

    def _at(self, frame: Frame, box: Box | None) -> Picture:
        if box is None:
            return self.segmenter(frame)
        self.stats.count("framing.cropped")
        return self._canvas.paste(self.segmenter(frame, self._canvas.region(box)), box)

    def _merged(self) -> Picture:
        """What all looks show, of whom the rule keeps."""
        mask = merge([look.mask for look in self._looks if look.mask is not None], self._canvas)
        return mask if self._keeper is None else self._keeper(self._canvas.fit(mask))

    def _there(self, look: Look, mask: Picture) -> list[Box]:
        """Everybody in `mask` whom the look shows, largest first, in cells of the canvas."""
        if look.box is not None and len(self._looks) > 1:
            mask = self._canvas.paste(mask[look.box.cut], look.box)
        return [self._canvas.scaled(each.box, mask) for each in people(mask)]

    def _plan(self, look: Look, crowd: list[Box]) -> None:
        """Plan the next look, two where people went apart, one where two came together, none where nobody is."""
        if not look.plan(enclose(crowd) if crowd else None):
            if len(self._looks) > 1:
                self._looks.remove(look)
            return
        new = look.part(crowd) if len(self._looks) < self.options.looks else None
        if new is not None:
            self._looks.append(new)
        self._gather(look)

    def _gather(self, look: Look) -> None:
        """One look for `look` and those that it had better not be apart from."""
        while (
            other := next((each for each in self._looks if each is not look and each.meets(look)), None)
        ) is not None:
            look.join(other)
            self._looks.remove(other)

    # --- newcomers -----------------------------------------------------------------------------------

    def _scout(self, frame: Frame, thumb: Picture) -> None:
        """From time to time, if something moved outside of the looks, look there; the next ones hold who came."""
        if not self.options.crop:
            return
        boxes = [look.box for look in self._looks if look.box is not None]
        self._since += 1
        if self._since < min(_SEARCH if self._vain < _TRIES else self.options.every, self.options.every):
            return
        if not boxes and self._looks[0].missing == 0:
            return  # somebody fills the frame
        self._since = 0
        if self._scouted is None:
            self._scouted = thumb
            return
        changes = self._motion.changes(thumb, self._scouted)
        for box in boxes:
            changes[self._motion.within(box, self._canvas.cells)] = 0
        if cv2.countNonZero(changes) < _STIR:
            self._vain = self._tried = 0
            return  # slow motion adds up until the next time
        self._scouted = thumb
        found = self._newcomers(frame, self._motion.parts(changes, self._canvas.cells), bool(boxes))
        welcome = found is not None and self._welcome(found)
        self._vain = 0 if welcome else self._vain + 1  # a curtain in the wind is looked at less

    def _newcomers(self, frame: Frame, moved: list[Box], known: bool) -> Box | None:
        """Somebody new where something moved: in the whole picture or, if too small for that, in a closer look at one
        of `moved`, the first of which holds the others."""
        found: list[Somebody] = []
        if known and self._mask is not None:
            self.stats.count("framing.extra")
            mask = self._canvas.fit(self.segmenter(frame))
            for each in self._looks:
                each.trust(self._mask, mask)
            found = self._wanted(mask, moved[0])
        part = moved[self._tried % len(moved)]
        self._tried += 1
        if not found and part.area <= _VAST * self._canvas.whole.area:
            self.stats.count("framing.extra")
            look = self._canvas.around(part, 0.3, min(frame.size) / self.options.max_zoom)
            least = _FOUND * look.size[1]
            found = [each for each in self._wanted(self._at(frame, look), part) if each.box.size[1] >= least]
        return enclose([each.box for each in found]) if found else None

    def _wanted(self, mask: Picture, moved: Box) -> list[Somebody]:
        """Those in `mask` who moved, if the rule would let anybody in."""
        if self._keeper is not None and not self._keeper.admits(mask):
            return []
        return [each for each in people(mask) if each.box.shares(moved)]

    def _welcome(self, found: Box) -> bool:
        """Have somebody new looked at: with those they are near to, if that will do, else in a look of their own."""
        first = self._looks[0]
        if first.box is None:
            return first.welcome(found)
        near = [look for look in self._looks if not look.window.apart(look.around(), found)]
        look = min(near, key=lambda each: each.around().join(found).area, default=None)
        if look is None or not look.welcome(look.around().join(found)):
            if len(self._looks) >= self.options.looks:
                return False  # one more would cost those who are seen more than it gives
            look = Look(Window.like(first.window))
            look.welcome(found)
            self._looks.append(look)
        self._gather(look)
        return True


def _age(look: Look) -> float:
    return look.time
