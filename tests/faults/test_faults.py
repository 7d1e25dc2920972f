"""Faults of every kind, and none that costs a frame of the room, a file or a thread.

The quick run has 520: scripts/faults, which CI runs too; the long one: scripts/faults --count 20000 --seed N.
Kinds: tests/faults/kinds.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.pipeline import Pipeline
from edge_bg.sinks.file import File
from tests.faults import killed, kinds
from tests.faults.clients import cut_out
from tests.faults.kinds import FAULTS
from tests.faults.room import Inspector, picture, wall
from tests.faults.run import run

COUNT = 60  # in two lives, the second with an accelerator: enough for every kind; CI has nine times as many

pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="GCC ABSENT: the delegate is compiled: apt install gcc"),
    pytest.mark.timeout(300),
]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Inspector.leaks.clear()
    yield
    Inspector.leaks.clear()


def test_a_process_that_ends_while_it_is_asked_for_its_name_is_none() -> None:
    """A run of 20,000 ended at 8,970 on one that did."""
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    listed = kinds.children()
    next(listed)  # the list is made; the second name is not asked for yet
    for process in started:
        process.kill()
        process.wait()
    left = [child.pid for child, _ in listed]
    assert not {process.pid for process in started} & set(left)


def test_faults_of_every_kind_lose_nothing_and_show_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, COUNT, seed=16, per_life=COUNT // 2)
    assert result.problems == [], "\n".join(result.problems[:20])
    assert result.injected == COUNT and set(result.times) == {fault.name for fault in FAULTS}
    assert result.streamed > 25 and result.recorded > 25 and result.piped > 25, "the real sinks were looked at"
    assert result.socketed > 25 and result.cut, "and what other clients get"
    assert max(result.memory) < result.memory[0] + 30, f"memory: {result.memory}"


def test_a_loop_that_shows_the_room_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: without the cover, what is not cut out goes out, and everybody who looks sees it."""
    monkeypatch.setattr(Pipeline, "_covered", lambda self: picture_frame(self.source.size))
    monkeypatch.setattr(kinds, "FAULTS", tuple(fault for fault in FAULTS if fault.name == "camera silent"))
    result = run(tmp_path, 8, seed=3)
    places = {leak.split(" at ")[1].split(" during")[0] for leak in result.leaks}
    assert {"the loop", "the stream", "/ws", "the pipe"} <= places and any("take-" in place for place in places), places


def picture_frame(size: tuple[int, int]) -> object:
    import time

    from edge_bg.frame import Frame

    return Frame(picture(size), time.monotonic(), -1, covered=True)


@pytest.mark.slow
def test_what_a_service_that_dies_had_written_is_whole(tmp_path: Path) -> None:
    result = killed.run(tmp_path, 12, seed=4)
    assert result.problems == [], "\n".join(result.problems)
    assert result.died >= 6 and result.photos


def test_half_a_file_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: a recording that leaves what it wrote when the disk was full."""

    def careless(self: File) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    monkeypatch.setattr(File, "close", careless)
    monkeypatch.setattr(kinds, "FAULTS", tuple(fault for fault in FAULTS if fault.name == "disk full"))
    result = run(tmp_path, 6, seed=3)
    if result.felt == 0:
        pytest.skip("NO ROOT: a small disk cannot be mounted here")
    assert any("does not play" in each for each in result.left), result.left


def test_a_cut_out_that_shows_the_room_is_caught() -> None:
    """The harness itself: all of the photograph, and the person on clear pixels that still have the room's colours."""
    bgr = cv2.cvtColor(picture((96, 64)), cv2.COLOR_YUV2BGR_I420)
    grey = (bgr.min(axis=2) > 180).astype(np.uint8) * 255
    for alpha, said in (
        (np.full_like(grey, 255), {"a cut-out", "a cut-out's colours"}),
        (grey, {"a cut-out's colours"}),
    ):
        Inspector.leaks.clear()
        assert cut_out(cv2.imencode(".png", cv2.merge((bgr, alpha)))[1].tobytes())
        assert {leak.split(" at ")[1].split(" during")[0] for leak in Inspector.leaks} == said


def test_the_wall_is_seen_and_backgrounds_are_not() -> None:
    data = picture((96, 64))
    assert wall(data) > 1000
    half = (data.astype(np.int64) + 128) // 2
    assert wall(half.astype(np.uint8)) == 0 and wall((data * 0.7 + 128 * 0.3).astype(np.uint8)) > 1000
