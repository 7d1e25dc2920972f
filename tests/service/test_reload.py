"""A reload in the middle of a run: every frame still goes out, and the new parts are in use."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from edge_bg import build, config
from edge_bg.errors import EdgeBgError
from edge_bg.frame import Frame
from edge_bg.reload import Reloader

SLOWNESS = 8 if "QEMU_CPU" in os.environ else 1  # emulated processors do the same, later
BASE: dict[str, Any] = {
    "source": {"kind": "synthetic", "size": "256x144", "realtime": False, "frames": 120},
    "model": {"name": "landscape", "threads": 1},
    "background": "#000000",
    "sinks": ["null"],
}


def test_what_needs_a_restart() -> None:
    old = config.from_dict(BASE)
    with build.open(old) as booth:
        for change, names in (
            ({"background": "#ffffff"}, []),
            ({"sync": "latest"}, ["sync"]),
            ({"source": "synthetic:7", "sinks": ["http:0"]}, ["source", "sinks"]),
        ):
            assert Reloader(booth, old, config.from_dict({**BASE, **change})).needs_restart == names


def test_every_frame_goes_out_while_all_live_parts_change() -> None:
    old = config.from_dict(BASE)
    new = config.from_dict(
        {
            **BASE,
            "background": "#ffffff",
            "model": {"name": "landscape", "precision": "float16", "threads": 1},
            "matte": {"radius": 3},
            "privacy": {"max_mask_age": 2.0, "cover": "#00ff00"},
            "log": {"level": "debug"},
        }
    )
    seen: list[tuple[int, bool, int]] = []
    started = threading.Event()
    with build.open(old) as booth:
        booth.sinks._outlets[0].sink.lossless = True

        def note(name: str, frame: Frame) -> None:
            seen.append((frame.index, frame.covered, int(frame.y[0, 0])))
            if len(seen) == 20:
                started.set()

        booth.sinks.on_delivered = note
        loop = threading.Thread(target=booth.run)
        loop.start()
        assert started.wait(20 * SLOWNESS)
        first = booth.segmenter
        changed = Reloader(booth, old, new).apply()
        loop.join(60 * SLOWNESS)
        assert not loop.is_alive()
        assert sorted(changed) == ["background", "log", "matte", "model", "privacy"]
        assert booth.segmenter.info["precision"] == "float16" and booth.pipeline.segmenter is booth.segmenter
        assert booth.pipeline.max_mask_age == 2.0 and booth.pipeline.matte is booth.matte
        with pytest.raises(ValueError, match="closed"):
            first(Frame(booth.pipeline.cover, 0.0, 0))
    assert [index for index, covered, _ in seen] == list(range(120))
    assert not any(covered for _, covered, _ in seen)
    assert seen[0][2] == 0 and seen[-1][2] == 255, "the corner is room: black before, white after"


def test_a_part_that_cannot_be_opened_leaves_the_old_one(tmp_path: Path) -> None:
    old = config.from_dict(BASE)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    new = config.from_dict({**BASE, "background": str(broken)})
    with build.open(old) as booth:
        before = booth.background
        with pytest.raises(EdgeBgError):
            Reloader(booth, old, new).apply()
        assert booth.background is before
