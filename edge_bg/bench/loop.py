"""CPU time of the loop's stages beside a reference loop, and the rate of the whole loop beside bare `invoke`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import cv2
import numpy as np

from edge_bg import frame as f
from edge_bg.assets import data_path
from edge_bg.composite import ColorBackground, Compositor, cover_picture
from edge_bg.errors import EdgeBgError, MissingDependency
from edge_bg.matte import Matte
from edge_bg.network.card import ModelCard
from edge_bg.network.segment import Segmenter
from edge_bg.pipeline import Pipeline
from edge_bg.sinks.fanout import Sinks
from edge_bg.sinks.null import Null
from edge_bg.sources.synthetic import Synthetic


class InMemory:
    """A source that gives the same few frames over and over, at no cost: the loop alone is measured."""

    live, state, failures = True, "ok", 0

    def __init__(self, size: f.Size, count: int = 8) -> None:
        self.size, self.fps = size, 30.0
        source = Synthetic(size=size, frames=count * 4, realtime=False)
        with source:
            self.frames = [frame.copy() for frame in source][::4]
        self._closed = False

    def __iter__(self) -> Iterator[f.Frame]:
        index = 0
        while not self._closed:
            data = self.frames[index % len(self.frames)].data
            yield f.Frame(data, time.monotonic(), index)
            index += 1

    def close(self) -> None:
        """End the iteration."""
        self._closed = True


class Waiting(InMemory):
    """The same, for a loop that may take every frame as soon as it is done with the last."""

    live = False


def picture(size: f.Size) -> f.Picture:
    """A colourful background of `size` as RGB; drawn, so that nothing has to be read."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.dstack((x, y, 255 - x)).astype(np.uint8)


def loop_background(size: f.Size) -> Any:
    """The background of the measured loop; a colour costs what a picture costs, as both lie ready in memory."""
    return ColorBackground(color="#3060a0")


