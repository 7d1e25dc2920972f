"""The program as a whole: its start, its memory over many frames, and what a frame allocates."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from edge_bg import frame as f
from edge_bg.bench.loop import Waiting, loop_background
from edge_bg.composite import Compositor, cover_picture
from edge_bg.matte import Matte
from edge_bg.network.card import ModelCard
from edge_bg.network.segment import Segmenter
from edge_bg.pipeline import Pipeline

_CONFIG = """
source: {{kind: synthetic, size: {width}x{height}, realtime: false}}
model: {{name: {model}, precision: {precision}}}
background: "#3060a0"
sinks:
  - kind: http
    port: {port}
"""


def startup(runs: int = 3) -> dict[str, Any]:
    """Seconds from the start of the program to the first composited frame, best and median of `runs`."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "edge_bg", "run", "--source", "synthetic", "--sink", "null", "--frames", "1"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        times.append(time.perf_counter() - start)
    times.sort()
    return {"seconds": times[len(times) // 2], "best": times[0], "includes": "exit", "goal": 2.0}


def memory(card: ModelCard, size: f.Size, frames: int = 1000) -> dict[str, Any]:
    """Resident megabytes of `edge-bg run` with the HTTP sink and one viewer, over `frames` frames."""
    import socket
    import threading
    import urllib.request

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        width, height = size
        path.write_text(
            _CONFIG.format(width=width, height=height, model=card.name, precision=card.precision, port=port)
        )
        child = subprocess.Popen(
            [sys.executable, "-m", "edge_bg", "run", str(path), "--frames", str(frames)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seen = {"bytes": 0}

        def watch() -> None:
            end = time.monotonic() + 30
            while child.poll() is None and time.monotonic() < end:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream.mjpg", timeout=10) as stream:
                        while chunk := stream.read(65536):
                            seen["bytes"] += len(chunk)
                except OSError:
                    time.sleep(0.1)

        threading.Thread(target=watch, daemon=True).start()
        samples: list[float] = []
        while child.poll() is None:
            value = resident_mb(child.pid)
            if value is not None:
                samples.append(value)
            time.sleep(0.2)
    settled = samples[len(samples) // 5 :] or [0.0]
    middle = settled[: max(1, len(settled) // 4)], settled[-max(1, len(settled) // 4) :]
    return {
        "frames": frames,
        "exit": child.returncode,
        "viewer_mb": seen["bytes"] / 1e6,
        "peak_mb": max(samples, default=0.0),
        "early_mb": sum(middle[0]) / len(middle[0]),
        "late_mb": sum(middle[1]) / len(middle[1]),
        "goal": 150.0,
    }


def resident_mb(pid: int | None = None) -> float | None:
    """Resident memory of a process in megabytes (1e6 bytes), None once it is gone."""
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def allocations(card: ModelCard, size: f.Size, frames: int = 100) -> dict[str, Any]:
    """Largest memory, in bytes, that Python and NumPy took anew within any one frame in steady state.

    tracemalloc sees what NumPy allocates, and OpenCV's results too, as they are NumPy arrays. The loop is run stage
    after stage on one thread, and the peak above the start of each frame is taken.
    """
    source = Waiting(size)
    segmenter = Segmenter(card, threads=1)
    matte, compositor = Matte(size), Compositor(loop_background(size), size)

    def step(data: f.I420) -> None:
        frame = f.Frame(data, 0.0, 0)
        segmenter.shrink(frame)
        compositor(frame, matte(segmenter(frame), frame))

    for i in range(30):
        step(source.frames[i % len(source.frames)].data)
    tracemalloc.start()
    peaks, before = [], tracemalloc.get_traced_memory()[0]
    for i in range(frames):
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        step(source.frames[i % len(source.frames)].data)
        peaks.append(tracemalloc.get_traced_memory()[1] - start)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    segmenter.close()
    width, height = size
    peaks.sort()
    return {
        "frames": frames,
        "peak_bytes": peaks[-1],
        "median_bytes": peaks[len(peaks) // 2],
        "kept_bytes": after - before,
        "luma_bytes": width * height,
        "frame_sized": peaks[-1] >= width * height,
    }


def latency(card: ModelCard, size: f.Size, seconds: float = 3.0) -> dict[str, Any]:
    """Milliseconds from capture to composited frame at 30 fps, and what the loop dropped meanwhile."""
    from edge_bg.sources.synthetic import Synthetic

    source = Synthetic(size=size, fps=30.0, realtime=True)
    with source, Segmenter(card) as segmenter:
        pipeline = Pipeline(
            source,
            segmenter,
            Matte(size),
            Compositor(loop_background(size), size),
            cover=cover_picture(loop_background(size), size),
        )
        end = time.monotonic() + seconds
        for _ in pipeline:
            if time.monotonic() > end:
                break
    snapshot = pipeline.stats.snapshot()
    return {
        "fps": snapshot["fps"],
        "latency_ms": snapshot["latency.median_ms"],
        "dropped": sum(value for name, value in snapshot.items() if name.startswith("dropped.")),
    }
