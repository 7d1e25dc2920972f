"""Counters and stage timers: what STATUS=, /metrics, /healthz and `edge-bg bench` read."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stage:
    """Times of one stage: how often it ran, its total wall time, and its most recent times in seconds."""

    __slots__ = ("count", "recent", "total")

    def __init__(self, window: int) -> None:
        self.count = 0
        self.total = 0.0
        self.recent: deque[float] = deque(maxlen=window)

    def add(self, seconds: float) -> None:
        """Note one run of `seconds`."""
        self.count += 1
        self.total += seconds
        self.recent.append(seconds)

    def median(self) -> float:
        """Median of the recent times in seconds, 0.0 before the first."""
        return self.percentile(0.5)

    def percentile(self, share: float) -> float:
        """The recent time in seconds that `share` (0..1) of them do not exceed, 0.0 before the first."""
        times = sorted(self.recent)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


class Rate:
    """Events a second over the last of them. Any thread may count, any thread may ask."""

    def __init__(self, window: int) -> None:
        self._times: deque[float] = deque(maxlen=window)

    def count(self) -> None:
        """One more, now."""
        self._times.append(time.monotonic())

    def fps(self) -> float:
        """The rate over the last `window` events, 0.0 when none came for 5 s."""
        times = list(self._times)
        if len(times) < 2 or time.monotonic() - times[-1] > 5.0:
            return 0.0
        return (len(times) - 1) / max(times[-1] - times[0], 1e-9)


class Stats:
    """Cheap enough to be always on: a dictionary update per event, under one short lock."""

    def __init__(self, window: int = 120) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._watched: dict[str, Callable[[], float]] = {}
        self._output = Rate(window)
        self.started = time.monotonic()

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Time a `with` block as one run of `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Note that `stage` took `seconds` once."""
        with self._lock:
            entry = self._stages.get(stage)
            if entry is None:
                entry = self._stages[stage] = Stage(self._window)
            entry.add(seconds)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`."""
        with self._lock:
            self._counts[name] += n

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Let `snapshot` show `name` as whatever `read()` returns then."""
        self._watched[name] = read

    def median(self, stage: str) -> float:
        """Median of the recent times of `stage` in seconds, 0.0 before the first."""
        with self._lock:
            entry = self._stages.get(stage)
            return entry.median() if entry else 0.0

    def percentile(self, stage: str, share: float) -> float:
        """The time of `stage` in seconds that `share` (0..1) of the recent ones do not exceed, 0.0 before the first."""
        with self._lock:
            entry = self._stages.get(stage)
            return entry.percentile(share) if entry else 0.0

    def forget(self, stage: str) -> None:
        """Leave the recent times of `stage` out from now on, as they were of other circumstances."""
        with self._lock:
            if stage in self._stages:
                self._stages[stage].recent.clear()

    def frame_out(self, captured: float) -> None:
        """A composited frame captured at `captured` (monotonic seconds) is ready to go out."""
        self.add("latency", time.monotonic() - captured)
        self.count("frames")
        self._output.count()

    def fps(self) -> float:
        """Rate of composited frames; see `Rate`."""
        return self._output.fps()

    def snapshot(self) -> dict[str, float]:
        """All figures, flat: counters, `<stage>.count|total_s|median_ms`, `latency.p95_ms`, `fps`, `uptime_s`."""
        fps = self.fps()
        with self._lock:
            out: dict[str, float] = dict(self._counts)
            for name, stage in self._stages.items():
                out[f"{name}.count"] = stage.count
                out[f"{name}.total_s"] = stage.total
                out[f"{name}.median_ms"] = stage.median() * 1e3
                if name == "latency":
                    out["latency.p95_ms"] = stage.percentile(0.95) * 1e3
        out.update({name: read() for name, read in self._watched.items()})
        out["fps"] = fps
        out["uptime_s"] = time.monotonic() - self.started
        return out
