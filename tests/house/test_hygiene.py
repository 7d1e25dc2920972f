"""The tests themselves: under nohup, with processes that outlive them, and what they say at the end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

UNRULY = """
import subprocess, sys, pytest
import pytest
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)  # left-behind"]

def test_leaves_a_process():
    subprocess.Popen(SLEEP)

def test_leaves_an_orphan():
    subprocess.run(["sh", "-c", "sleep 601 & exit 0"], check=True)

def test_fails_beside_a_process():
    with subprocess.Popen(SLEEP):
        assert False, "before it told the process to end"

@pytest.mark.skipif(True, reason="FFMPEG ABSENT: apt install ffmpeg")
def test_wants_ffmpeg(): ...

@pytest.mark.slow
def test_takes_minutes(): ...

@pytest.mark.long
def test_proves_more_than_it_checks(): ...
"""


def run(root: Path, *arguments: str, ignored: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The tests in a process of their own, `ignored` signals as `nohup` would leave them."""

    def deafen() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=110, preexec_fn=deafen)


def test_no_test_leaves_a_process_or_waits_for_one_and_the_last_line_says_what_was_not_tried(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_unruly.py").write_text(UNRULY)
    plain = ("-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "tests.conftest")
    start = time.monotonic()
    done = run(root, *plain, str(tmp_path / "test_unruly.py"))
    assert time.monotonic() - start < 60, "nobody waited for a process that sleeps"
    assert len(re.findall(r"^E +AssertionError: the test left processes behind", done.stdout, re.M)) == 2, done.stdout
    assert "1 failed" in done.stdout and "3 skipped" in done.stdout, done.stdout
    assert done.stdout.splitlines()[-1] == "NOT TRIED: 3 tests (1 without ffmpeg, 1 without --slow, 1 without --long)"
    listed = subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "left-behind" not in listed and "sleep 601" not in listed


@pytest.mark.long
def test_signals_reach_what_the_tests_start_though_they_run_under_nohup(root: Path) -> None:
    test = "tests/cli/test_run_command.py::test_a_signal_ends_it_cleanly_and_the_file_plays"
    done = run(root, test, "-k", "1", ignored=(signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    assert done.returncode == 0, done.stdout
