"""Brings a running booth from one config to another: what can change live does, without a dropped frame."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, closing
from typing import Any, Final, Protocol

from edge_bg import parts
from edge_bg.composite import Compositor, cover_picture
from edge_bg.config import Config
from edge_bg.framing import Framing
from edge_bg.framing.edged import Edged
from edge_bg.framing.thorough import Thorough
from edge_bg.loop.stats import Stats
from edge_bg.matte import Matte
from edge_bg.pipeline import Pipeline

log = logging.getLogger(__name__)

RESTART: Final = ("source", "sinks", "sync", "booth")  # threads, sizes and files hang on these


class Loop(Protocol):
    """What is reloaded: a booth, by its parts."""

    segmenter: Framing | Edged
    matte: Matte
    compositor: Compositor
    pipeline: Pipeline
    source: Any
    stats: Stats

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""

    def suit(self, segmenter: Framing | Edged) -> None:
        """Let a network suit the source and the matte."""


class Reloader:
    """The differences between `old` and `new`, and how to apply them to `booth`."""

    def __init__(self, booth: Loop, old: Config, new: Config) -> None:
        self._booth, self._new = booth, new
        self._changed = [name for name in type(new).model_fields if getattr(old, name) != getattr(new, name)]

    @property
    def needs_restart(self) -> list[str]:
        """Names of changed parts that cannot change while the loop runs."""
        # Without the CPU to begin on, the new network needs the very device that the old one still holds.
        held = () if "cpu" in self._new.model.delegates else ("model",)
        return [name for name in self._changed if name in (*RESTART, *held)]

    def apply(self) -> list[str]:
        """Change the booth; returns the names of what changed.

        Raises the error of a part that cannot be opened; everything then stays as it was.
        """
        booth, new, changed = self._booth, self._new, set(self._changed)
        with ExitStack() as made:  # first all that can fail, then the changes that cannot
            segmenter, matte, cover, compositor = booth.segmenter, booth.matte, booth.pipeline.cover, booth.compositor
            if "privacy" in changed:
                with closing(parts.background(new.privacy.cover)) as picture:
                    cover = cover_picture(picture, booth.size)
            if "matte" in changed:
                matte = parts.matte(new, booth.size)
                matte.follow(booth.matte)
            if changed & {"background", "composite"}:
                running = None if "background" in changed else booth.compositor.background
                compositor = parts.compositor(new, booth.size, booth.source.fps, running)
                if running is None:
                    made.callback(compositor.close)
                compositor.follow(booth.compositor)
            if "model" in changed:
                segmenter = parts.segmenter(new, booth.stats, quick=True)
                made.callback(segmenter.close)
                segmenter = parts.for_film(new, segmenter, booth.source, booth.stats)
                booth.suit(segmenter)
            elif changed & {"framing", "privacy"}:  # privacy: masks are handed out again for as long as they are valid
                framing = parts.framed(new, segmenter.segmenter, booth.stats)
                if isinstance(segmenter, Thorough):
                    segmenter.second = parts.framed(new, segmenter.second.segmenter)
                if isinstance(segmenter, Edged):
                    segmenter.framing = framing
                else:
                    segmenter = framing
            made.pop_all()
        before = booth.segmenter, booth.compositor
        booth.pipeline.segmenter = booth.segmenter = segmenter
        booth.pipeline.matte = booth.matte = matte
        booth.pipeline.compositor = booth.compositor = compositor
        booth.pipeline.cover, booth.pipeline.max_mask_age = cover, new.privacy.max_mask_age
        booth.pipeline.every = new.quality.every
        if compositor is not before[1]:
            self._passed("composite")
            if before[1].background is not compositor.background:
                before[1].close()
        if "model" in changed:
            self._passed("infer")
            before[0].close()
        return self._changed

    def _passed(self, stage: str, seconds: float = 2.0) -> None:
        """Wait until `stage` has surely left the old part: it has finished twice since now, or stands still."""
        key, end = f"{stage}.count", time.monotonic() + seconds
        start = self._booth.stats.snapshot().get(key, 0)
        while self._booth.stats.snapshot().get(key, 0) < start + 2 and time.monotonic() < end:
            time.sleep(0.01)
