"""Videos without labels: how restless a mask is where the picture stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_bg.evaluate import metrics
from edge_bg.evaluate.data import frames
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


def measure(path: Path, predict: Callable[[Frame], Picture], model: str, limit: int | None = None) -> VideoRecord:
    """Flicker of one model on one video; raises `PictureError`."""
    temporal = metrics.Temporal()
    past_luma: Picture | None = None
    past_mask: Picture | None = None
    changes: list[float] = []
    count = 0
    for count, bgr in enumerate(frames(path, limit), 1):
        frame = Frame(from_bgr(bgr), count / 30.0, count)
        mask = predict(frame)
        alpha = np.asarray(cv2.resize(mask, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)
        still = None if past_luma is None else metrics.still_pixels(frame.y, past_luma)
        temporal.add(alpha, still=still)
        if past_mask is not None:
            changes.append(float(cv2.absdiff(mask, past_mask).mean()) / 255 * 1000)
        past_luma, past_mask = frame.y, mask
    return VideoRecord(path.stem, model, count, temporal.flicker, float(np.mean(changes)) if changes else float("nan"))
