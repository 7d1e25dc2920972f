"""Cards and model files: what is accepted, and that everything else is refused before a runtime sees it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_bg.assets import data_path
from edge_bg.errors import EdgeBgError, ModelError
from edge_bg.network import card, card_template, tflite
from edge_bg.network.card import ModelCard

STEM = "landscape-144x256-int8"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one packaged model and its card, free to be damaged."""
    for suffix in (".tflite", ".yaml"):
        shutil.copy(data_path(f"models/{STEM}{suffix}"), tmp_path / f"m{suffix}")
    edit(tmp_path, file="m.tflite")
    return tmp_path


def edit(folder: Path, **changes: Any) -> Path:
    """Change keys of the card (`input__scale=...` reaches inside); None stays None, "-" removes."""
    path = folder / "m.yaml"
    data = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split("__")
        target = data
        for parent in parents:
            target = target[parent]
        if value == "-":
            target.pop(last, None)
        else:
            target[last] = value
    path.write_text(yaml.safe_dump(data))
    return path


def reseal(folder: Path) -> Path:
    """Write the SHA-256 of the model as it is now into the card."""
    return edit(folder, sha256=hashlib.sha256((folder / "m.tflite").read_bytes()).hexdigest())


def test_a_good_card_and_its_model(folder: Path) -> None:
    found = ModelCard.load(folder / "m.yaml")
    assert found.size == (256, 144) == found.mask_size
    assert found.input.dtype == "int8" and found.output.person == 0
    assert found.read_model() == (folder / "m.tflite").read_bytes()


@pytest.mark.parametrize("path", sorted(data_path("models").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_packaged_card_matches_its_model(path: Path) -> None:
    ModelCard.load(path).read_model()


def test_names_stems_and_precisions_are_found() -> None:
    assert card.find("landscape").precision == "int8"
    assert card.find("landscape", "float16").precision == "float16"
    assert card.find(STEM).path.stem == STEM
    assert card.find("landscape-144x256", "int8").path.stem == STEM
    with pytest.raises(ModelError, match=r"(?s)no model 'landscpe'.*did you mean 'landscape'.*general, landscape"):
        card.find("landscpe")
    with pytest.raises(ModelError, match=r"'landscape \(uint8\)'"):
        card.find("landscape", "uint8")


def test_two_models_of_one_name_are_ambiguous(folder: Path) -> None:
    shutil.copy(folder / "m.yaml", folder / "n.yaml")
    with pytest.raises(ModelError, match="ambiguous: m, n"):
        card.find("landscape", folder=folder)


def test_model_without_card_says_how_to_write_one(folder: Path) -> None:
    (folder / "m.yaml").unlink()
    with pytest.raises(ModelError, match=r"has no card.*\n.*edge-bg models card") as caught:
        card.find(folder / "m.tflite")
    assert isinstance(caught.value, (EdgeBgError, ValueError))


def test_template_is_a_valid_card_that_describes_the_file(folder: Path) -> None:
    (folder / "m.yaml").write_text(card_template.template(folder / "m.tflite"))
    made = card.find(folder / "m.tflite")
    made.read_model()
    packaged = card.find(STEM)
    assert made.input == packaged.input and made.output == packaged.output


def test_missing_model_and_missing_card(folder: Path) -> None:
    (folder / "m.tflite").unlink()
    found = ModelCard.load(folder / "m.yaml")
    with pytest.raises(ModelError, match=r"m\.tflite is missing"):
        found.read_model()
    with pytest.raises(ModelError, match=r"gone\.yaml is missing"):
        card.find(folder / "gone.yaml")


def test_tampered_model_is_refused(folder: Path) -> None:
    model = folder / "m.tflite"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with pytest.raises(ModelError, match="SHA-256"):
        ModelCard.load(folder / "m.yaml").read_model()


@pytest.mark.parametrize("part", [0, 5, 20, 1000, 0.2, 0.5, 0.9, 0.999])
def test_truncated_model_is_refused_even_with_its_own_sha(folder: Path, part: float) -> None:
    model = folder / "m.tflite"
    data = model.read_bytes()
    model.write_bytes(data[: int(part if part >= 5 else part * len(data))])
    with pytest.raises(ModelError, match="SHA-256"):
        ModelCard.load(folder / "m.yaml").read_model()
    with pytest.raises(ModelError, match=r"truncated|is empty|not a TFLite model"):
        ModelCard.load(reseal(folder)).read_model()


def test_a_file_of_zeros_or_text_is_not_a_model() -> None:
    for data in (bytes(5000), b"<html>404</html>" * 50):
        with pytest.raises(ModelError, match="not a TFLite model"):
            tflite.read(data, "x")


def test_random_damage_never_escapes_as_another_error(folder: Path) -> None:
    data = (folder / "m.tflite").read_bytes()
    dice = random.Random(1)
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(8):
            damaged[dice.randrange(8, len(data))] = dice.randrange(256)
        with contextlib.suppress(ModelError):
            tflite.read(bytes(damaged), "x")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"input__shape": [1, 256, 256, 3]}, r"input shape is \[1, 144, 256, 3\], the card says \[1, 256, 256, 3\]"),
        ({"input__dtype": "uint8"}, "input dtype is int8, the card says uint8"),
        ({"input__scale": 0.5}, "input scale is 0.0039"),
        ({"input__zero_point": 0}, "input zero_point is -128, the card says 0"),
        ({"output__shape": [1, 144, 256, 2]}, "output shape"),
        ({"output__scale": 0.1}, "output scale"),
    ],
)
def test_model_that_is_not_what_the_card_says(folder: Path, change: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelError, match=match):
        ModelCard.load(edit(folder, **change)).read_model()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sha256": "abc"}, "sha256 must be 64"),
        ({"name": "-"}, r"name must be text \(it is missing\)"),
        ({"input__std": 0}, "std must not be 0"),
        ({"input__mean": [1, 2]}, r"input\.mean must be a number, or a list of three"),
        ({"input__shape": [1, 144, 256]}, r"input\.shape must be a list"),
        ({"input__shape": [1, 144, 256, 4]}, "must end in 3 channels"),
        ({"input__layout": "yuv"}, r"input\.layout must be one of rgb, bgr \(not 'yuv'\)"),
        ({"output__activation": "tanh"}, r"output\.activation must be one of probability"),
        ({"output__activation": "softmax-logits"}, "at least two channels"),
        ({"output__person": 3}, r"output\.person must be 0\.\.0"),
        ({"output__scale": None}, r"output\.scale is needed for int8"),
        ({"framing": "crop"}, "framing must be one of"),
        ({"inputs": 1}, "unknown key inputs"),
        ({"input__sccale": 1}, r"unknown key input\.sccale"),
        ({"edgetpu": 5}, "edgetpu must be null or"),
        ({"measured": "good"}, "measured must be a mapping"),
        ({"input": None}, "input must be a mapping"),
    ],
)
def test_a_wrong_card_is_refused(folder: Path, change: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelError, match=match):
        ModelCard.load(edit(folder, **change))


