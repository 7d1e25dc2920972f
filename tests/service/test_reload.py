"""A reload in the middle of a run: every frame still goes out, and the new parts are in use."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_bg import build, config
from edge_bg.errors import EdgeBgError
from edge_bg.frame import Frame
from edge_bg.reload import RESTART, Reloader

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
            ({"model": {"name": "landscape", "threads": 1, "delegates": ["edgetpu"]}}, ["model"]),
            ({"model": {"name": "landscape", "threads": 1, "delegates": ["edgetpu", "cpu"]}}, []),
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
            "composite": {"wrap": 0.2},
            "framing": {"keep": "largest"},
            "privacy": {"max_mask_age": 2.0, "cover": "#00ff00"},
            "log": {"level": "debug"},
            "quality": {"latency": 0.5},
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
        assert started.wait(60 * SLOWNESS)
        first, compositor = booth.segmenter, booth.compositor
        changed = Reloader(booth, old, new).apply()
        loop.join(60 * SLOWNESS)
        assert not loop.is_alive()
        live = {part for part in config.Config.model_fields if part not in RESTART}
        assert set(changed) == live, "every part that changes live is changed here"
        assert booth.segmenter.info["precision"] == "float16" and booth.pipeline.segmenter is booth.segmenter
        assert booth.pipeline.max_mask_age == 2.0 and booth.pipeline.matte is booth.matte
        assert booth.pipeline.compositor is booth.compositor and booth.compositor is not compositor
        with pytest.raises(ValueError, match="closed"):
            first(Frame(booth.pipeline.cover, 0.0, 0))
    assert [index for index, covered, _ in seen] == list(range(120))
    assert not any(covered for _, covered, _ in seen)
    assert seen[0][2] == 0 and seen[-1][2] == 255, "the corner is room: black before, white after"


def test_the_learned_room_outlives_a_change_of_the_matte() -> None:
    old = config.from_dict({**BASE, "matte": {"booth": True}})
    with build.open(old) as booth:
        before = booth.matte.booth
        Reloader(booth, old, config.from_dict({**BASE, "matte": {"booth": True, "radius": 3}})).apply()
        assert before is not None and booth.matte.booth is before and booth.matte.options.radius == 3
        assert booth.health()["room"] == "learning"


def test_a_part_that_cannot_be_opened_leaves_the_old_one(tmp_path: Path) -> None:
    old = config.from_dict(BASE)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    new = config.from_dict(
        {**BASE, "background": str(broken), "model": {"name": "landscape", "precision": "float16", "threads": 1}}
    )
    with build.open(old) as booth:
        before = booth.background, booth.segmenter
        with pytest.raises(EdgeBgError):
            Reloader(booth, old, new).apply()
        assert (booth.background, booth.segmenter) == before, "a part that could have been changed is not, either"


def test_the_documentation_says_of_each_part_what_a_reload_does(root: Path) -> None:
    text = (root / "docs/service.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| (live|the loop starts anew)", text, re.M)
    told = {name: how for names, how in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == {part: "the loop starts anew" if part in RESTART else "live" for part in config.Config.model_fields}


def test_a_shorter_age_of_masks_holds_from_the_reload_on() -> None:
    """With `sync: latest` a mask of a moment ago is used again and again: how old it may be is asked for each frame."""
    from edge_bg.loop.mailbox import Latest
    from edge_bg.loop.pairing import newest_pairs

    shown: Latest[Frame] = Latest()
    masked: Latest[Any] = Latest()
    age = [1.0]
    data = np.zeros((96, 96), np.uint8)
    pairs = newest_pairs(shown, masked, lambda: 1.0, lambda: age[0])
    made_of = Frame(data, 0.0, 0)
    masked.put((made_of, data, made_of))
    shown.put(Frame(data, 0.5, 1))
    assert next(pairs) is not None
    age[0] = 0.2
    shown.put(Frame(data, 0.6, 2))
    assert next(pairs) is None
