"""The ways side by side as pictures at 1:1: what the figures mean to an eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SinkError
from edge_bg.frame import Frame, Picture
from edge_bg.lab.clips import Shot
from edge_bg.lab.paint import backdrop, compose
from edge_bg.lab.stages import Task
from edge_bg.lab.ways import Way

Bgr = NDArray[np.uint8]
MOMENTS = {"booth": 0.95, "props": 0.9, "switch": 0.95, "fast": 0.6}  # in parts of the clip; the others at half
CROP = (260, 300)  # width, height


def draw(
    path: Path,
    task: Task,
    contenders: Sequence[Way],
    predict: Callable[[Frame], Picture],
    *,
    crop: tuple[int, int] = CROP,
) -> None:
    """Write a PNG: a row for a moment of each clip, a column for each way, at 1:1 on a new background,
    the camera's picture to the left and the truth to the right. Raises `SinkError` where it cannot be written."""
    crop = (min(crop[0], task.size[0]), min(crop[1], task.size[1]))
    rows = [_row(task, name, contenders, predict, crop) for name in task.names()]
    titles = ["camera", *(w.name for w in contenders), "truth"]
    head = np.full((26, rows[0].shape[1], 3), 255, np.uint8)
    for i, title in enumerate(titles):
        cv2.putText(head, title, (i * (crop[0] + 4) + 6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    if not cv2.imwrite(str(path), np.vstack([head, *rows])):
        raise SinkError(f"{path}: the sheet cannot be written", hint="Does its folder exist?")


def _row(
    task: Task, name: str, contenders: Sequence[Way], predict: Callable[[Frame], Picture], crop: tuple[int, int]
) -> Bgr:
    clip = task.clip(name)
    background = backdrop(clip.size)
    runs = [way.start(clip.size) for way in contenders]
    looks = [predict if way.look is None else way.look(predict) for way in contenders]
    brushes = [None if way.brush is None else way.brush(clip.size, background) for way in contenders]
    last = min(len(clip) - 1, int(len(clip) * MOMENTS.get(name, 0.5)))
    for shot in clip:
        frame = Frame(shot.frame.data, shot.frame.time, shot.frame.index)
        alphas = [run(look(frame), frame) for run, look in zip(runs, looks, strict=True)]
        if shot.frame.index >= last:
            break
    x, y = _where(shot, crop)
    cut = np.s_[y : y + crop[1], x : x + crop[0]]
    bgr = shot.frame.bgr()
    made = [
        compose(bgr, np.asarray(alpha)[: frame.height], background) if brush is None else brush(frame, alpha)
        for alpha, brush in zip(alphas, brushes, strict=True)
    ]
    shown = [bgr, *made, shot.over(background)]
    gap = np.full((crop[1], 4, 3), 255, np.uint8)
    parts = [part for picture in shown for part in (picture[cut], gap)][:-1]
    return np.vstack([np.hstack(parts), np.full((4, sum(p.shape[1] for p in parts), 3), 255, np.uint8)])


def _where(shot: Shot, crop: tuple[int, int]) -> tuple[int, int]:
    """Left and top of the crop: the props if there are any, else the head of whoever is highest."""
    height, width = shot.truth.shape
    target = shot.props if shot.props.any() else shot.truth >= 128
    ys, xs = np.nonzero(target)
    if ys.size == 0:
        return 0, 0
    top = int(ys.min())
    near = xs[ys < top + max(8, crop[1] // 6)]
    x = min(max(0, int(near.mean()) - crop[0] // 2), max(0, width - crop[0]))
    return x, min(max(0, top - crop[1] // 8), max(0, height - crop[1]))
