"""`edge-bg tune` measures on an accelerator too, and `model: auto` then begins there. The delegate is a real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_bg import build, config
from edge_bg.commands.tune import tune
from edge_bg.network import tuned
from edge_bg.network.card import ModelCard, find
from edge_bg.network.delegates import LIBRARY_VARIABLE
from edge_bg.network.tune import Candidate, candidates, choose


@pytest.fixture(autouse=True)
def state(tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny delegate stands where libedgetpu would be; the choice goes to a folder of its own."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(LIBRARY_VARIABLE, tiny)
    return tmp_path / "edge-bg" / "tuned.json"


QUICK = ["--size", "320x180", "--rate", "1", "--seconds", "0.06"]


def test_the_accelerator_is_a_candidate_and_takes_nothing_of_the_processor(twin_folder: Path, state: Path) -> None:
    card = twin_folder / "twin.yaml"
    run = CliRunner().invoke(tune, [*QUICK, "-m", str(card), "--delegate", "edgetpu"], catch_exceptions=False)
    assert run.exit_code == 0
    assert "chosen: twin on edgetpu" in run.output
    assert "on edgetpu it takes 0.0 ms a frame of the processor, on cpu" in run.output
    assert json.loads(state.read_text())["delegate"] == "edgetpu"


def test_a_config_names_what_to_measure_on(twin_folder: Path, tmp_path: Path) -> None:
    kiosk = tmp_path / "kiosk.yaml"
    kiosk.write_text("model: {delegates: [edgetpu, cpu]}\n")
    card = twin_folder / "twin.yaml"
    run = CliRunner().invoke(tune, [*QUICK, "-m", str(card), "--config", str(kiosk), "--dry-run"])
    assert run.exit_code == 0 and "chosen: twin on edgetpu" in run.output


def test_a_model_that_nobody_compiled_is_left_out_there_and_told(twin_folder: Path) -> None:
    found, failed = candidates(
        [ModelCard.load(twin_folder / "alone.yaml")], [1], (320, 180), 0.03, delegates=["cpu", "edgetpu"]
    )
    assert [c.delegate for c in found] == ["cpu"]
    assert failed and failed[0].startswith("alone on edgetpu: ") and "no Edge TPU twin" in failed[0]


def test_a_faster_processor_is_taken_where_the_accelerator_is_too_slow() -> None:
    card = find("landscape")
    cpu, chip = Candidate(card, 2, 10, 5, 0.9, 1.0), Candidate(card, 1, 80, 5, 0.9, 1.0, "edgetpu")
    best, _ = choose([cpu, chip], rate=30, cores=4)
    assert best is cpu
    assert choose([cpu, chip], rate=10, cores=4)[0] is chip, "both hold it: the processor is left free"
    assert chip.rate(cores=1) == chip.rate(cores=4) == 1000 / 80, "a chip of its own runs beside the only core"


def chosen(delegate: str) -> None:
    card = find("landscape", "float16")
    tuned.save(tuned.Choice(card.path.stem, card.sha256, 1, tuned.board(), "2026-01-01", "fast", delegate))


def test_auto_begins_on_what_was_chosen_unless_the_config_says_otherwise() -> None:
    chosen("edgetpu")
    assert tuned.preferred("auto", ["cpu"], named=False) == ["edgetpu", "cpu"]
    assert tuned.preferred("auto", ["cpu"], named=True) == ["cpu"]
    assert tuned.preferred("auto", ["cpu", "edgetpu"], named=True) == ["edgetpu", "cpu"]
    assert tuned.preferred("landscape", ["cpu"], named=False) == ["cpu"]
    chosen("cpu")
    assert tuned.preferred("auto", ["edgetpu", "cpu"], named=True) == ["cpu", "edgetpu"], "it was the better one here"


def test_a_config_with_auto_wants_the_chosen_delegate_and_falls_back() -> None:
    chosen("edgetpu")
    with build.segmenter(config.from_dict({"model": "auto"})) as segmenter:
        assert segmenter.info["wanted"] == "edgetpu"
        assert segmenter.info["delegate"] == "cpu", "this model has no compiled twin"
