"""`edge-bg check` and `edge-bg models`: what a config would do, what a model is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .program import ROOT, Inside
from .program import inside as inside


def test_check_says_what_a_config_would_do(inside: Inside):
    done = inside("check", ROOT / "configs" / "headless.yaml", ROOT / "configs" / "demo.yaml")
    assert done.returncode == 0
    assert "headless.yaml: fine" in done.stdout
    assert "edgetpu, then cpu" in done.stdout


def test_check_lists_every_fault_and_goes_on_to_the_next_file(tmp_path: Path, inside: Inside):
    (tmp_path / "a.yaml").write_text("sync: on\nnonsense: 1\n")
    (tmp_path / "b.yaml").write_text("model: nonsense\n")
    (tmp_path / "c.yaml").write_text("sync: latest\n")
    done = inside("check", "a.yaml", "b.yaml", "c.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "a.yaml:1:7: sync" in done.stderr
    assert "a.yaml:2:1: nonsense" in done.stderr
    assert "nonsense" in done.stderr
    assert "c.yaml: fine" in done.stdout


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sinks: [out.png]", "names one picture"),
        ("sinks: [nowhere/out.mp4]", "mkdir -p"),
        ("sinks: [{kind: file, path: out.mpg}]", "unknown ending"),
        ("source: {kind: file, path: folder}", "is a folder, not a video"),
        ("source: '*.png'", "no picture matches"),
        ("background: broken.jpg", "not a picture that can be read"),
        ("privacy: {cover: broken.jpg}", "not a picture that can be read"),
    ],
)
def test_check_opens_what_needs_no_camera(text: str, wanted: str, tmp_path: Path, inside: Inside):
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.jpg").write_text("no picture")
    (tmp_path / "a.yaml").write_text(f"{text}\n")
    done = inside("check", "a.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("a.yaml: ")
    assert wanted in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "broken.jpg", "folder"]


def test_check_keeps_the_token_to_itself(tmp_path: Path, inside: Inside):
    (tmp_path / "a.yaml").write_text("sinks: [{kind: http, host: 0.0.0.0, token: secret-word}]\n")
    assert "secret" not in inside("check", tmp_path / "a.yaml").stdout


def test_schema_is_json_schema(inside: Inside):
    import jsonschema  # here, as it takes seconds that no other test should pay

    jsonschema.Draft202012Validator.check_schema(json.loads(inside("check", "--schema").stdout))


def test_models_as_table_and_json(inside: Inside):
    table = inside("models").stdout
    assert re.search(r"^landscape +int8 +256x144 ", table, re.MULTILINE)
    found = json.loads(inside("models", "--json").stdout)
    assert {"landscape", "general"} <= {each["name"] for each in found}
    assert all(each["bytes"] and each["sha256"] for each in found)


def test_models_card_writes_a_card_for_a_bare_model(inside: Inside):
    done = inside("models", "card", ROOT / "models" / "landscape-144x256-int8.tflite")
    assert "sha256:" in done.stdout
    assert "CHECK" in done.stdout


def test_models_inspect_tells_of_every_operator(inside: Inside):
    model = ROOT / "models" / "landscape-listed-144x256-int8.tflite"
    assert "CONV_2D" in inside("models", "inspect", model).stdout
    told = json.loads(inside("models", "inspect", "--json", model).stdout)
    assert len(told["operators"]) > 20
    refused = inside("models", "inspect", ROOT / "README.md")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
