"""Where messages go."""

from __future__ import annotations

import io
import logging
import os
import sys

import pytest

from edge_bg.board import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EDGE_BG_DEBUG", raising=False)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    yield
    root = logging.getLogger("edge_bg")
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.propagate = True
    root.setLevel(logging.NOTSET)


def test_information_is_plain_and_warnings_say_so(capsys: pytest.CaptureFixture[str]):
    logs.setup()
    logging.getLogger("edge_bg.sinks").info("watch at %s", "here")
    logging.getLogger("edge_bg").warning("low light")
    logging.getLogger("edge_bg").debug("never")
    assert capsys.readouterr().err == "edge-bg: watch at here\nedge-bg: warning: low light\n"


def test_each_line_carries_its_priority_under_the_journal(monkeypatch: pytest.MonkeyPatch, tmp_path):
    with (tmp_path / "journal").open("w") as stream:
        there = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(sys, "stderr", stream)
        logs.setup()
        logging.getLogger("edge_bg").error("first\nsecond")
        logging.getLogger("edge_bg").info("third")
    assert (tmp_path / "journal").read_text() == "<3>first\n<3>second\n<6>third\n"


def test_another_programs_journal_stream_is_not_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not logs.under_journal()


def test_messages_go_above_the_status_line():
    terminal = Terminal()
    line = logs.setup(line=logs.StatusLine(terminal))
    line.show("00:01  30.0 fps")
    logging.getLogger("edge_bg").info("camera is back")
    assert terminal.getvalue().endswith("\r\x1b[Kedge-bg: camera is back\n00:01  30.0 fps")
    line.show("x" * 200)
    assert len(terminal.getvalue().rsplit("\x1b[K", 1)[1]) < 80
    line.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_closed_terminal_does_not_end_the_program():
    terminal = Terminal()
    line = logs.StatusLine(terminal)
    terminal.close()
    line.show("30 fps")
    line.above("message")
    assert not line.on
