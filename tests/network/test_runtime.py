"""Finding a runtime, counting the cores that are there, running a model."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np
import pytest

from edge_bg.board.cores import usable_cores
from edge_bg.errors import MissingDependency, ModelError
from edge_bg.network import runtime
from edge_bg.network.card import find


def test_a_runtime_is_found_and_named() -> None:
    found = runtime.runtime()
    assert found.name in ("ai_edge_litert", "tflite_runtime")
    assert found.version[0].isdigit()


def test_each_failed_candidate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setattr(np, "__version__", "2.1.0")
    runtime.runtime.cache_clear()
    try:
        with pytest.raises(MissingDependency) as caught:
            runtime.runtime()
    finally:
        runtime.runtime.cache_clear()
    text = str(caught.value)
    assert "ai_edge_litert:" in text
    assert "tflite_runtime: was built for numpy 1 and numpy 2.1.0 is installed (pip install 'numpy<2')" in text
    assert "pip install" in text


def test_a_runtime_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    name = runtime.runtime().name
    other = "tflite-runtime" if name == "ai_edge_litert" else "ai-edge-litert"
    try:
        runtime.runtime.cache_clear()
        monkeypatch.setenv(runtime.VARIABLE, name.replace("_", "-"))
        assert runtime.runtime().name == name
        runtime.runtime.cache_clear()
        monkeypatch.setenv(runtime.VARIABLE, other)
        monkeypatch.setitem(sys.modules, other.replace("-", "_"), None)
        with pytest.raises(MissingDependency, match=f"{name}: EDGE_BG_RUNTIME=.* asks for another"):
            runtime.runtime()
    finally:
        runtime.runtime.cache_clear()


def cgroup(root: Path, **files: str) -> Path:
    """A faked root with a process in /system.slice/edge-bg.service and the given cpu.max files."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/system.slice/edge-bg.service\n")
    places = {"top": "", "slice": "system.slice", "unit": "system.slice/edge-bg.service"}
    for name, text in files.items():
        folder = root / "sys/fs/cgroup" / places[name]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 4),
        ({"unit": "max 100000\n"}, 4),
        ({"unit": "200000 100000\n"}, 2),
        ({"unit": "250000 100000\n"}, 2),
        ({"unit": "50000 100000\n"}, 1),
        ({"slice": "300000 100000\n", "unit": "max 100000\n"}, 3),
        ({"unit": "900000 100000\n"}, 4),
        ({"unit": "rubbish"}, 4),
    ],
)
def test_cores_are_affinity_capped_by_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    assert usable_cores(cgroup(tmp_path, **files)) == cores


def test_cgroup_v1_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    folder = tmp_path / "sys/fs/cgroup/cpu/x"
    folder.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:cpu,cpuacct:/x\n2:memory:/x\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    for quota, cores in (("-1", 4), ("150000", 1), ("300000", 3)):
        (folder / "cpu.cfs_quota_us").write_text(quota + "\n")
        assert usable_cores(tmp_path) == cores


def test_a_real_affinity_is_seen() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_never_more_threads_than_cores(caplog: pytest.LogCaptureFixture) -> None:
    assert runtime.pick_threads(None, cores=1) == 1
    assert runtime.pick_threads(None, cores=16) == runtime.MOST_THREADS
    assert runtime.pick_threads(2, cores=4) == 2
    assert not caplog.records
    assert runtime.pick_threads(8, cores=2) == 2
    assert "8 threads were asked for, 2 core(s)" in caplog.text


def test_engine_runs_the_packaged_model() -> None:
    card = find("landscape")
    engine = runtime.Engine(card.read_model(), card.model.name)
    for value in (-128, 127):
        engine.input()[...] = value
        assert (engine.input() == value).all()
        engine.invoke()
        assert engine.output().shape == card.output.shape
        assert (engine.output() < 0).mean() > 0.9, "nobody is in an even picture"
    assert engine.operators()


@pytest.mark.skipif(runtime.runtime().name != "ai_edge_litert", reason="tflite-runtime does not notice, or dies")
def test_a_damaged_model_past_the_checks_is_still_an_error() -> None:
    card = find("landscape")
    data = card.read_model()
    # a model whose weights are gone, had it come past the checks of the card
    with pytest.raises(ModelError, match=r"cannot load broken\.tflite"):
        runtime.Engine(data[:-100_000], "broken.tflite")


def test_the_runtimes_chatter_is_not_ours(capfd: pytest.CaptureFixture[str]) -> None:
    card = find("landscape")
    runtime.Engine(card.read_model(), "m")
    with runtime._without_chatter():
        os.write(2, b"INFO: Created something.\nERROR: this matters\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "ERROR: this matters\nafterwards\n"


def test_models_loaded_side_by_side_leave_standard_error_where_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    inside = threading.Event()

    def first() -> None:
        with runtime._without_chatter():
            inside.set()
            time.sleep(0.05)

    def second() -> None:
        inside.wait()
        with runtime._without_chatter():
            time.sleep(0.1)
            os.write(2, b"INFO: Created something.\n")

    threads = [threading.Thread(target=listen) for listen in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"
