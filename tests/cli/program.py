"""The command line as a program, and within this process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_bg.cli import run as command_line

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
