"""Brings a running booth from one config to another: what can change live does, without a dropped frame."""

from __future__ import annotations

import logging
import time
from typing import Final

from edge_bg import build
from edge_bg.composite import cover_picture
from edge_bg.config import Config

log = logging.getLogger(__name__)

_RESTART: Final = ("source", "sinks", "sync", "composite")  # threads, sizes and files hang on these


class Reloader:
    """The differences between `old` and `new`, and how to apply them to `booth`."""

    def __init__(self, booth: build.Booth, old: Config, new: Config) -> None:
        self._booth, self._new = booth, new
        self._changed = [name for name in type(new).model_fields if getattr(old, name) != getattr(new, name)]

    @property
    def needs_restart(self) -> list[str]:
        """Names of changed parts that cannot change while the loop runs."""
        return [name for name in self._changed if name in _RESTART]

    def apply(self) -> list[str]:
        """Change the booth, the riskiest first; returns the names of what changed.

        Raises the `EdgeBgError` of a part that cannot be opened; that part then stays as it was.
        """
        for name in sorted(self._changed, key=("model", "background", "privacy", "framing", "matte", "log").index):
            getattr(self, f"_{name}")()
        return self._changed

    def _model(self) -> None:
        new = build.segmenter(self._new, self._booth.stats)
        old, self._booth.pipeline.segmenter = self._booth.segmenter, new
        self._booth.segmenter = new
        self._passed("infer")
        old.close()

    def _background(self) -> None:
        self._booth.background = build.background(self._new.background)

    def _privacy(self) -> None:
        cover = build.background(self._new.privacy.cover)
        try:
            self._booth.pipeline.cover = cover_picture(cover, self._booth.size)
        finally:
            cover.close()
        self._booth.pipeline.max_mask_age = self._new.privacy.max_mask_age
        self._framing()  # it hands masks out again for as long

    def _framing(self) -> None:
        network = self._booth.segmenter.segmenter
        new = build.framed(self._new, network, self._booth.stats)
        self._booth.pipeline.segmenter = self._booth.segmenter = new

    def _matte(self) -> None:
        self._booth.pipeline.matte = self._booth.matte = build.matte(self._new, self._booth.size)

    def _log(self) -> None:
        """The level is set by whoever owns the logger."""

    def _passed(self, stage: str, seconds: float = 2.0) -> None:
        """Wait until `stage` has surely left the old part: it has finished twice since now, or stands still."""
        key, end = f"{stage}.count", time.monotonic() + seconds
        start = self._booth.stats.snapshot().get(key, 0)
        while self._booth.stats.snapshot().get(key, 0) < start + 2 and time.monotonic() < end:
            time.sleep(0.01)
