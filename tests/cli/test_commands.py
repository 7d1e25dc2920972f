"""The command line: what it prints, what it refuses, and its exit codes, run as a program."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.cli import run as command_line
from tests.patience import wait_for as until

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--size", "320x180"]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "edge_bg", *map(str, arguments)]


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "EDGE_BG_DEBUG": ""}


def edge_bg(*arguments: str | Path, cwd: Path | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    if "--debug" not in arguments:
        assert "Traceback" not in done.stderr
    return done


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """The command line within this process: what a test needs no program for, in a tenth of the time."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> Done:
        monkeypatch.setenv("EDGE_BG_DEBUG", "")
        if cwd is not None:
            monkeypatch.chdir(cwd)
        code = command_line([str(each) for each in arguments])
        out, errors = capfd.readouterr()
        assert "--debug" in arguments or "Traceback" not in errors
        return Done(code, out, errors)

    yield run
    logger = logging.getLogger("edge_bg")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


Inside = Callable[..., Done]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """Lines of standard error up to the one that holds `text`."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came: {seen}")


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


def test_what_suits_the_demo_is_not_chosen_for_a_film(inside: Inside, tmp_path: Path):
    """Without a config the demo's is the base; its network for edges is not meant for what `--source` names."""
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.full((90, 160, 3), 90, np.uint8))
    done = inside("run", "--source", picture, "--sink", "null")
    assert done.returncode == 0 and "portrait-288x512-int8 looks at each frame" in done.stderr
    done = inside("run", "--frames", "2", "--sink", "null")
    assert done.returncode == 0 and "looks at each frame" not in done.stderr


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


# --- check, models ---------------------------------------------------------------------------------------------


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


# --- run -------------------------------------------------------------------------------------------------------


def test_the_demo_runs_and_says_what_to_open(inside: Inside):
    done = inside("run", *SMALL, "--sink", "http:0", "--frames", "5")
    assert done.returncode == 0
    assert re.search(r"watch at http://127\.0\.0\.1:\d+/", done.stderr)
    assert "5 frames in" in done.stderr


def test_options_replace_what_the_config_says(tmp_path: Path, inside: Inside):
    path = tmp_path / "booth.yaml"
    path.write_text("source: {kind: synthetic, size: 640x360, realtime: false}\nbackground: blur\nsinks: [http:1]\n")
    out = tmp_path / "out.mp4"
    arguments = ["run", path, "--sink", out, "--background", "#00b140", "--frames", "6", *SMALL]
    assert inside(*arguments).returncode == 0
    capture = cv2.VideoCapture(str(out))
    ok, frame = capture.read()
    capture.release()
    assert ok
    assert frame.shape == (180, 320, 3)
    blue, green, red = frame[4, 4].astype(int)
    assert green > 150
    assert max(red, abs(blue - 64)) < 40
    again = inside(*arguments)
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert inside(*arguments, "--overwrite").returncode == 0


def test_a_folder_of_pictures_becomes_a_video(tmp_path: Path, inside: Inside):
    rng = np.random.default_rng(0)
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), rng.integers(0, 255, (120, 160, 3), np.uint8))
    done = inside("run", "--source", tmp_path, "--sink", tmp_path / "out.mp4", "--background", "blur")
    assert done.returncode == 0
    assert "4 frames in" in done.stderr


def test_a_single_picture_stays_on_show(tmp_path: Path, inside: Inside):
    cv2.imwrite(str(tmp_path / "me.png"), np.full((90, 120, 3), 100, np.uint8))
    done = inside("run", "--source", tmp_path / "me.png", "--sink", "http:0", "--frames", "3")
    assert done.returncode == 0
    assert "3 frames in" in done.stderr


def test_raw_video_on_standard_output(tmp_path: Path):
    with (tmp_path / "out.y4m").open("wb") as out:
        done = subprocess.run(
            command("run", *SMALL, "--sink", "-", "--frames", "3"),
            env=environment(), stdout=out, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0
    data = (tmp_path / "out.y4m").read_bytes()
    assert data.startswith(b"YUV4MPEG2 W320 H180")
    assert data.count(b"FRAME") >= 1  # how many is a matter of time: the rate is kept


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_and_the_file_plays(number: signal.Signals, tmp_path: Path):
    out = tmp_path / "out.mp4"
    with start("run", *SMALL, "--sink", out, "--sink", "http:0") as process:
        address = wait_for(process, "watch at").split()[-1]

        def frames() -> int:
            with urllib.request.urlopen(f"{address}state", timeout=60) as answer:
                return int(json.load(answer)["frames"])

        until(lambda: frames() > 15, "some frames")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    capture = cv2.VideoCapture(str(out))
    known, read = capture.get(cv2.CAP_PROP_FRAME_COUNT), 0
    while capture.read()[0]:
        read += 1
    capture.release()
    assert known == read >= 5, "a plain file that knows its length"


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.7])
def test_a_signal_while_it_starts_leaves_no_traceback(delay: float):
    code = "import edge_bg.cli as c; run = c.run; c.run = lambda a: (print('up', flush=True), run(a))[1]; c.main()"
    arguments = [sys.executable, "-c", code, "run", *SMALL, "--sink", "null"]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, env=environment(), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode in (0, 130)


def test_an_interruption_that_an_import_turned_into_an_error_is_still_one():
    """A C extension that is interrupted while it loads raises an ImportError of its own."""
    from edge_bg.commands.run import Stop

    with pytest.raises(KeyboardInterrupt), Stop():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None
    with pytest.raises(ImportError), Stop():
        raise ImportError("not interrupted")


def test_quiet_is_quiet(inside: Inside):
    done = inside("run", *SMALL, "--sink", "null", "--frames", "2", "--quiet")
    assert [line for line in done.stderr.splitlines() if line.startswith("edge-bg")] == []


def test_ctrl_c_while_python_itself_ends_is_no_traceback(root: Path):
    code = (
        "import atexit, sys, time; from edge_bg.cli import main; "
        "atexit.register(lambda: (print('ending', flush=True), time.sleep(30))); "
        "sys.argv[1:] = ['--version']; main()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().split()[0] for _ in range(2)] == ["edge-bg,", "ending"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
