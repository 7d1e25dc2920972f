"""What is known of one picture after it was measured."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture
from edge_bg.lab import metrics


@dataclass(frozen=True)
class Record:
    """One picture, one condition, one model. `score` is NaN where nobody was found."""

    name: str
    condition: str
    model: str
    iou: float
    boundary_f: float
    mad: float
    gradient: float
    score: float
    recall: float
    spill: float
    groups: dict[str, str]


def upsample(mask: Picture, frame: Frame) -> NDArray[np.uint8]:
    """A model's mask stretched bilinearly to the frame: what a model is worth without any help of the matte."""
    return np.asarray(cv2.resize(mask, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)


def measure(
    alpha: NDArray[np.uint8], truth: NDArray[np.uint8], name: str, condition: str, model: str, group: dict[str, str]
) -> Record:
    """All figures of one alpha against its truth."""
    found, there = alpha >= metrics.HALF, truth >= metrics.HALF
    both = int(np.count_nonzero(found & there))
    return Record(
        name=name,
        condition=condition,
        model=model,
        iou=metrics.iou(alpha, truth),
        boundary_f=metrics.boundary_f(alpha, truth),
        mad=metrics.mad(alpha, truth),
        gradient=metrics.gradient_error(alpha, truth),
        score=metrics.score(alpha),
        recall=both / max(1, int(np.count_nonzero(there))),
        spill=(int(np.count_nonzero(found)) - both) / max(1, int(np.count_nonzero(there))),
        groups=group,
    )