def blank(card: ModelCard) -> f.Frame:
    """A grey frame of the network's own size."""
    width, height = card.size
    return f.Frame(f.filled((width // 2 * 2, height // 2 * 2), (128, 128, 128)), 0.0, 0)


def reference_loop(size: f.Size, model: f.Size) -> Any:
    """The peers' loop of `benchmarks/reference_loop.py`."""
    path = data_path("benchmarks/reference_loop.py")
    spec = spec_from_file_location("edge_bg_reference_loop", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise MissingDependency(f"{path} is missing", hint="Run the bench from a checkout or a complete install")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ReferenceLoop(size, model, picture(size)[..., ::-1])


def stages(card: ModelCard, size: f.Size, rounds: int = 60) -> dict[str, Any]:
    """CPU milliseconds a frame of everything but `invoke`, ours and the reference's, in turns, on one thread.

    Both begin with a frame in memory in their own format (I420, BGR) and end with a JPEG of the same quality.
    """
    from edge_bg.sinks.http import jpeg_encoder

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        encode = jpeg_encoder(80)
        frames = InMemory(size).frames
        segmenter = Segmenter(card, threads=1)
        matte, compositor = Matte(size), Compositor(loop_background(size), size)
        reference = reference_loop(size, card.size)
        bgr = [frame.bgr() for frame in frames]
        ours: dict[str, list[float]] = {"prepare": [], "matte": [], "composite": [], "jpeg": []}
        theirs: dict[str, list[float]] = {"prepare": [], "composite": [], "jpeg": []}
        softer: dict[str, list[float]] = {"soften": []}
        masks: list[f.Picture] = []
        for i in range(rounds):
            # In turns of a few frames, the first of which finds the caches as the other loop left them.
            frame, first = f.Frame(frames[i % len(frames)].data, 0.0, i), i % _TURN == 0
            clock = _Clock(ours, counts=not first)
            segmenter.shrink(frame)
            box = segmenter.prepare(frame)
            clock("prepare")
            segmenter.invoke()
            clock(None)
            mask = segmenter.mask(box)
            clock("prepare", add=True)
            alpha = matte(mask, frame)
            clock("matte")
            out = compositor(frame, alpha)
            clock("composite")
            encode(out)
            clock("jpeg")
            masks.append(mask)
            if len(masks) < _TURN:
                continue
            for turn, mask in enumerate(masks):
                picture_in = bgr[(i + 1 - len(masks) + turn) % len(bgr)]
                float_mask = mask.astype(np.float32) / 255
                clock = _Clock(theirs, counts=turn > 0)
                reference.prepare(picture_in)
                clock("prepare")
                upsampled = reference.upsample(float_mask)
                composited = reference.composite(picture_in, upsampled)
                clock("composite")
                reference.encode(composited, 80)
                clock("jpeg")
                clock = _Clock(softer, counts=turn > 0)
                reference.soften(upsampled)
                clock("soften")
            masks.clear()
        segmenter.close()
    finally:
        cv2.setNumThreads(before)
    mine = {name: 1e3 * statistics.median(times) for name, times in ours.items()}
    yours = {name: 1e3 * statistics.median(times) for name, times in theirs.items()}
    soften = 1e3 * statistics.median(softer["soften"])
    return {
        "size": list(size),
        "ours_ms": {**mine, "all": sum(mine.values())},
        "reference_ms": {**yours, "all": sum(yours.values())},
        "ratio": sum(mine.values()) / sum(yours.values()),
        "goal": 0.25,
        "reference_soften_ms": soften,
        "ratio_with_soften": sum(mine.values()) / (sum(yours.values()) + soften),
    }


_TURN = 6  # frames of one loop before it is the other's turn


class _Clock:
    """Laps of CPU time, appended to lists by name, if they count."""

    def __init__(self, laps: dict[str, list[float]], *, counts: bool = True) -> None:
        self._laps = laps if counts else {name: [] for name in laps}
        self._last = time.process_time()

    def __call__(self, name: str | None, *, add: bool = False) -> None:
        now = time.process_time()
        if name is not None and add:
            self._laps[name][-1] += now - self._last
        elif name is not None:
            self._laps[name].append(now - self._last)
        self._last = time.process_time()


def invoke_rate(card: ModelCard, threads: int, seconds: float) -> float:
    """Calls a second of back-to-back `invoke`."""
    with Segmenter(card, threads=threads) as segmenter:
        segmenter(blank(card))  # the first call opens the model and warms its caches
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            segmenter.invoke()
            count += 1
    return count / spent


def loop_rate(card: ModelCard, size: f.Size, threads: int, seconds: float) -> float:
    """Composited frames a second of the whole loop with the null sink, as fast as it goes."""
    source = Waiting(size)
    with Segmenter(card, threads=threads) as segmenter:
        pipeline = Pipeline(
            source,
            segmenter,
            Matte(size),
            Compositor(loop_background(size), size),
            Sinks([Null()]),
            cover=cover_picture(loop_background(size), size),
        )
        start = time.perf_counter()
        sent = pipeline.run(duration=seconds)
        return sent / (time.perf_counter() - start)


def throughput(card: ModelCard, size: f.Size, threads: int = 1, seconds: float = 2.0, turns: int = 3) -> dict[str, Any]:
    """The loop's rate as a share of bare `invoke`, in turns, so that a noisy machine hits both."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        pairs = [(invoke_rate(card, threads, seconds), loop_rate(card, size, threads, seconds)) for _ in range(turns)]
    finally:
        cv2.setNumThreads(before)
    return {
        "size": list(size),
        "threads": threads,
        "invoke_per_s": statistics.median(p[0] for p in pairs),
        "loop_per_s": statistics.median(p[1] for p in pairs),
        "ratio": statistics.median(p[1] / p[0] for p in pairs),
        "goal": 0.85,
    }


def invoke_times(
    cards: list[ModelCard], threads: list[int], rounds: int = 40, limit: float = 30.0
) -> list[dict[str, Any]]:
    """Median milliseconds of one `invoke` for every card and number of threads, measured in turns.

    After `limit` seconds the round that runs is the last, but for the fifth: a slow machine is not kept for minutes.
    """
    open_ones = [(card, n, Segmenter(card, threads=n)) for card in cards for n in threads]
    for card, _, segmenter in open_ones:
        segmenter(blank(card))
    times: dict[int, list[float]] = {i: [] for i in range(len(open_ones))}
    began = time.perf_counter()
    for done in range(rounds):
        if done >= 5 and time.perf_counter() - began > limit:
            break
        for i, (_, _, segmenter) in enumerate(open_ones):
            start = time.perf_counter()
            segmenter.invoke()
            times[i].append(time.perf_counter() - start)
    rows = []
    for i, (card, n, segmenter) in enumerate(open_ones):
        rows.append(
            {
                "model": card.name,
                "precision": card.precision,
                "threads": n,
                "ms": 1e3 * statistics.median(times[i]),
            }
        )
        segmenter.close()
    return rows


def delegate_times(card: ModelCard, delegates: Sequence[str], rounds: int = 40) -> list[dict[str, Any]]:
    """Median milliseconds of one `invoke` on each delegate by itself, or why it cannot be used."""
    rows: list[dict[str, Any]] = []
    for delegate in delegates:
        try:
            with Segmenter(card, delegates=[delegate]) as segmenter:
                segmenter(blank(card))
                times = []
                for _ in range(rounds):
                    start = time.perf_counter()
                    segmenter.invoke()
                    times.append(time.perf_counter() - start)
                rows.append({"delegate": delegate, "ms": 1e3 * statistics.median(times)})
        except EdgeBgError as error:
            words = error.message.replace(f"{card.path.parent}/", "")  # a report names no folder of the user
            rows.append({"delegate": delegate, "error": words})
    return rows
