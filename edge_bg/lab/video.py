"""Videos: how restless a mask is where nothing moves, and on labelled clips how true and how late."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture, from_bgr
from edge_bg.lab import metrics
from edge_bg.lab.data import even, frames, labelled
from edge_bg.lab.temporal import Temporal, still_pixels

Predict = Callable[[Frame], Picture]


@dataclass(frozen=True)
class VideoRecord:
    """flicker: see `Temporal.flicker`, on pixels that stand still. change: mean change of the mask from one frame to
    the next over all pixels, times 1000, at the model's own size: real motion counts too."""

    name: str
    model: str
    frames: int
    flicker: float
    change: float
    iou: float | None = None
    dtssd: float | None = None
    lag: float | None = None


@dataclass
class _Watch:
    """What one model's masks of a video add up to."""

    temporal: Temporal = field(default_factory=Temporal)
    changes: list[float] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    past: Picture | None = None

    def add(self, mask: Picture, frame: Frame, truth: Picture | None, still: NDArray[np.bool_] | None) -> None:
        alpha = np.asarray(cv2.resize(mask, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)
        self.temporal.add(alpha, truth, still)
        if truth is not None and metrics.shows_somebody(truth):
            self.ious.append(metrics.iou(alpha, truth))
        if self.past is not None:
            self.changes.append(float(cv2.absdiff(mask, self.past).mean()) / 255 * 1000)
        self.past = mask

    def record(self, name: str, model: str, count: int) -> VideoRecord:
        change = float(np.mean(self.changes)) if self.changes else float("nan")
        dtssd, lag = (None if math.isnan(v) else v for v in (self.temporal.dtssd, self.temporal.lag))
        iou = float(np.mean(self.ious)) if self.ious else None
        return VideoRecord(name, model, count, self.temporal.flicker, change, iou, dtssd, lag)


def measure(
    path: Path,
    predictors: Mapping[str, Predict],
    limit: int | None = None,
    look: Callable[[dict[str, Picture]], None] | None = None,
) -> tuple[VideoRecord, ...]:
    """The figures of each model (by name) on one video: a file, or the folder of a labelled clip, whose flicker is
    taken where the true alpha stands still, and which has IoU, dtSSD and lag too.

    limit: at most so many frames. look: called for each frame with all models' masks, uint8 (h, w).
    Raises `PictureError`.
    """
    watches = {name: _Watch() for name in predictors}
    past: Picture | None = None
    count = 0
    for count, (bgr, truth) in enumerate(_pairs(path, limit), 1):
        frame = Frame(from_bgr(bgr), count / 30.0, count)
        still = still_pixels(frame.y, past) if truth is None and past is not None else None
        masks = {name: predict(frame) for name, predict in predictors.items()}
        for name, mask in masks.items():
            watches[name].add(mask, frame, truth, still)
        if look is not None:
            look(masks)
        past = frame.y
    return tuple(watch.record(path.stem, name, count) for name, watch in watches.items())


def _pairs(path: Path, limit: int | None) -> Iterator[tuple[Picture, Picture | None]]:
    """(BGR picture, true alpha or None) of every frame."""
    if not path.is_dir():
        for bgr in frames(path, limit):
            yield bgr, None
        return
    for item in labelled(path)[:limit]:
        bgr, truth = item.read()
        yield even(bgr), even(truth)
