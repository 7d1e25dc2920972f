"""The bench runs and its report is whole; the figures themselves are never asserted, as machines are noisy."""

import json

import numpy as np
import pytest

from edge_bg.bench import Options, loop, run, text

pytest.importorskip("simplejpeg")
SIZE = (320, 180)


@pytest.fixture(scope="module")
def report():
    return run(Options(size=SIZE, seconds=0.05, program=False))


def test_the_report_is_json_and_reads_as_text(report):
    assert json.loads(json.dumps(report)) == report
    shown = text(report)
    for word in ("invoke", "ratio", "landscape int8", "landscape float16", "goal", "new memory"):
        assert word in shown


def test_every_figure_is_there_and_positive(report):
    assert {"prepare", "matte", "composite", "jpeg", "all"} == report["stages"]["ours_ms"].keys()
    assert all(row["ms"] > 0 for row in report["invoke"])
    assert report["throughput"]["loop_per_s"] > 0
    assert report["latency"]["latency_ms"] > 0


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
