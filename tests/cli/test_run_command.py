"""`edge-bg run` as a program: what it shows and writes, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge_bg.commands.run import _left
from tests.patience import wait_for as until

from .program import SMALL, Inside, command, environment, start, wait_for
from .program import inside as inside


def test_the_demo_runs_and_says_what_to_open(inside: Inside):
    done = inside("run", *SMALL, "--sink", "http:0", "--frames", "5")
    assert done.returncode == 0
    assert re.search(r"watch at http://127\.0\.0\.1:\d+/", done.stderr)
    assert "5 frames in" in done.stderr


def test_what_suits_the_demo_is_not_chosen_for_a_film(inside: Inside, tmp_path: Path):
    """Without a config the demo's is the base; its network for edges is not meant for what `--source` names."""
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.full((90, 160, 3), 90, np.uint8))
    done = inside("run", "--source", picture, "--sink", "null")
    assert done.returncode == 0 and "portrait-288x512-int8 looks at each frame" in done.stderr
    done = inside("run", "--frames", "2", "--sink", "null")
    assert done.returncode == 0 and "looks at each frame" not in done.stderr


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


@pytest.mark.parametrize(
    ("progress", "said"), [(0.25, ["25 %", "03:00 left"]), (1.0, ["100 %", "00:00 left"]), (0.0, []), (None, [])]
)
def test_the_status_line_says_how_long_a_film_takes(progress: float | None, said: list[str]):
    assert _left(SimpleNamespace(progress=progress), 60.0) == said