def test_all_faults_are_told_at_once(folder: Path) -> None:
    with pytest.raises(ModelError) as caught:
        ModelCard.load(edit(folder, sha256="x", framing="crop", input__std=0, extra=1))
    assert str(caught.value).count("\n  - ") == 4


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [", "\x00"])
def test_not_a_card_at_all(folder: Path, text: str) -> None:
    (folder / "m.yaml").write_text(text)
    with pytest.raises(ModelError):
        ModelCard.load(folder / "m.yaml")


def test_unmeasured_warns_and_failed_is_refused(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ModelCard.load(edit(folder, measured=None)).judge()
    assert "never measured" in caplog.text
    with pytest.raises(ModelError, match=r"marked as failed: IoU 0\.2"):
        ModelCard.load(edit(folder, measured={"verdict": "failed", "reason": "IoU 0.2"})).judge()


def test_twin(folder: Path) -> None:
    with pytest.raises(ModelError, match="names no Edge TPU twin"):
        ModelCard.load(folder / "m.yaml").read_model(twin=True)
    with pytest.raises(ModelError, match=r"twin\.tflite is missing"):
        ModelCard.load(edit(folder, edgetpu="twin.tflite")).read_model(twin=True)
    shutil.copy(folder / "m.tflite", folder / "twin.tflite")
    assert ModelCard.load(folder / "m.yaml").read_model(twin=True)
    wrong = edit(folder, edgetpu={"file": "twin.tflite", "sha256": "0" * 64})
    with pytest.raises(ModelError, match="SHA-256"):
        ModelCard.load(wrong).read_model(twin=True)
