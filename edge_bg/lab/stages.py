"""The matte's stages on labelled clips: each alone, all but each, all; side by side in one run.

All ways get the same frames and the same masks, so that what differs is theirs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture, Size
from edge_bg.lab import metrics, ways
from edge_bg.lab.clips import Clip, Shot
from edge_bg.lab.paint import Seen, backdrop, compose, other_rooms, see
from edge_bg.lab.patterned import PATTERNED
from edge_bg.lab.scenes import SCENES, clips
from edge_bg.lab.temporal import Temporal
from edge_bg.lab.ways import Alpha, Brush, Predict, Run, Way
from edge_bg.lab.workers import processes

Progress = Callable[[int, int], None]

COLUMNS = {
    "iou": "IoU", "boundary_f": "bound. F", "mad": "MAD", "gradient": "gradient", "flicker": "flicker",
    "dtssd": "dtSSD", "lag": "lag", "prop_recall": "props", "false": "false", "lost": "lost", "back": "back",
    "color": "colour", "leak": "leak", "ms": "ms",
}  # fmt: skip
LEGEND = (
    "IoU, boundary F (2 px at 720 lines), alpha MAD, gradient error; flicker: change of alpha x1000 where the true "
    "alpha stands still; dtSSD; lag in frames at moving edges (clips count by how much moves); props: share of held "
    "things kept; false: share of the room kept, lost: of the people gone, in percent; back: seconds after a light "
    "switch or a bump until the room is as well removed as in raw; colour: error of the composite in the soft band, "
    "levels; leak: share of the old room's light left there, in percent; ms a frame after the network."
)


@dataclass
class _Tally:
    """The figures of one way on one clip, as they come."""

    way: Way
    temporal: Temporal = field(default_factory=Temporal)
    values: dict[str, list[float]] = field(default_factory=lambda: {k: [] for k in COLUMNS})
    _brush: Brush | None = None
    _ignored: NDArray[np.bool_] | None = None

    def add(self, alpha: Alpha, shot: Shot, seconds: float, seen: Seen | None) -> None:
        if shot.lead:
            return
        truth, values = shot.truth, self.values
        made, alpha = alpha, np.asarray(alpha)[: truth.shape[0]]
        ignore = np.zeros_like(shot.ignore) if self.way.strict else shot.ignore
        alpha = np.where(ignore, truth, alpha)
        if shot.cut:
            self.temporal.cut()
        # Where a passer-by comes or goes, what changes is what is asked, not the alpha.
        self.temporal.add(alpha, truth, still=~(ignore if self._ignored is None else ignore | self._ignored))
        self._ignored = ignore
        values["ms"].append(1000 * seconds)
        if not shot.counted:
            return
        values["false"].append(100 * metrics.false_foreground(alpha, truth))
        values["mad"].append(metrics.mad(alpha, truth))
        if not truth.any():
            return
        values["iou"].append(metrics.iou(alpha, truth))
        values["lost"].append(100 * (1 - metrics.recall(alpha, truth >= metrics.HALF)))
        values["prop_recall"].append(metrics.recall(alpha, shot.props))
        if seen is not None:
            values["boundary_f"].append(metrics.boundary_f(alpha, truth))
            values["gradient"].append(metrics.gradient_error(alpha, truth))
            picture = self._paint(shot.frame, seen.camera, made, alpha, seen.background)
            values["color"].append(metrics.color_error(picture, seen.perfect, truth))
            pictures = [frame.bgr() for frame in seen.others]
            painted = [
                self._paint(frame, bgr, made, alpha, seen.background)
                for frame, bgr in zip(seen.others, pictures, strict=True)
            ]
            values["leak"].append(100 * metrics.leak(painted, pictures, truth))

    def _paint(self, frame: Frame, bgr: Picture, made: Alpha, alpha: Alpha, background: Picture) -> Picture:
        """The way's composite of a frame, `bgr` its picture, by the alpha it made; BGR uint8 (H, W, 3)."""
        brush = self.brush(background)
        return compose(bgr, alpha, background) if brush is None else brush(frame, made)

    def brush(self, background: Picture) -> Brush | None:
        """The way's own brush, started once."""
        if self.way.brush is not None and self._brush is None:
            self._brush = self.way.brush((background.shape[1], background.shape[0]), background)
        return self._brush

    def figures(self) -> dict[str, float | None]:
        values = {k: _mean(v) for k, v in self.values.items()}
        values["ms"] = float(np.median(self.values["ms"])) if self.values["ms"] else None
        for name in ("flicker", "dtssd", "lag"):
            value = getattr(self.temporal, name)
            values[name] = None if math.isnan(value) else value
        values["motion"] = self.temporal.motion
        return {k: None if v is None else round(v, 5) for k, v in values.items()}


