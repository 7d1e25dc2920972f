"""Segmenter: a frame goes in, the network runs on the best delegate there is, a mask comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge_bg.errors import DelegateError
from edge_bg.frame import I420, Frame, Picture, Pool, planes
from edge_bg.loop.stats import Stats
from edge_bg.network.card import ModelCard, find
from edge_bg.network.ladder import Ladder
from edge_bg.network.runtime import Engine, pick_threads, runtime
from edge_bg.network.tensors import Feeder, Mask, Reader, Region, Shrinker

__all__ = ["Mask", "Region", "Segmenter"]


class Segmenter:
    """`mask = segmenter(frame)`: uint8 `(h, w)` at the network's own scale, 255 = person, over exactly the frame.

    Opens the model at once. For one thread at a time.

    Args:
        card: A `ModelCard`, a model's name, or the path of a card.
        delegates: Tried in order, at the start and when one fails while running.
        threads: 1 to 64; None: as many as the cores that are there make useful.
        stats: Where each step down the delegates is counted, as `fallback.delegate`.
        quick: Open what needs no trying, and try the accelerators once pictures flow.

    Raises:
        ModelError: The model is missing, damaged, or not what its card says.
        DelegateError: No delegate of the list works.
    """

    def __init__(
        self,
        card: ModelCard | str,
        *,
        delegates: Sequence[Any] = ("cpu",),
        threads: int | None = None,
        stats: Stats | None = None,
        quick: bool = False,
    ) -> None:
        self.card = card if isinstance(card, ModelCard) else find(card)
        self.card.judge()
        self.threads = pick_threads(threads)
        self._ladder = Ladder(self.card, list(delegates), self.threads, stats=stats, quick=quick)
        self._engine: Engine | None = None  # the one that holds the prepared frame
        self._calls = 0
        self._running = 0  # the number of the call of the network that is under way, else 0
        self._feed = Feeder(self.card)
        self._read = Reader(self.card.output)
        self._look = Shrinker()
        self._small: Pool | None = None
        self._half: Pool | None = None

    @property
    def info(self) -> dict[str, Any]:
        """What runs: runtime, version, model, precision, delegate, threads and the reasons for any fallback.

        `running`: the number of the network's call that is under way, 0 between calls; one that stays hangs.
        """
        made = runtime()
        return {
            "runtime": made.name,
            "version": made.version,
            "model": self.card.path.stem,
            "precision": self.card.precision,
            "threads": self.threads,
            "running": self._running,
            **self._ladder.info(),
        }

    def __call__(self, frame: Frame, region: Region | None = None) -> Mask:
        """Mask of `frame`, or of the part `region` of it. A new array each time."""
        while True:
            box = self.prepare(frame, region)
            if self.invoke():
                mask = self.mask(box)
                return mask if frame.clear is None else _seen(mask, frame.clear, region)

    def shrink(self, frame: Frame) -> None:
        """Give `frame` its `small` picture, at the network's size, if it came without one and is larger than that.

        May run on another thread than the calls: the network's thread then only has to turn it into RGB.
        """
        _, _, wide, high = self._feed.fit(frame.width, frame.height)
        size = (wide + wide % 2, high + high % 2)
        if frame.small is not None or frame.width <= size[0] or frame.height <= size[1]:
            return
        if self._small is None or self._small.size != size:
            self._small = Pool(size, limit=8)
        small = self._small.take()
        if frame.width >= 2 * size[0] and frame.height >= 2 * size[1] and not (frame.width % 4 or frame.height % 4):
            frame.half = self._halve(frame)
        for plane, target in zip(planes(frame.data if frame.half is None else frame.half), planes(small), strict=True):
            self._look(plane, target)
        frame.small = small

    def _halve(self, frame: Frame) -> I420:
        """The frame at half its size: a step on the way to the network's, and kept as the matte wants its luma."""
        size = (frame.width // 2, frame.height // 2)
        if self._half is None or self._half.size != size:
            self._half = Pool(size, limit=8)
        half = self._half.take()
        for plane, target in zip(planes(frame.data), planes(half), strict=True):
            self._look(plane, target)
        return half

    # The three steps of a call, for whoever wants to time them or to put something between them.

    def prepare(self, frame: Frame, region: Region | None = None) -> Region:
        """Write the network's input; returns where the picture will be in the mask, (x, y, width, height)."""
        self._engine = self._ladder.engine()
        return self._feed(frame, region, self._engine)

    def invoke(self) -> bool:
        """Run the network on what `prepare` wrote.

        False: the delegate failed and the next one of the list took its place; `prepare` again. Raises
        `DelegateError` when there is no next one.
        """
        assert self._engine is not None, "prepare comes first"
        self._calls += 1
        self._running = self._calls
        try:
            self._engine.invoke()
            return True
        except DelegateError as error:
            failure = error
        finally:
            self._running = 0
        self._engine = None
        self._ladder.failed(failure)
        return False

    def mask(self, box: Region) -> Mask:
        """The mask of the last `invoke`: what lies in `box`, as `prepare` returned it."""
        assert self._engine is not None, "prepare and invoke come first"
        return self._read(self._engine.output(), box)

    def close(self) -> None:
        """Let go of the model and of any device. Idempotent."""
        self._engine = None
        self._ladder.close()

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _seen(mask: Mask, clear: Picture, region: Region | None) -> Mask:
    """`mask` without what the picture hides: where `clear` `(H, W)`, cut to `region`, is 0, nobody is."""
    if region is not None:
        x, y, width, height = region
        clear = clear[y : y + height, x : x + width]
    return np.asarray(cv2.min(mask, cv2.resize(clear, mask.shape[::-1], interpolation=cv2.INTER_AREA)), np.uint8)
