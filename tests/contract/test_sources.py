"""What every source promises, one suite over all of them."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
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
from ..sources.cameras import BenchCamera
from ..sources.pi import board as board
from ..sources.pi import paint

Make = Callable[[Path], SourceBase]


def clip(folder: Path, name: str = "clip.avi", size: tuple[int, int] = (64, 48), frames: int = 24) -> Path:
    """A short MJPG video whose brightness grows with the frame number."""
    path = folder / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 + 8 * number, np.uint8))
    writer.release()
    return path


def shots(folder: Path, count: int = 24) -> Path:
    place = folder / "shots"
    place.mkdir()
    for number in range(count):
        cv2.imwrite(str(place / f"shot{number}.png"), np.full((48, 64, 3), 20 + 8 * number, np.uint8))
    return place


try:
    import av as av
except ImportError:
    HAS_AV = False
else:
    HAS_AV = True


def names(table: dict[str, Make]) -> list[object]:
    """The keys, those that need PyAV skipped where it is absent."""
    absent = pytest.mark.skipif(not HAS_AV, reason="PYAV ABSENT: pip install 'edge-bg[video]'")
    return [pytest.param(name, marks=absent) if name.endswith("-av") else name for name in sorted(table)]


# Every one of these gives exactly 24 frames of 64x48 before it ends, unless it is a loop.
ENDING: dict[str, Make] = {
    "synthetic": lambda folder: Synthetic(size=(64, 48), realtime=False, frames=24),
    "file-av": lambda folder: VideoFile(clip(folder), decoder="av"),
    "file-opencv": lambda folder: VideoFile(clip(folder), decoder="opencv"),
    "images": lambda folder: Images(shots(folder)),
}
ENDLESS: dict[str, Make] = {
    "synthetic": lambda folder: Synthetic(size=(64, 48), realtime=False),
    "synthetic-live": lambda folder: Synthetic(size=(64, 48), fps=200),
    "file-av": lambda folder: VideoFile(clip(folder), loop=True, decoder="av"),
    "file-opencv": lambda folder: VideoFile(clip(folder), loop=True, decoder="opencv"),
    "file-live": lambda folder: VideoFile(clip(folder), loop=True, realtime=True),
    "images": lambda folder: Images(shots(folder), loop=True),
    "v4l2-yuyv": lambda folder: BenchCamera("YUYV", size=(64, 48), fps=200),
    "v4l2-mjpg": lambda folder: BenchCamera("MJPG", size=(64, 48), fps=200),
    "picamera2": lambda folder: PiCamera(size=(64, 48)),
    "images-live": lambda folder: Images(shots(folder), loop=True, realtime=True, fps=200),
}


@pytest.fixture(params=names(ENDING))
def ending(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SourceBase]:
    source = ENDING[request.param](tmp_path)
    yield source
    source.close()


@pytest.fixture(params=names(ENDLESS))
def endless(request: pytest.FixtureRequest, tmp_path: Path, board: object) -> Iterator[SourceBase]:
    source = ENDLESS[request.param](tmp_path)
    yield source
    source.close()


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


# --- size, fit and rotate: the same wherever a picture comes in. Each gives a picture of 64x48 with a light top. ---


def _light_top(size: tuple[int, int] = (64, 48)) -> np.ndarray:
    picture = np.full((size[1], size[0], 3), 60, np.uint8)
    picture[: size[1] // 4] = 220
    return picture


def _top_clip(folder: Path) -> Path:
    path = folder / "top.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for _ in range(6):
        writer.write(_light_top())
    writer.release()
    return path


def _top_shot(folder: Path) -> Path:
    cv2.imwrite(str(folder / "top.png"), _light_top())
    return folder / "top.png"


def _yuyv_top(size: tuple[int, int], level: int) -> np.ndarray:
    luma = cv2.cvtColor(_light_top(size), cv2.COLOR_BGR2GRAY)
    return np.dstack((luma, np.full(size[::-1], 128, np.uint8)))


def _mjpg_top(size: tuple[int, int], level: int) -> np.ndarray:
    return np.asarray(cv2.imencode(".jpg", _light_top(size))[1], np.uint8).reshape(1, -1)


def _paint_top(given: dict[str, Any], level: int) -> np.ndarray:
    memory = paint(given, 60)
    memory[: given["size"][1] // 4 * given["stride"]] = 220
    return memory


def _bench(fourcc: str) -> Callable[..., SourceBase]:
    return lambda folder, **options: BenchCamera(fourcc, gives=(64, 48), fps=200, **options)


SHAPED: dict[str, Callable[..., SourceBase]] = {
    "synthetic": lambda folder, **options: Synthetic(drawn=(64, 48), realtime=False, **options),
    "file-av": lambda folder, **options: VideoFile(_top_clip(folder), decoder="av", **options),
    "file-opencv": lambda folder, **options: VideoFile(_top_clip(folder), decoder="opencv", **options),
    "images": lambda folder, **options: Images(_top_shot(folder), **options),
    "v4l2-yuyv": _bench("YUYV"),
    "v4l2-mjpg": _bench("MJPG"),
    "picamera2": lambda folder, **options: PiCamera(**options),
}


@pytest.fixture(params=names(SHAPED))
def shaped(
    request: pytest.FixtureRequest, tmp_path: Path, board: object, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Frame]:
    monkeypatch.setattr("tests.sources.cameras.yuyv", _yuyv_top)
    monkeypatch.setattr("tests.sources.cameras.mjpg", _mjpg_top)
    monkeypatch.setattr("tests.sources.pi.paint", _paint_top)

    def first(**options: object) -> Frame:
        with SHAPED[request.param](tmp_path, **options) as source:
            frame = next(iter(source))
            assert frame.size == source.size == options["size"]
            return frame.copy()

    first.kind = request.param  # type: ignore[attr-defined]
    return first


def _gives_its_size(shaped: Callable[..., Frame]) -> None:
    if shaped.kind == "picamera2":  # type: ignore[attr-defined]
        pytest.skip("picamera2 gives the size it is asked for: nothing is left to fit")


def test_contain_pads_and_says_where_the_picture_is(shaped: Callable[..., Frame]) -> None:
    _gives_its_size(shaped)
    frame = shaped(size=(128, 48))
    assert frame.area == (32, 0, 96, 48)
    assert frame.picture.size == (64, 48) and frame.picture.outer == (128, 48)
    assert (frame.y[:, :32] == 0).all() and (frame.y[:, 96:] == 0).all() and (frame.u[:, :16] == 128).all()
    assert np.array_equal(frame.picture.y, frame.y[:, 32:96])
    assert np.array_equal(frame.picture.v, frame.v[:, 16:48])


def test_cover_and_stretch_leave_no_padding(shaped: Callable[..., Frame]) -> None:
    _gives_its_size(shaped)
    plain = shaped(size=(64, 48))
    assert plain.area is None and plain.picture is plain
    covering = shaped(size=(64, 24), fit="cover")  # the middle 24 of 48 rows
    assert covering.area is None and np.array_equal(covering.y, plain.y[12:36])
    stretched = shaped(size=(64, 24), fit="stretch")
    assert stretched.area is None
    assert np.abs(stretched.y.astype(int) - cv2.resize(plain.y, (64, 24), interpolation=cv2.INTER_AREA)).max() <= 1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotate_turns_clockwise(shaped: Callable[..., Frame], degrees: int) -> None:
    if shaped.kind == "picamera2" and degrees == 180:  # type: ignore[attr-defined]
        pytest.skip("the sensor turns by 180 degrees itself: tests/sources/test_picamera2.py")
    plain = shaped(size=(64, 48))
    turned = shaped(size=(48, 64) if degrees != 180 else (64, 48), rotate=degrees)
    assert turned.area is None and int(plain.y[0, 0]) > int(plain.y[-1, 0])
    for before, after in ((plain.y, turned.y), (plain.u, turned.u), (plain.v, turned.v)):
        assert np.array_equal(np.rot90(before, -degrees // 90), after)
    if plain.truth is not None and turned.truth is not None:
        assert np.array_equal(np.rot90(plain.truth, -degrees // 90), turned.truth)


@pytest.mark.parametrize("option", [{"fit": "fill"}, {"rotate": 45}])
def test_what_is_no_fit_or_turn_is_refused(shaped: Callable[..., Frame], option: dict[str, object]) -> None:
    with pytest.raises(SourceError, match=r"fill|45"):
        shaped(size=(64, 48), **option)