def _mean(values: Sequence[float]) -> float | None:
    good = [v for v in values if not math.isnan(v)]
    return float(np.mean(good)) if good else None


def _weighted(pairs: Sequence[tuple[float, float]]) -> float | None:
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else None


def split_names(names: Sequence[str]) -> tuple[list[str] | None, list[str] | None]:
    """(clips, ways) out of a mixed list of names, None where none was named; ValueError for an unknown name."""
    known = [w.name for w in ways.stages()]
    scenes = SCENES | PATTERNED
    unknown = [n for n in names if n not in scenes and n not in known]
    if unknown:
        raise ValueError(
            f"neither a clip nor a stage: {', '.join(unknown)}; clips: {', '.join(scenes)}; stages: {', '.join(known)}"
        )
    return [n for n in names if n in scenes] or None, [n for n in names if n in known] or None


@dataclass(frozen=True)
class Task:
    """What is played: `scenes` and `only` are names of clips and ways, None for all; `frames` cuts each clip short."""

    model: str = "landscape"
    seed: int = 0
    size: Size = (1280, 720)
    data: Path | None = None
    scenes: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None
    frames: int | None = None

    def names(self) -> tuple[str, ...]:
        """The clips to play."""
        return tuple(SCENES) if self.scenes is None else self.scenes

    def clip(self, name: str) -> Clip:
        """One clip."""
        return clips(self.seed, self.size, names=[name], data=self.data, frames=self.frames)[0]


Played = tuple[str, dict[str, dict[str, float | None]], float]


