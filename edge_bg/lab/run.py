"""`evaluate`: every model on every picture under every condition, and on every video; figures come out.

    result = evaluate("people/", models=["landscape"])
    result.summary["models"]["landscape-144x256-int8"]["conditions"]["dark"]["iou"]["mean"]

Deterministic: the same data, models and seed give the same result, however many processes share the work.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture, from_bgr
from edge_bg.lab import conditions, groups, metrics, video
from edge_bg.lab.conditions import Scene
from edge_bg.lab.data import Data, Item, collect, even
from edge_bg.lab.record import Record, measure, upsample
from edge_bg.lab.summary import summarise
from edge_bg.lab.workers import processes

Progress = Callable[[int, int], None]


class Predictor(Protocol):
    """Whatever makes a mask of a frame: a `Segmenter`, or a function in a test."""

    def __call__(self, frame: Frame, /) -> Picture:
        """Mask of the frame, uint8 (h, w) of any size, 255 = person."""
        ...


@dataclass(frozen=True)
class Job:
    """What is to be measured. `models` are names or paths of cards; `conditions` names."""

    models: tuple[str, ...]
    conditions: tuple[str, ...]
    seed: int = 0
    company: tuple[Item, ...] = ()


@dataclass
class Result:
    """All records, the videos' figures, and the summary that JSON and report are made of."""

    job: Job
    data: Data
    records: list[Record]
    videos: list[video.VideoRecord]
    summary: dict[str, Any] = field(default_factory=dict)


def evaluate(
    data: str | Path,
    *,
    models: Sequence[str] = ("landscape",),
    conditions: Sequence[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
    workers: int = 2,
    predictors: dict[str, Predictor] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Measure `models` (names or card paths) on what lies in the folder `data`; see `data.collect` for what it may be.

    conditions: names out of `conditions.CONDITIONS`; None means all. limit: at most so many pictures, spread evenly.
    workers: processes; 1 stays in this one. predictors: measure these instead of models (in this process).
    progress: called with (done, total) after each picture or video.
    Raises `PictureError`, `ModelError`, and ValueError for an unknown condition.
    """
    found = collect(Path(data))
    names = tuple(conditions_known(conditions))
    items = found.items
    if limit is not None and limit < len(items):
        items = [items[i * len(items) // limit] for i in range(limit)]
    company = tuple(i for i in items[:: max(1, len(items) // 12)] if metrics.shows_somebody(i.read()[1]))
    job = Job(tuple(predictors or models), names, seed, company)
    total = len(items) + len(found.videos)
    records: list[Record] = []
    videos: list[video.VideoRecord] = []
    for done, part in enumerate(_work(job, items, found.videos, predictors, workers), 1):
        records += part if isinstance(part, list) else []
        videos += part if isinstance(part, tuple) else ()
        if progress is not None:
            progress(done, total)
    result = Result(job, Data(found.root, items, found.videos), records, videos)
    result.summary = summarise(result.records, result.videos, names, seed=seed)
    measured = {r.name for r in records}
    result.summary["left_out"] = [i.name for i in items if i.name not in measured]
    return result


def conditions_known(names: Sequence[str] | None) -> Sequence[str]:
    """`names`, or all conditions for None; ValueError for one that does not exist."""
    if names is None:
        return list(conditions.CONDITIONS)
    unknown = [n for n in names if n not in conditions.CONDITIONS]
    if unknown:
        raise ValueError(f"no condition {', '.join(unknown)}; there are: {', '.join(conditions.CONDITIONS)}")
    return names


Part = list[Record] | tuple[video.VideoRecord, ...]


def _work(
    job: Job, items: list[Item], videos: list[Path], predictors: dict[str, Predictor] | None, workers: int
) -> Iterator[Part]:
    """The parts in order, whoever made them."""
    if predictors is not None or workers <= 1:
        worker = Worker(job, predictors)
        yield from map(worker.picture, items)
        yield from map(worker.video, videos)
        return
    with processes(workers, _start, job) as pool:
        films = [pool.submit(_video, path) for path in videos]
        yield from pool.map(_picture, items, chunksize=2)
        for film in films:
            yield film.result()


class Worker:
    """Holds the open models of one process."""

    def __init__(self, job: Job, predictors: dict[str, Predictor] | None = None) -> None:
        self.job = job
        if predictors is None:
            from edge_bg.network.segment import Segmenter

            opened = [Segmenter(name, threads=1) for name in job.models]
            predictors = {segmenter.card.path.stem: segmenter for segmenter in opened}
        self.predictors = predictors

    def picture(self, item: Item) -> list[Record]:
        """All records of one picture; none when its mask marks nobody (see `metrics.shows_somebody`)."""
        bgr, truth = (even(p) for p in item.read())
        if not metrics.shows_somebody(truth):
            return []
        scene = Scene(item, bgr, truth, self.job.company)
        group = groups.of(bgr, truth)
        records = []
        for condition in self.job.conditions:
            changed, true = conditions.apply(condition, scene, self.job.seed)
            frame = Frame(from_bgr(changed), 0.0, 0)
            for model, predict in self.predictors.items():
                alpha = upsample(predict(frame), frame)
                records.append(measure(alpha, true, item.name, condition, model, group))
        return records

    def video(self, path: Path) -> tuple[video.VideoRecord, ...]:
        """The figures of one unlabelled video, for every model."""
        return video.measure(path, self.predictors)


_worker: Worker | None = None


def _start(job: Job) -> None:
    global _worker
    cv2.setNumThreads(1)
    _worker = Worker(job)


def _picture(item: Item) -> list[Record]:
    assert _worker is not None
    return _worker.picture(item)


def _video(path: Path) -> tuple[video.VideoRecord, ...]:
    assert _worker is not None
    return _worker.video(path)


def picture_of(item: Item, condition: str, job: Job) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture and truth that a record was measured on, made again."""
    bgr, truth = (even(p) for p in item.read())
    return conditions.apply(condition, Scene(item, bgr, truth, job.company), job.seed)


def fingerprint(items: Sequence[Item]) -> str:
    """A short name for a set of pictures: changes when a picture is added, removed or renamed."""
    return f"{zlib.crc32('|'.join(i.name for i in items).encode()):08x}"
