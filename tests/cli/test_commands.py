"""The command line: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from .program import Inside, command, edge_bg, environment, start
from .program import inside as inside

# --- help, version, completion ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "run", "image", "check", "models", "bench", "completion"])
def test_help_teaches_with_examples(name: str, inside: Inside):
    done = inside(*filter(None, [name]), "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert "edge-bg " + (name or "run") in done.stdout


def test_exit_codes_are_in_the_help(inside: Inside):
    assert "2 wrong usage or config" in inside("--help").stdout


def test_version():
    assert re.fullmatch(r"edge-bg, version \S+\n", edge_bg("--version").stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, inside: Inside):
    assert "_EDGE_BG_COMPLETE" in inside("completion", shell).stdout


def test_completion_completes():
    environment_now = {
        **environment(),
        "_EDGE_BG_COMPLETE": "bash_complete",
        "COMP_WORDS": "edge-bg r",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(command(), env=environment_now, capture_output=True, text=True, check=False)
    assert "plain,run" in done.stdout


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["rnu"], 2, "Did you mean 'run'?"),
        (["run", "nowhere.yaml"], 2, "nowhere.yaml: there is no such file"),
        (["run", "--size", "641x480"], 2, "--size: has an odd side"),
        (["run", "--sink", "htp"], 2, 'did you mean "http"?'),
        (["run", "--source", "nothere.mp4"], 2, "--source: path: does not exist"),
        (["run", "--model", "nonsense", "--sink", "null"], 1, "nonsense"),
        (["run", "--model", "nothere.yaml"], 2, "--model: does not exist"),
        (["run", "--delegate", "gpu"], 2, "is not a delegate"),
        (["run", "--frames", "0"], 2, "0 is not in the range"),
        (["run", "--duration", "-1"], 2, "-1.0 is not in the range"),
        (["run", "--sink", "nowhere/out.mp4", "--frames", "1"], 1, "mkdir -p"),
        (["run", "--source", "v4l2:/dev/video99", "--sink", "null"], 1, "/dev/video99"),
        (["run", "--hflip", "--frames", "1", "--sink", "null"], 2, "--hflip: is an unknown key"),
        (["check"], 2, "name a CONFIG"),
        (["bench", "--size", "3x3"], 2, "out of range"),
        (["image"], 2, "Missing argument"),
        (["models", "card", "nowhere.tflite"], 2, "does not exist"),
    ],
)
def test_what_is_wrong_is_told_in_words_with_an_exit_code(
    arguments: Sequence[str], code: int, wanted: str, tmp_path: Path, inside: Inside
):
    done = inside(*arguments, cwd=tmp_path)
    assert wanted in done.stderr
    assert done.returncode == code


def test_debug_shows_where(inside: Inside):
    done = inside("run", "--sink", "htp", "--debug")
    assert "Traceback" in done.stderr
    assert done.returncode == 2


def test_a_reader_that_leaves_is_not_an_error():
    with start("check", "--schema") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert "rror" not in process.stderr.read()