def measure(
    task: Task,
    *,
    contenders: Sequence[Way] | None = None,
    predict: Predict | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Every way on every clip: `{"ways": {name: {"about", "mean": figures, "clips": {clip: figures}}}, "network_ms"}`.

    figures: see `LEGEND`; "mean" is over the clips that have the figure. `contenders` other than the matte's stages
    (peers), or a `predict` other than the model's, are measured in this process; else `workers` share the clips.
    progress: called with (clips done, clips). Raises `ModelError`; ValueError for unknown names.
    """
    chosen = ways.choose(task.only, ways.stages() if contenders is None else contenders)
    names = task.names()
    clips(task.seed, (64, 64), names=names)  # unknown names are told before anything is played
    result: dict[str, Any] = {
        "model": task.model, "seed": task.seed, "size": list(task.size), "network_ms": None,
        "ways": {way.name: {"about": way.about, "mean": {}, "clips": {}} for way in chosen},
    }  # fmt: skip
    network = []
    alone = workers <= 1 or contenders is not None or predict is not None
    for done, (name, figures, ms) in enumerate(_alone(task, chosen, predict) if alone else _shared(task, workers), 1):
        for way, values in figures.items():
            result["ways"][way]["clips"][name] = values
        network.append(ms)
        if progress is not None:
            progress(done, len(names))
    result["network_ms"] = round(float(np.median(network)), 3)
    for entry in result["ways"].values():
        rows = entry["clips"].values()
        means = {c: _mean([v for r in rows if (v := r[c]) is not None]) for c in COLUMNS}
        means["lag"] = _weighted([(v, r["motion"] or 0.0) for r in rows if (v := r["lag"]) is not None])
        entry["mean"] = {c: None if v is None else round(v, 5) for c, v in means.items()}
    return result


def _alone(task: Task, chosen: Sequence[Way], predict: Predict | None) -> Iterator[Played]:
    with ExitStack() as stack:
        if predict is None:
            from edge_bg.network.segment import Segmenter

            predict = stack.enter_context(Segmenter(task.model, threads=1))
        for name in task.names():
            yield play(task.clip(name), chosen, predict)


def _shared(task: Task, workers: int) -> Iterator[Played]:
    with processes(workers) as pool:
        yield from pool.map(_one, [replace(task, scenes=(name,)) for name in task.names()])


def _one(task: Task) -> Played:
    cv2.setNumThreads(1)
    return next(_alone(task, ways.choose(task.only, ways.stages()), None))


def play(clip: Clip, chosen: Sequence[Way], predict: Predict) -> Played:
    """One clip through all ways: (its name, {way: figures}, median ms of the network)."""
    shrink = getattr(predict, "shrink", lambda frame: None)
    runs: dict[str, Run] = {}
    looks: dict[str, Predict] = {}
    tallies = {way.name: _Tally(way) for way in chosen}
    background, network = backdrop(clip.size), []
    others = other_rooms(clip.size)
    for shot in clip:
        if shot.cut or not runs:
            runs = {way.name: way.start(clip.size) for way in chosen}
            looks = {way.name: way.look(predict) for way in chosen if way.look is not None}
        frame = replace(shot.frame, truth=None)  # nobody may look
        start = time.perf_counter()
        shrink(frame)  # as the pipeline does, before it looks
        mask = predict(frame)
        spent = time.perf_counter() - start
        network.append(1000 * spent)
        seen = see(shot, background, others) if clip.costly(shot) else None
        for name, run in runs.items():
            start = time.perf_counter()
            seen_by = looks[name](frame) if name in looks else mask
            alpha = run(seen_by, frame)
            seconds = time.perf_counter() - start - (spent if name in looks else 0)
            tallies[name].add(alpha, shot, seconds, seen)
    figures = {name: tally.figures() for name, tally in tallies.items()}
    for name, tally in tallies.items():
        figures[name]["back"] = _back(tally, tallies.get("raw"), clip)
    return clip.name, figures, float(np.median(network))


def _back(tally: _Tally, base: _Tally | None, clip: Clip) -> float | None:
    """Seconds after the clip's events (the slower of them) until a way keeps at most half a percent more of the room
    than the bare mask, for ten frames. None where nothing happens or there is no bare mask."""
    events = [frame for frame in clip.events.values() if frame < len(clip)]
    if base is None or not events:
        return None
    worse = np.array(tally.values["false"]) > np.array(base.values["false"]) + 0.5
    ends = [*sorted(events)[1:], len(clip)]
    waits = []
    for start, end in zip(sorted(events), ends, strict=True):
        bad = worse[start:end]
        calm = [i for i in range(len(bad)) if not bad[i : i + 10].any()]
        waits.append(calm[0] if calm else len(bad))
    return max(waits) / clip.fps


def text(table: dict[str, Any]) -> str:
    """The table for a terminal; the mean over the clips."""
    width, height = table["size"]
    clips_ = next(iter(table["ways"].values()))["clips"]
    lines = [
        f"{table['model']}, {width}x{height}, seed {table['seed']}; mean over {len(clips_)} clips: {', '.join(clips_)}",
        f"network: {table['network_ms']:.2f} ms a frame (one thread, with the frame's way in)",
        f"{'':<24}" + "".join(f"{title:>10}" for title in COLUMNS.values()),
    ]
    for name, entry in table["ways"].items():
        lines.append(f"{name:<24}" + "".join(_cell(c, entry["mean"][c]) for c in COLUMNS))
    return "\n".join([*lines, LEGEND])


def markdown(table: dict[str, Any], clip: str | None = None) -> str:
    """The same as a table in Markdown; of one clip, or the mean over all."""
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "--:|" * len(COLUMNS)]
    for name, entry in table["ways"].items():
        figures = entry["mean"] if clip is None else entry["clips"][clip]
        lines.append(f"| {name} | " + " | ".join(_cell(c, figures[c]).strip() for c in COLUMNS) + " |")
    return "\n".join(lines)


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return f"{'-':>10}"
    digits = {"iou": 3, "boundary_f": 3, "mad": 4, "prop_recall": 3, "color": 1, "leak": 1}
    return f"{value:>10.{digits.get(column, 2)}f}"
