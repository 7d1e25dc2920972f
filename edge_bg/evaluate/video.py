"""Videos: how restless a mask is where nothing moves, and on labelled clips how true and how late."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_bg.evaluate import metrics
from edge_bg.evaluate.data import even, frames, labelled
from edge_bg.frame import Frame, Picture, from_bgr


@dataclass(frozen=True)
class VideoRecord:
    """flicker: see `metrics.Temporal.flicker`, on pixels that stand still. change: mean change of the mask from one
    frame to the next over all pixels, times 1000, at the model's own size: motion counts too; compare twins with it."""

    name: str
    model: str
    frames: int
    flicker: float
    change: float
    iou: float | None = None
    dtssd: float | None = None
    lag: float | None = None


def measure(path: Path, predict: Callable[[Frame], Picture], model: str, limit: int | None = None) -> VideoRecord:
    """The figures of one model on one video: a file, or the folder of a labelled clip, whose flicker is taken where the
    true alpha stands still, and which has IoU, dtSSD and lag too. Raises `PictureError`."""
    temporal = metrics.Temporal()
    past_luma: Picture | None = None
    past_mask: Picture | None = None
    changes: list[float] = []
    ious: list[float] = []
    count = 0
    for count, (bgr, truth) in enumerate(_pairs(path, limit), 1):
        frame = Frame(from_bgr(bgr), count / 30.0, count)
        mask = predict(frame)
        alpha = np.asarray(cv2.resize(mask, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)
        if truth is None:
            still = None if past_luma is None else metrics.still_pixels(frame.y, past_luma)
            temporal.add(alpha, still=still)
        else:
            temporal.add(alpha, truth)
            if (truth >= metrics.HALF).any():
                ious.append(metrics.iou(alpha, truth))
        if past_mask is not None:
            changes.append(float(cv2.absdiff(mask, past_mask).mean()) / 255 * 1000)
        past_luma, past_mask = frame.y, mask
    change = float(np.mean(changes)) if changes else float("nan")
    dtssd, lag = (None if math.isnan(v) else v for v in (temporal.dtssd, temporal.lag))
    iou = float(np.mean(ious)) if ious else None
    return VideoRecord(path.stem, model, count, temporal.flicker, change, iou, dtssd, lag)


def _pairs(path: Path, limit: int | None) -> Iterator[tuple[Picture, Picture | None]]:
    """(BGR picture, true alpha or None) of every frame."""
    if not path.is_dir():
        for bgr in frames(path, limit):
            yield bgr, None
        return
    for item in labelled(path)[:limit]:
        bgr, truth = item.read()
        yield even(bgr), even(truth)
