"""What every source promises, one suite over all of them."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from edge_bg.errors import EdgeBgError, SourceError
from edge_bg.frame import Frame
from edge_bg.sources import KINDS, Source
from edge_bg.sources.base import SourceBase
from edge_bg.sources.file import VideoFile
from edge_bg.sources.images import Images
from edge_bg.sources.picamera2 import PiCamera
from edge_bg.sources.synthetic import Synthetic
from edge_bg.sources.v4l2 import V4l2Camera

from ..patience import PATIENCE, crowd
from ..sources.pi import board as board
from .sources import ENDING, ENDLESS, clip, names
from .sources import ending as ending
from .sources import endless as endless


def take(source: SourceBase, count: int) -> list[Frame]:
    return [frame for frame, _ in zip(source, range(count), strict=False)]


def test_every_kind_has_a_class_that_is_a_source() -> None:
    for kind in KINDS:
        module, _, name = KINDS[kind].partition(":")
        made = getattr(import_module(module), name)
        for name in ("open", "close", "__iter__", "__enter__", "__exit__"):
            assert callable(getattr(made, name)), (kind, name)


def test_follows_the_protocol(endless: SourceBase) -> None:
    assert isinstance(endless, Source)


def test_frames_are_even_constant_contiguous_i420(endless: SourceBase) -> None:
    with endless:
        for frame in take(endless, 10):
            assert frame.size == endless.size == (64, 48)
            assert frame.data.shape == (72, 64)
            assert frame.data.dtype == np.uint8
            assert frame.data.flags.c_contiguous
            assert not frame.covered


def test_index_and_time_grow(endless: SourceBase) -> None:
    with endless:
        before = time.monotonic()
        frames = take(endless, 10)
    assert frames[0].index >= 0
    for one, two in itertools.pairwise(frames):
        assert two.index > one.index
        assert two.time >= one.time
    assert before - 1 <= frames[0].time <= frames[-1].time <= time.monotonic()
    if not endless.live:
        assert [frame.index for frame in frames] == list(range(10))


def test_kept_frames_are_not_overwritten(endless: SourceBase) -> None:
    with endless:
        stream = iter(endless)
        kept = next(stream)
        copy = kept.data.copy()
        for _ in range(20):
            next(stream)
    assert np.array_equal(kept.data, copy)


def test_buffers_are_used_again(endless: SourceBase) -> None:
    with endless:
        seen = set()
        for frame, _ in zip(endless, range(50), strict=False):
            seen.add(frame.data.__array_interface__["data"][0])
            del frame
    assert len(seen) <= 8


def test_memory_does_not_grow(endless: SourceBase) -> None:
    with endless:
        stream = iter(endless)
        for _ in range(30):
            next(stream)
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(60):
                next(stream)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert grown < 60 * 72 * 64 / 10, f"{grown} bytes in 60 frames"  # interned names and the like settle at 13 kB


def test_lossless_iteration_ends_after_every_frame(ending: SourceBase) -> None:
    assert ending.live is False
    with ending:
        count = 0
        for frame in ending:
            assert frame.index == count
            count += 1
        assert count == 24
        assert ending.state == "ended"
        assert list(ending) == []  # it stays ended


def test_opens_again_from_the_start(ending: SourceBase) -> None:
    with ending:
        first = next(iter(ending)).data.copy()
    with ending:
        assert ending.state == "ok"
        frames = list(ending)
        assert len(frames) == 24
        assert np.array_equal(frames[0].data, first)


def test_open_twice_and_close_at_any_time(ending: SourceBase) -> None:
    ending.close()
    ending.open()
    ending.open()
    assert len(list(ending)) == 24
    for _ in range(3):
        ending.close()


def test_not_open_is_a_clear_error(ending: SourceBase) -> None:
    with pytest.raises(SourceError, match="not open") as caught:
        next(iter(ending))
    assert "open()" in caught.value.hint


def test_close_from_another_thread_ends_iteration(endless: SourceBase) -> None:
    endless.open()
    running = threading.Event()
    result: list[int] = []

    def loop() -> None:
        count = 0
        for _ in endless:
            count += 1
            running.set()
        result.append(count)

    thread = threading.Thread(target=loop)
    thread.start()
    assert running.wait(PATIENCE)
    start = time.monotonic()
    endless.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert time.monotonic() - start < 2 * crowd()
    assert result[0] > 0
    with endless:  # and it opens again
        assert len(take(endless, 3)) == 3


def test_close_inside_the_loop_ends_it(endless: SourceBase) -> None:
    with endless:
        count = 0
        for _ in endless:
            count += 1
            if count == 5:
                endless.close()
        assert count == 5


def test_iteration_goes_on_where_it_stopped(endless: SourceBase) -> None:
    with endless:
        last = take(endless, 3)[-1].index
        assert next(iter(endless)).index > last


@pytest.mark.parametrize("name", [name for name in sorted(ENDLESS) if name.endswith("live")])
def test_live_sources_drop_what_nobody_takes(name: str, tmp_path: Path) -> None:
    source = ENDLESS[name](tmp_path)
    with source:
        stream = iter(source)
        first = next(stream).index
        time.sleep(0.3)
        gap = next(stream).index - first
        start = time.monotonic()
        for _ in range(6):
            next(stream)
        elapsed = time.monotonic() - start
    assert source.live
    assert gap >= 0.3 * source.fps * 0.8, "the late reader should have been given a newer frame"
    assert elapsed >= 4 / source.fps * 0.8


@pytest.mark.parametrize("name", names(ENDING))
def test_lossless_sources_wait(name: str, tmp_path: Path) -> None:
    with ENDING[name](tmp_path) as source:
        stream = iter(source)
        next(stream)
        time.sleep(0.2)
        assert next(stream).index == 1


BAD: dict[str, tuple[Callable[[Path], SourceBase], str]] = {
    "file missing": (lambda folder: VideoFile(folder / "no.mp4"), "no such file"),
    "file is a folder": (lambda folder: VideoFile(folder), "is a folder"),
    "images missing": (lambda folder: Images(folder / "no.png"), "no such file"),
    "images no match": (lambda folder: Images(folder / "*.png"), "no picture matches"),
    "images empty folder": (lambda folder: Images(folder), "no pictures in this folder"),
    "synthetic odd": (lambda folder: Synthetic(size=(641, 480)), "must be even"),
    "file odd": (lambda folder: VideoFile(folder / "a.mp4", size=(64, 47)), "must be even"),
    "synthetic fps": (lambda folder: Synthetic(fps=0), "out of range"),
    "v4l2 missing": (lambda folder: V4l2Camera(str(folder / "video0")), "no such camera"),
    "v4l2 odd": (lambda folder: V4l2Camera(size=(641, 480)), "must be even"),
    "picamera2 missing": (lambda folder: PiCamera("imx999"), "no such camera"),
    "picamera2 odd": (lambda folder: PiCamera(size=(641, 480)), "must be even"),
    "images fps": (lambda folder: Images(folder, fps=-1), "out of range"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_errors_name_the_thing_and_give_a_hint(name: str, tmp_path: Path, board: object) -> None:
    make, expected = BAD[name]
    with pytest.raises(SourceError, match=expected) as caught:
        make(tmp_path).open()
    assert isinstance(caught.value, EdgeBgError)
    assert isinstance(caught.value, OSError)
    assert caught.value.hint


def test_a_source_that_failed_to_open_can_be_closed_and_tried_again(tmp_path: Path) -> None:
    source = VideoFile(tmp_path / "clip.avi")
    with pytest.raises(SourceError):
        source.open()
    source.close()
    clip(tmp_path)
    with source:
        assert next(iter(source)).size == (64, 48)
