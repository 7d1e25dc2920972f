"""The bench runs and its report is whole; the figures themselves are never asserted, as machines are noisy."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from edge_bg.bench import loop, text
from edge_bg.commands.bench import bench, report_name

pytest.importorskip("simplejpeg")
SIZE = (320, 180)
MACHINE = {"board": None, "cpu": "Some (R) CPU", "arch": "x86_64", "date": "2026-11-22"}


def test_the_report_reads_as_text(report):
    shown = text(report)
    for word in ("invoke", "ratio", "landscape int8", "landscape float16", "goal", "new memory"):
        assert word in shown


def test_every_figure_is_there_and_positive(report):
    assert {"prepare", "matte", "composite", "jpeg", "all"} == report["stages"]["ours_ms"].keys()
    assert all(row["ms"] > 0 for row in report["invoke"])
    assert report["throughput"]["loop_per_s"] > 0
    assert report["latency"]["latency_ms"] > 0
    assert [(row["people"], row["looks"]) for row in report["several"]["rows"]] == [(1, 4), (3, 4), (3, 1)]
    assert all(row["ms"] > 0 and row["runs"] > 0 for row in report["several"]["rows"])


def test_nothing_in_the_report_names_the_user(report):
    import getpass
    import socket

    words = json.dumps(report["machine"])
    assert socket.gethostname() not in words
    assert getpass.getuser() == "root" or getpass.getuser() not in words


def test_the_reference_loop_composites():
    reference = loop.reference_loop(SIZE, (256, 144))
    frame = np.full((180, 320, 3), 200, np.uint8)
    mask = np.zeros((144, 256), np.float32)
    mask[:, 128:] = 1
    out = reference.composite(frame, reference.upsample(mask))
    assert (out[:, -50:] == 200).all()
    assert np.abs(out[:, :50].astype(int) - loop.picture(SIZE)[:, :50, ::-1]).max() <= 1
    assert reference.prepare(frame).shape == (1, 144, 256, 3)
    assert reference.encode(out)[:2] == b"\xff\xd8"
    assert np.allclose(reference.soften(np.ones((180, 320), np.float32)), 1, atol=1e-5)


def test_a_report_is_named_after_the_board():
    machine = {"board": "Raspberry Pi 5 Model B Rev 1.0", "cpu": "x", "arch": "aarch64", "date": "2026-11-22"}
    assert report_name(machine) == "raspberry-pi-5-model-b-rev-1-0-aarch64-2026-11-22.json"


def test_a_report_is_written_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge_bg.bench.run", lambda options, say: {"machine": {**MACHINE}})
    monkeypatch.setattr("edge_bg.bench.text", lambda report: "figures")
    done = CliRunner().invoke(bench, ["--report", "--quick"], standalone_mode=False)
    assert done.exit_code == 0, done.output
    (written,) = tmp_path.iterdir()
    assert json.loads(written.read_text())["machine"] == MACHINE
    assert written.name in done.output
