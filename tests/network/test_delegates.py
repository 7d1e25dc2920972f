"""Delegates, with a real one: a small library built from the public C interface. Nothing here is a mock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_bg import frame as frames
from edge_bg.errors import DelegateError, ModelError
from edge_bg.frame import Frame
from edge_bg.loop.stats import Stats
from edge_bg.network.card import ModelCard
from edge_bg.network.delegates import LIBRARY_VARIABLE, Spec, open_engine
from edge_bg.network.ladder import Ladder
from edge_bg.network.segment import Segmenter
from tests.patience import crowd, no_descriptors, wait_for

from .accelerated import accelerated, bright_left, refused
from .accelerated import card as card
from .accelerated import edgetpu as edgetpu

# --- the list ---------------------------------------------------------------------------------------------


def test_entries_of_the_list() -> None:
    assert Spec.parse("cpu").library is None
    assert Spec.parse("edgetpu").options == () and Spec.parse("edgetpu").library == "libedgetpu.so.1"
    for device in ("usb", "usb:0", "pci:1", ":2"):
        assert Spec.parse(f"edgetpu:{device}").options == (("device", device),)
    spec = Spec.parse({"library": "/opt/libarmnnDelegate.so", "options": {"backends": "CpuAcc,CpuRef", "n": 2}})
    assert spec.label == "external:libarmnnDelegate.so"
    assert spec.options == (("backends", "CpuAcc,CpuRef"), ("n", "2")) and not spec.twin


@pytest.mark.parametrize("entry", ["tpu", "edgetpu:usb:x", "edgetpu:firewire", "", {"options": {}}, 5, None])
def test_an_unknown_entry(entry: object) -> None:
    with pytest.raises(DelegateError):
        Spec.parse(entry)


# --- one delegate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["twin", "only"])
def test_the_twin_runs_on_the_delegate(card: Callable[[str], ModelCard], edgetpu: str, name: str) -> None:
    with Segmenter(card(name), delegates=["edgetpu:usb:0"], threads=1) as segmenter:
        assert accelerated(segmenter(bright_left()))
        assert segmenter.info["delegate"] == "edgetpu:usb:0" == segmenter.info["wanted"]
        assert segmenter._engine is not None and segmenter._engine.operators() == ["edgetpu-custom-op", "DELEGATE"]
        left = frames.filled((640, 480), (200, 128, 128))
        assert (segmenter(Frame(left, 0.0, 1)) == 255).all()


def test_an_external_delegate_runs_the_models_own_file(
    card: Callable[[str], ModelCard], tiny: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {"library": tiny, "options": {"any": "thing"}}
    with Segmenter(card("only"), delegates=[entry], threads=1) as segmenter:
        assert accelerated(segmenter(bright_left()))
        assert segmenter.info["delegate"] == "external:libtiny_edgetpu.so"
    assert "takes none" not in caplog.text
    with Segmenter(card("twin"), delegates=[entry], threads=1) as segmenter:
        assert not accelerated(segmenter(bright_left()))
    assert "takes none of the operators of landscape-144x256-int8.tflite: the CPU does the work" in caplog.text


def test_compiled_model_without_its_delegate(card: Callable[[str], ModelCard]) -> None:
    with pytest.raises(ModelError, match="compiled for the Edge TPU and cannot run on the CPU"):
        Segmenter(card("only"), delegates=["cpu"])


def test_missing_library(card: Callable[[str], ModelCard]) -> None:
    entry = {"library": "/nowhere/libx.so"}
    refused(card("only"), entry, r"cannot be loaded: /nowhere/libx\.so: cannot open.*\n.*`library`")


def test_missing_libedgetpu(card: Callable[[str], ModelCard], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "libedgetpu-that-is-not-here.so.1")
    refused(card("twin"), "edgetpu", r"cannot open shared object file.*\n.*Install libedgetpu")


def test_a_library_that_is_no_delegate(card: Callable[[str], ModelCard]) -> None:
    refused(card("only"), {"library": "libm.so.6"}, "is no TFLite delegate")


def test_a_delegate_that_declines_and_says_why(card: Callable[[str], ModelCard], tiny: str) -> None:
    refused(card("only"), {"library": tiny, "options": {"decline": "busy, sorry"}}, "declined .*: busy, sorry")


def test_a_delegate_that_declines_without_a_word(card: Callable[[str], ModelCard], tiny: str) -> None:
    entry = {"library": tiny, "options": {"decline": ""}}
    refused(card("only"), entry, r"no Edge TPU is plugged in.*\n.*edge-bg doctor")


def test_a_delegate_that_refuses_the_graph(card: Callable[[str], ModelCard], tiny: str) -> None:
    refused(card("only"), {"library": tiny, "options": {"fail": "prepare"}}, "does not fit the device")


@pytest.mark.parametrize(
    ("stage", "doing", "how"),
    [
        ("create", "opening the device", "SIGABRT"),
        ("prepare", "preparing the graph", "SIGSEGV"),
        ("invoke", "running the graph", "SIGABRT"),
    ],
)
def test_a_delegate_that_crashes(card: Callable[[str], ModelCard], tiny: str, stage: str, doing: str, how: str) -> None:
    refused(card("only"), {"library": tiny, "options": {"crash": stage}}, rf"crashed.*\({how}\) while {doing}")


@pytest.mark.long
def test_a_delegate_that_hangs(card: Callable[[str], ModelCard], tiny: str) -> None:
    entry = Spec.parse({"library": tiny, "options": {"hang": "invoke"}})
    start = time.monotonic()
    with pytest.raises(DelegateError, match=r"did not answer within 20 s while running the graph"):
        open_engine(card("only"), entry, 1, timeout=20)
    assert time.monotonic() - start < 40 * crowd()


def test_a_card_without_a_twin(card: Callable[[str], ModelCard], edgetpu: str) -> None:
    with pytest.raises(ModelError, match=r"names no Edge TPU twin.*\n.*edgetpu_compiler"):
        open_engine(card("alone"), Spec.parse("edgetpu"), 1)
    with pytest.raises(ModelError, match=r"gone\.tflite is missing"):
        open_engine(card("lost"), Spec.parse("edgetpu"), 1)


# --- falling back and coming back -------------------------------------------------------------------------


def test_the_list_is_tried_in_order(
    card: Callable[[str], ModelCard], tiny: str, caplog: pytest.LogCaptureFixture
) -> None:
    stats = Stats()
    entries = [{"library": "/nowhere.so"}, {"library": tiny, "options": {"crash": "prepare"}}, "cpu"]
    with Segmenter(card("twin"), delegates=entries, threads=1, stats=stats) as segmenter:
        info = segmenter.info
        assert not accelerated(segmenter(bright_left()))
    assert info["delegate"] == "cpu" and info["wanted"] == "external:nowhere.so"
    assert [entry["delegate"] for entry in info["fallbacks"]] == ["external:nowhere.so", "external:libtiny_edgetpu.so"]
    assert "SIGSEGV" in info["fallbacks"][1]["reason"]
    assert stats.snapshot()["fallback.delegate"] == 2
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert sum("cannot be used" in text for text in warnings) == 2
    assert any("running on cpu instead of external:nowhere.so" in text for text in warnings)


def test_no_entry_works(card: Callable[[str], ModelCard], tiny: str) -> None:
    entries = [{"library": "/nowhere.so"}, {"library": tiny, "options": {"decline": "no"}}]
    with pytest.raises(DelegateError, match=r"(?s)external:nowhere\.so: .*; external:libtiny.*no\n.*Add `cpu`"):
        Segmenter(card("only"), delegates=entries)
    with pytest.raises(DelegateError, match="is empty"):
        Segmenter(card("only"), delegates=[])


def test_a_lost_device_costs_no_frame_and_is_used_again(
    card: Callable[[str], ModelCard], edgetpu: str, tiny: str, tmp_path: Path
) -> None:
    gone = tmp_path / "unplugged"
    entry = {"library": tiny, "options": {"lost_after": "3", "decline_if": str(gone)}}
    stats = Stats()
    ladder = Ladder(card("only"), [entry, "edgetpu"], 1, stats=stats, retry=0.2)
    segmenter = Segmenter(card("only"), delegates=["edgetpu"], threads=1)
    segmenter._ladder.close()
    segmenter._ladder = ladder
    frame = bright_left()
    try:
        assert accelerated(segmenter(frame)) and accelerated(segmenter(frame))
        assert ladder.label == "external:libtiny_edgetpu.so"
        gone.touch()
        assert accelerated(segmenter(frame)), "the frame on which the device died is done by the next delegate"
        assert ladder.label == "edgetpu" and "device lost" in ladder.fallbacks["external:libtiny_edgetpu.so"]
        assert stats.snapshot()["fallback.delegate"] == 1
        wait_for(lambda: segmenter(frame) is not None and "no device" in str(ladder.fallbacks), "a retry that fails")
        assert ladder.label == "edgetpu"
        gone.unlink()
        wait_for(lambda: segmenter(frame) is not None and ladder.label.startswith("external"), "the device's return")
        assert not ladder.fallbacks
        assert stats.snapshot()["recovered.delegate"] == 1
    finally:
        segmenter.close()


@pytest.mark.long
def test_pictures_do_not_wait_for_a_second_device_that_hangs(
    card: Callable[[str], ModelCard], edgetpu: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_bg.network.ladder.SOON", 0.1)
    frame = bright_left()
    entries = ["edgetpu", {"library": tiny, "options": {"hang": "create"}}, "cpu"]
    with Segmenter(card("twin"), delegates=["cpu"], threads=1) as segmenter:
        segmenter._ladder = ladder = Ladder(card("twin"), entries, 1, timeout=20)
        assert ladder.label == "edgetpu"
        start = time.monotonic()
        ladder.failed(DelegateError("unplugged"))
        assert (ladder.label, time.monotonic() - start < 1 * crowd()) == ("cpu", True)
        slowest, pictures = 0.0, 0
        while "external" not in str(ladder.fallbacks):
            before = time.monotonic()
            assert not accelerated(segmenter(frame))
            slowest, pictures = max(slowest, time.monotonic() - before), pictures + 1
            assert before - start < 100
        assert time.monotonic() - start > 20 and slowest < 3 * crowd() and pictures > 20
        assert "did not answer within 20 s while opening the device" in ladder.fallbacks["external:libtiny_edgetpu.so"]


def test_a_quick_start_is_on_the_cpu_and_the_device_follows(
    card: Callable[[str], ModelCard], tiny: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_bg.network.ladder.SOON", 0.2)
    slow = {"library": tiny, "options": {"slow": "create"}}  # a second, as a Coral takes to be opened
    with Segmenter(card("twin"), delegates=[slow, "cpu"], threads=1, quick=True) as segmenter:
        assert segmenter.info["delegate"] == "cpu" and segmenter.info["fallbacks"] == []
        slowest = 0.0

        def on_the_device() -> bool:
            nonlocal slowest
            start = time.monotonic()
            segmenter(bright_left())
            slowest = max(slowest, time.monotonic() - start)
            return bool(segmenter.info["delegate"] == "external:libtiny_edgetpu.so")

        wait_for(on_the_device, "the device")
        assert "cannot be used" not in caplog.text and "running on external" in caplog.text
        assert slowest < 0.7 * crowd(), "the picture stood still while the device was opened"


def test_a_missing_twin_is_not_tried_again(card: Callable[[str], ModelCard], edgetpu: str) -> None:
    ladder = Ladder(card("alone"), ["edgetpu", "cpu"], 1, retry=0.0)
    assert ladder.label == "cpu" and "names no Edge TPU twin" in ladder.fallbacks["edgetpu"]
    ladder.engine()
    assert ladder._trying is None
    ladder.close()
    ladder = Ladder(card("twin"), [{"library": "/nowhere.so"}, "cpu"], 1, retry=0.0)
    ladder.engine()
    assert ladder._trying is not None, "a library can be installed meanwhile"
    ladder._trying.join(60)
    ladder.close()


def test_a_device_is_tried_again_when_there_were_no_descriptors_to_try_it(
    card: Callable[[str], ModelCard], edgetpu: str
) -> None:
    """The thread that tried ended on it; where the model's file could not be read, the device was given up for good."""
    ladder = Ladder(card("twin"), ["edgetpu", "cpu"], 1, retry=0.0, quick=True)
    try:
        ladder._rungs[0].due = ladder._next = 0.0
        with no_descriptors():
            ladder.engine()
            assert ladder._trying is not None
            ladder._trying.join(60)
        assert ladder.label == "cpu" and "Too many open files" in ladder.fallbacks["edgetpu"]
        assert ladder._rungs[0].due < float("inf")
        ladder._rungs[0].due = 0.0
        wait_for(lambda: ladder.engine() is not None and ladder.label == "edgetpu", "the device")
    finally:
        ladder.close()


def test_the_last_delegate_failing_is_an_error(card: Callable[[str], ModelCard], tiny: str) -> None:
    entry = {"library": tiny, "options": {"lost_after": "2"}}
    with Segmenter(card("only"), delegates=[entry], threads=1) as segmenter:
        segmenter(bright_left())
        with pytest.raises(DelegateError, match=r"no delegate works: .*device lost"):
            segmenter(bright_left())
