"""The quality ladder in real configs, in the real loop, and in a service that promises what no machine can keep."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from edge_bg import build, config
from edge_bg.composite import ColorBackground, Compositor, cover_picture
from edge_bg.loop.stats import Stats
from edge_bg.matte import Matte
from edge_bg.network import tuned
from edge_bg.network.card import find
from edge_bg.pipeline import Pipeline
from edge_bg.rungs import Walk
from edge_bg.sources.synthetic import Synthetic
from tests.service.test_service import Daemon, daemon  # noqa: F401 - a fixture

BASE: dict[str, Any] = {"source": {"kind": "synthetic", "size": "320x180"}, "sinks": ["null"]}


def made(**changes: Any) -> config.Config:
    return config.from_dict({**BASE, **changes})


def test_each_rung_changes_what_it_says_and_the_way_back_gives_all_back() -> None:
    base = made(quality={"latency": 0.1, "floor": "picture"})
    walk = Walk(base)
    assert walk.names == ["all", "looks", "skip", "model", "edges", "picture"]
    steps = [walk.config(base, rung) for rung in range(6)]
    assert steps[0] == base
    assert (steps[1].framing.looks, steps[2].quality.every, steps[3].model.name) == (1, 2, "small")
    assert (steps[4].matte.edges, steps[5].source.size) == ("bilinear", (160, 90))
    assert steps[5].framing.looks == 1 and walk.config(steps[5], 0) == base, "each includes those before it"
    turned = steps[4].model_copy(update={"background": made(background="blur").background})
    assert walk.config(turned, 0).background.kind == "blur", "what the operator changed meanwhile stays"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["all", "looks", "skip", "model", "edges"]),
        ({"quality": {"floor": "all"}}, ["all"]),
        ({"quality": {"floor": "skip"}}, ["all", "looks", "skip"]),
        ({"model": "small", "matte": {"edges": "bilinear"}}, ["all", "looks", "skip"]),
        ({"framing": {"crop": False}, "quality": {"every": 2}}, ["all", "model", "edges"]),
        ({"sinks": ["out.mp4"], "quality": {"floor": "picture"}}, ["all", "looks", "skip", "model", "edges"]),
    ],
)
def test_a_rung_that_changes_nothing_is_left_out(changes: dict[str, Any], names: list[str]) -> None:
    assert Walk(made(**changes)).names == names


def test_the_network_for_edges_that_tune_chose_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    base = made(model={"name": "landscape", "edges": "auto"}, framing={"crop": False}, quality={"latency": 0.1})
    assert "looks" not in Walk(base).names, "nothing was chosen for this board"
    card = find("landscape")
    tuned.save(tuned.Choice(card.path.stem, card.sha256, 1, tuned.board(), "2026-11-30", "", edges="portrait-light"))
    walk = Walk(base)
    assert walk.names[:2] == ["all", "looks"] and walk.config(base, 1).model.edges == "none"
    assert walk.config(walk.config(base, 1), 0).model.edges == "auto", "and comes back"


def test_without_a_promise_nothing_is_left_out() -> None:
    stats, walk = Stats(), Walk(made())
    for _ in range(20):
        stats.frame_out(time.monotonic() - 5.0)
    assert walk(made(), stats, 100.0) is None and walk(made(), stats, 200.0) is None and walk.rung == "all"


def test_every_second_frame_goes_out_with_a_mask_that_is_one_frame_old() -> None:
    calls: list[int] = []

    class Looks:
        def shrink(self, frame: Any) -> None: ...

        def __call__(self, frame: Any) -> Any:
            calls.append(frame.index)
            return np.full((36, 64), 255, np.uint8)

    size = (128, 72)
    source = Synthetic(size, fps=60.0)
    source.open()
    with Compositor(ColorBackground("#00ff00"), size) as compositor:
        loop = Pipeline(
            source, Looks(), Matte(size), compositor, cover=cover_picture(ColorBackground("#0000ff"), size),
            max_mask_age=5.0, every=2,
        )  # fmt: skip
        out = []
        for frame in loop:
            out += [frame.index] if not frame.covered else []
            if len(out) == 30:
                break
    carried = loop.stats.snapshot()["carried"]
    assert abs(len(calls) - carried) <= 2 and carried >= 12, (len(calls), carried)


def test_a_mask_is_carried_no_further_than_it_is_valid_and_not_into_another_scene() -> None:
    size = (128, 72)
    source = Synthetic(size, fps=60.0)
    with Compositor(ColorBackground("#00ff00"), size) as compositor:
        loop = Pipeline(
            source, _NoLooks(), Matte(size), compositor, cover=cover_picture(ColorBackground("#0000ff"), size),
            max_mask_age=0.5, every=4,
        )  # fmt: skip
    from edge_bg.frame import Frame, filled

    data = filled(size, (0, 128, 128))
    of = Frame(data, 10.0, 0)
    assert loop._carries(Frame(data, 10.1, 1), of)
    assert not loop._carries(Frame(data, 10.5, 1), of) and not loop._carries(Frame(data, 9.9, 1), of)
    other = Frame(data, 10.1, 1)
    other.scene = 1
    assert not loop._carries(other, of)


class _NoLooks:
    def shrink(self, frame: Any) -> None: ...

    def __call__(self, frame: Any) -> Any: ...


def test_all_rungs_while_the_loop_runs() -> None:
    base = made(quality={"latency": 0.1}, model={"name": "landscape", "threads": 1})
    walk = Walk(base)
    with build.open(base) as booth:
        thread = threading.Thread(target=booth.run)
        thread.start()
        for rung in (1, 2, 3, 4, 0):
            before = booth.stats.snapshot().get("frames", 0)
            booth.apply(walk.config(booth.config, rung))
            end = time.monotonic() + 60
            while booth.stats.snapshot().get("frames", 0) < before + 3 and time.monotonic() < end:
                time.sleep(0.01)
            assert booth.stats.snapshot()["frames"] >= before + 3, f"frames on rung {rung}"
            assert booth.pipeline.every == (1 if rung in (0, 1) else 2)
            assert booth.segmenter.info["model"].startswith("small" if rung >= 3 else "landscape")
        booth.stop()
        thread.join()


def test_a_service_that_cannot_keep_its_promise_goes_down_to_its_floor_and_says_so(
    daemon: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    code = (
        "from edge_bg import service\nfrom edge_bg.loop import quality\n"
        "service.TICK = 0.1\nquality.SETTLE = 0.1\nraise SystemExit(service.main())"
    )
    text = (
        "source: {kind: synthetic, size: 320x180, fps: 30}\nsinks: [{kind: http, port: 0}]\n"
        "model: {threads: 1}\nquality: {latency: 0.0005, floor: model}\n"
    )
    service: Daemon = daemon(text, code)
    service.ready()
    service.until(lambda: "quality down to model" in service.status(), "the floor")
    address = service.text().split("watch at ")[1].split()[0]
    with urlopen(address + "state", timeout=60) as answer:
        assert json.load(answer)["rung"] == "model"
    with urlopen(address + "metrics", timeout=60) as answer:
        assert b'edge_bg_quality_info{rung="model"} 1' in answer.read()
    assert "quality: skip (" in service.text() and "ms are more than" in service.text()
    assert "edges" not in service.status()
    assert service.end()[0] == 0
