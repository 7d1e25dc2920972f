"""Two networks, one mask, live: a fast one says where people are in every frame, a sharp one (`portrait`), now and
then, where their edges run.

    segmenter = Edged(Framing(Segmenter("landscape")), Segmenter("portrait-192x320"), every=4)
    mask = segmenter(frame)

The sharp one looks at the people's rectangle alone. What it says better than the fast one is kept and goes along with
the people until it has looked again; where the fast network's mask has become another since, it is left out. Whoever
only the fast network sees stays as it sees them, and whom only the sharp one sees is not there (`matte.agreed`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge_bg.errors import EdgeBgError
from edge_bg.frame import Frame, Picture, Size, planes
from edge_bg.framing import Framing
from edge_bg.framing.window import Box, Canvas
from edge_bg.loop.stats import Stats
from edge_bg.matte.agreed import agreed_each
from edge_bg.matte.shift import displacement, overlap
from edge_bg.network.segment import Segmenter
from edge_bg.network.tensors import Region

log = logging.getLogger(__name__)

MARGIN = 0.08  # around the people, of the longer side of their box
AGREED = 0.5  # least IoU of the two about somebody for the sharp one to be heard
REACH = 0.75  # how far from the fast one's outline it decides, of half a body's thickness
SAME, OTHER = 24, 72  # levels that the fast mask may differ until the detail begins to go, and is gone
UNIT = np.float32(1 / 255)


@dataclass
class _Look:
    """What the sharp network was asked: the rectangle, and of which masks and picture."""

    box: Box
    region: Region
    base: Picture
    second: Picture | None
    luma: Picture
    scene: int


@dataclass
class _Detail:
    """What it said better: the fast mask, both together, and the luma, all of one frame; uint8 (h, w)."""

    base: Picture
    both: Picture
    luma: Picture


class Edged:
    """A segmenter for the pipeline that draws another one's edges finer.

    framing: finds the people; asked for every frame.
    sharp:   the network for edges; closed with this. Where it fails for good, pictures go on without it.
    every:   frames from one of its looks to the next, at least.
    needed:  asked in each frame; it does not look where edges are known by other means, as before a learned room.
    beside:  it runs on a thread of its own, and what it says is used once it is there, so that the rate stays the fast
             network's where there is a core to spare. Else its frame waits for it. May be set at any time.

    A mask is uint8 `(h, w)` of framing's canvas, 255 = person, and covers exactly the frame. For one thread at a time.
    """

    def __init__(
        self, framing: Framing, sharp: Segmenter, *, every: int = 1, beside: bool = False, stats: Stats | None = None
    ) -> None:
        self.framing, self.sharp, self.every, self.beside = framing, sharp, every, beside
        self.needed: Callable[[], bool] = lambda: True
        self.stats = stats or Stats()
        self._thread: ThreadPoolExecutor | None = None
        self._pending: tuple[_Look, Future[bool]] | None = None
        self._detail: _Detail | None = None
        self._size: Size | None = None
        self._scene = self._since = 0
        self._gone = False

    @property
    def segmenter(self) -> Any:
        """The fast network itself."""
        return self.framing.segmenter

    @property
    def info(self) -> dict[str, Any]:
        """What both networks run on: the fast one's, and `edges`, the sharp one's."""
        return {**self.framing.info, "edges": self.sharp.info}

    def shrink(self, frame: Frame) -> None:
        """Give `frame` its `small` picture; see `Segmenter.shrink`."""
        self.framing.shrink(frame)

    def close(self) -> None:
        """Close both networks. Idempotent."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
        self._pending, self._gone = None, True
        self.framing.close()
        self.sharp.close()

    def __enter__(self) -> Edged:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, frame: Frame) -> Picture:
        """The mask of `frame`."""
        fast = self.framing(frame)
        if frame.size != self._size or frame.scene != self._scene:
            self._size, self._scene = frame.size, frame.scene
            self._canvas = self._drawn_on(frame.size)
            self._detail = None
            self._since = self.every
        base, luma = self._canvas.fit(fast), self._luma(frame)
        self._since += 1
        try:
            self._take()
            if not self.needed():
                self._detail, self._since = None, self.every
                return base
            if self._since >= self.every and self._pending is None and not self._gone:
                self._ask(frame, base, luma)
        except EdgeBgError as error:
            self._gone, self._detail, self._pending = True, None, None
            self.stats.count("edges.failed")
            log.warning("the network for edges cannot be used any more, pictures go on without it: %s", error)
        return self._carried(base, luma)

    def _luma(self, frame: Frame) -> Picture:
        """Of the canvas's size."""
        y = planes(frame.small if frame.small is not None else frame.data)[0]
        return np.asarray(cv2.resize(y, self._canvas.cells, interpolation=cv2.INTER_AREA), np.uint8)

    def _ask(self, frame: Frame, base: Picture, luma: Picture) -> None:
        """Have the sharp network look at the people, if there are any."""
        second = self._also(frame)
        box = self._around(base if second is None else np.maximum(base, second))
        if box is None:
            self._detail = None
            return
        self._since = 0
        look = _Look(box, self.sharp.prepare(frame, self._canvas.region(box)), base, second, luma, frame.scene)
        self.stats.count("edges.looks")
        if self.beside:
            self._thread = self._thread or ThreadPoolExecutor(1, "edges")
            self._pending = look, self._thread.submit(self.sharp.invoke)
        elif self.sharp.invoke():
            self._hear(look)

    def _take(self) -> None:
        """Hear what the sharp network has said meanwhile."""
        if self._pending is None or not self._pending[1].done():
            return
        (look, said), self._pending = self._pending, None
        if said.result() and look.scene == self._scene:
            self._hear(look)

    def _hear(self, look: _Look) -> None:
        """Keep what both say of the frame that was looked at."""
        if look.base.shape != self._canvas.cells[::-1]:
            return
        part, cut = self._canvas.fit(self.sharp.mask(look.region), look.box.size), look.box.cut
        both = look.base.copy()
        both[cut] = self._of_all(look.base[cut], None if look.second is None else look.second[cut], part)
        self._detail = _Detail(look.base, both, look.luma)

    def _carried(self, base: Picture, luma: Picture) -> Picture:
        """`base`, with the detail of the last look where it is still true."""
        detail = self._detail
        if detail is None:
            return base
        if detail.base is base:
            return detail.both
        then: Picture = np.stack((detail.base, detail.both))
        x, y = displacement(detail.luma, luma, detail.base)
        if x or y:
            there, here = overlap(base.shape, x, y)
            moved: Picture = np.stack((base, base))
            moved[here] = then[there]
            then = moved
        changed = cv2.blur(cv2.absdiff(base, then[0]), (3, 3)).astype(np.float32)
        kept = np.clip((OTHER - changed) / (OTHER - SAME), 0, 1)
        finer = base + kept * (then[1].astype(np.float32) - then[0])
        return np.asarray(np.clip(np.rint(finer), 0, 255), np.uint8)

    # --- what a more thorough one does otherwise -----------------------------------------------------------------

    def _drawn_on(self, size: Size) -> Canvas:
        """How fine masks are."""
        return Canvas.of(size)

    def _also(self, frame: Frame) -> Picture | None:
        """What another network says of who is there, on the canvas."""
        return None

    def _around(self, found: Picture) -> Box | None:
        """Where the sharp network is to look; None where nobody was found."""
        x, y, wide, high = cv2.boundingRect(cv2.threshold(found, 127, 255, cv2.THRESH_BINARY)[1])
        if not wide:
            return None
        around, (across, down) = round(MARGIN * max(wide, high)), self._canvas.cells
        return Box(max(0, x - around), max(0, y - around), min(across, x + wide + around), min(down, y + high + around))

    def _of_all(self, fast: Picture, second: Picture | None, sharp: Picture) -> Picture:
        """One mask of all that was said, uint8 of one size."""
        return np.asarray(np.rint(agreed_each(fast * UNIT, sharp * UNIT, AGREED, REACH) * 255), np.uint8)


__all__ = ["Edged"]
