"""Models with flipped bytes, whose cards vouch for them: refused with a word or running, never the end of a process."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from edge_bg.assets import data_path
from edge_bg.errors import EdgeBgError, ModelError
from edge_bg.network.card import ModelCard
from edge_bg.network.delegates import Spec, open_engine
from edge_bg.network.probe import probe
from edge_bg.network.segment import Segmenter

STEM = "landscape-144x256-int8"
ABORTS, HANGS, REFUSED = 70, 111, 8


def damaged(seed: int) -> bytes:
    """The landscape network with 1 to 40 bytes changed."""
    chance, data = random.Random(seed), bytearray(data_path(f"models/{STEM}.tflite").read_bytes())
    for _ in range(chance.randint(1, 40)):
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    return bytes(data)


def card_for(data: bytes, folder: Path) -> ModelCard:
    (folder / "own.tflite").write_bytes(data)
    card = yaml.safe_load(data_path(f"models/{STEM}.yaml").read_text())
    card |= {"file": "own.tflite", "sha256": hashlib.sha256(data).hexdigest(), "edgetpu": None}
    (folder / "own.yaml").write_text(yaml.safe_dump(card))
    return ModelCard.load(folder / "own.yaml")


def dies(data: bytes, path: Path) -> bool:
    """Whether the runtime of this machine really dies of `data`, in a process that tries nothing first."""
    path.write_bytes(data)
    code = (
        "import sys; from edge_bg.network.runtime import Engine; Engine(open(sys.argv[1], 'rb').read(), 'x').invoke()"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60).returncode < 0


def test_a_model_that_kills_the_runtime_is_an_error(tmp_path: Path) -> None:
    data = damaged(ABORTS)
    if not dies(data, tmp_path / "bare.tflite"):
        pytest.skip("THIS RUNTIME LIVES THROUGH THAT DAMAGE: another version than the one it was found with")
    card_for(data, tmp_path)
    config = tmp_path / "c.yaml"
    config.write_text(
        f"source: {{kind: synthetic, size: 256x144, frames: 5, realtime: false}}\nsinks: ['null']\n"
        f"model: {tmp_path / 'own.yaml'}\n"
    )
    done = subprocess.run([sys.executable, "-m", "edge_bg", "run", str(config)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "own.tflite" in done.stderr and "crashed the process that tried it (SIG" in done.stderr
    assert "Copy or download the model again" in done.stderr and "Traceback" not in done.stderr


def test_a_model_that_hangs_the_runtime_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"own\.tflite, did not answer within 2 s|crashed the process|cannot load"):
        open_engine(card_for(damaged(HANGS), tmp_path), Spec.parse("cpu"), 1, timeout=2)


def test_a_model_that_the_runtime_refuses_says_what_the_runtime_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"own\.tflite"):
        Segmenter(card_for(damaged(REFUSED), tmp_path))


def test_a_model_of_ones_own_is_tried_once_and_a_shipped_one_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials: list[str] = []
    from edge_bg.network import delegates

    real = delegates.probe

    def note(library: str | None, options: object, model: bytes, name: str, **more: object) -> None:
        trials.append(name)
        real(library, {}, model, name, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(delegates, "probe", note)
    Segmenter(STEM).close()
    assert trials == []
    own = data_path(f"models/{STEM}.tflite").read_bytes() + b"own"
    for _ in range(2):
        Segmenter(card_for(own, tmp_path)).close()
    assert trials == ["own.tflite"]


@pytest.mark.parametrize("answer", ['{"error": "it is none", "hint": ""}', "ok", "invoke"])
def test_a_trial_that_has_answered_and_does_not_end_is_believed(
    answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine, or a library that hangs while it is unloaded: the answer is there by then."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho prepare\necho '{answer}'\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    if answer == "ok":
        probe(None, {}, b"", "own.tflite", timeout=2)
        return
    with pytest.raises(ModelError, match="it is none" if "none" in answer else "within 2 s while running the graph"):
        probe(None, {}, b"", "own.tflite", timeout=2)


@pytest.mark.slow
@pytest.mark.timeout(900)  # a child each, on a machine that is busy
def test_two_hundred_damaged_models_end_no_process(tmp_path: Path) -> None:
    for seed in range(200):
        try:
            card = card_for(damaged(seed), tmp_path)
            open_engine(card, Spec.parse("cpu"), 1, timeout=5).invoke()
        except EdgeBgError as error:
            assert "own.tflite" in str(error)
