"""The V4L2 source: raw buffers in, frames out, and every way a webcam goes away and comes back."""

from __future__ import annotations

import logging
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from edge_bg.errors import SourceError
from edge_bg.frame import Frame
from edge_bg.sources.v4l2 import V4l2Camera
from edge_bg.sources.v4l2_find import Node
from edge_bg.sources.v4l2_nodes import Layout
from tests.patience import crowd, wait_for

from .cameras import BenchCamera, Replay

SIZE = (64, 48)


def take(camera: V4l2Camera, count: int) -> list[Frame]:
    return [frame for frame, _ in zip(camera, range(count), strict=False)]


def background(camera: V4l2Camera) -> tuple[threading.Thread, list[int]]:
    seen: list[int] = []

    def loop() -> None:
        seen.extend(frame.index for frame in camera)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread, seen


# --- pictures


@pytest.mark.parametrize("fourcc", ["YUYV", "MJPG"])
def test_levels_are_right(fourcc: str) -> None:
    with BenchCamera(fourcc, size=SIZE) as camera:
        for frame, _ in zip(camera, range(4), strict=False):
            assert camera.replay is not None
            raw = 20 + camera.replay.last % 200
            # YUYV carries video levels, 16 is black; JPEG carries full range.
            expected = raw if fourcc == "MJPG" else round((raw - 16) * 255 / 219)
            assert abs(int(frame.y.mean()) - expected) <= 1
            assert frame.size == SIZE


def test_full_range_yuyv_is_not_stretched() -> None:
    with BenchCamera("YUYV", size=SIZE, layout=Layout(128, limited=False)) as camera:
        frame = take(camera, 1)[0]
    assert frame.y[0, 0] == 20


@pytest.mark.parametrize(("hflip", "vflip"), [(True, False), (False, True), (True, True)])
def test_flips(hflip: bool, vflip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 2, (48, 1)) + np.arange(48, dtype=np.uint8)[:, None]
    camera = BenchCamera("YUYV", size=SIZE, hflip=hflip, vflip=vflip, layout=Layout(128, limited=False))
    with camera:
        assert camera.replay is not None
        chroma = np.full((48, 64), 128, np.uint8)
        chroma[:, :32] = 60
        monkeypatch.setattr(camera.replay, "_make", lambda size, level: np.dstack((ramp, chroma)))
        frame = take(camera, 1)[0]
    expected = ramp[:: -1 if vflip else 1, :: -1 if hflip else 1]
    assert np.array_equal(frame.y, expected)
    assert frame.u[0, 2] == (128 if hflip else 60)


def test_another_size_than_asked_is_scaled_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        with BenchCamera("MJPG", gives=(80, 60), size=SIZE) as camera:
            assert take(camera, 1)[0].size == SIZE == camera.size
        assert "gives 80x60 instead of 64x48" in caplog.text


def test_the_rate_it_really_gives(caplog: pytest.LogCaptureFixture) -> None:
    camera = BenchCamera("YUYV", size=SIZE, fps=60)
    camera.gives_fps = 12.5
    with caplog.at_level(logging.WARNING), camera:
        assert camera.fps == 12.5
    assert "gives 12.5 frames a second instead of 60" in caplog.text
    with BenchCamera("YUYV", size=SIZE, fps=60) as camera:
        assert camera.fps == 60


def test_padded_rows_are_refused_with_advice() -> None:
    with pytest.raises(SourceError, match="padded") as caught:
        BenchCamera("YUYV", size=SIZE, layout=Layout(160, limited=True)).open()
    assert "mjpg" in caught.value.hint


def test_a_format_nobody_knows() -> None:
    capture = Replay("YUYV", SIZE)
    capture.fourcc = "RG10"
    with pytest.raises(SourceError, match="'RG10'"):
        BenchCamera(size=SIZE)._start(capture, Node("/dev/video0", "sensor"), None)


# --- time


def test_what_waited_in_the_queue_is_dropped_and_counted() -> None:
    with BenchCamera("YUYV", size=SIZE, fps=20) as camera:
        stream = iter(camera)
        first = next(stream)
        time.sleep(0.6)
        late = next(stream)
        # The oldest in the queue of four is 150 to 200 ms old.
        assert time.monotonic() - late.time < 0.12 * crowd(), "an old frame was handed out"
        assert late.time > first.time
        assert late.index > first.index + 1


def test_a_camera_that_is_slow_by_itself_is_not_halved() -> None:
    """Frames that are old on arrival, but for which we waited, are the newest there are."""
    with BenchCamera("YUYV", size=SIZE, fps=20) as camera:
        assert camera.replay is not None
        original = camera.replay.read
        camera.replay.read = lambda: (got := original()) and (got[0], got[1] - 0.15)  # type: ignore[method-assign]
        frames = take(camera, 8)
    # The median, as a busy machine may stall once.
    assert sorted(b.index - a.index for a, b in pairwise(frames[1:]))[3] == 1


# --- going away


def test_unplugged_is_a_state_without_spinning_and_plugged_in_again_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera = BenchCamera("YUYV", size=SIZE)
    with camera, caplog.at_level(logging.INFO):
        thread, seen = background(camera)
        wait_for(lambda: len(seen) > 5)
        replay = camera.replay
        assert replay is not None
        before, reads = time.process_time(), replay.reads
        camera.unplug()
        wait_for(lambda: camera.state.startswith("lost: "))
        count = len(seen)
        time.sleep(1.0)
        assert len(seen) == count
        assert replay.closed
        assert replay.reads - reads < 60, "reading in a loop while nothing is there"
        assert time.process_time() - before < 0.5
        assert camera.attempts <= 4
        camera.present = True
        wait_for(lambda: camera.state == "ok")
        wait_for(lambda: len(seen) > count + 5)
        assert seen == sorted(set(seen))
        camera.close()
        thread.join(60)
        assert not thread.is_alive()
    assert caplog.text.count("lost: ") <= 3, "one line when it goes, not one for each attempt"
    assert "is back" in caplog.text


def test_backoff_grows_to_ten_seconds() -> None:
    camera = BenchCamera("YUYV", size=SIZE, present=False, wait=True)
    with camera:
        delays = []
        for _ in range(7):
            delays.append(camera._retry_at - time.monotonic())
            camera._retry_at = 0
            camera._next()
        assert [round(d, 1) for d in delays] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_absent_at_the_start() -> None:
    with pytest.raises(SourceError, match="no such camera"):
        BenchCamera("YUYV", size=SIZE, present=False).open()
    camera = BenchCamera("YUYV", size=SIZE, present=False, wait=True)
    with camera:
        assert camera.state == "lost: /dev/video0: no such camera"
        thread, seen = background(camera)
        camera.present = True
        wait_for(lambda: len(seen) > 2)
        assert camera.state == "ok"
        camera.close()
        thread.join(60)


def test_close_while_lost_is_quick() -> None:
    camera = BenchCamera("YUYV", size=SIZE, present=False, wait=True)
    camera.open()
    camera._retry_at = time.monotonic() + 60
    thread, _ = background(camera)
    time.sleep(0.05)
    start = time.monotonic()
    camera.close()
    thread.join(60)
    assert not thread.is_alive()
    assert time.monotonic() - start < 0.5 * crowd()


@pytest.mark.parametrize("fourcc", ["YUYV", "MJPG"])
def test_broken_transfers_are_counted_and_passed_over(fourcc: str) -> None:
    with BenchCamera(fourcc, size=SIZE) as camera:
        assert camera.replay is not None
        camera.replay.broken = set(range(0, 10000, 3))
        frames = take(camera, 20)
        assert len(frames) == 20
        assert camera.failures >= 3
        assert camera.state == "ok"


def test_a_camera_that_gives_only_broken_frames_is_lost() -> None:
    with BenchCamera("MJPG", size=SIZE) as camera:
        assert camera.replay is not None
        camera.replay.broken = set(range(10000))
        thread, seen = background(camera)
        wait_for(lambda: "stopped giving frames" in camera.state)
        assert not seen
        camera.close()
        thread.join(60)


def test_a_camera_that_hangs_is_lost_after_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV waits seconds for a frame and then says no: ten of those would be too many."""
    monkeypatch.setattr("edge_bg.sources.camera.SILENCE", 0.2)
    with BenchCamera("YUYV", size=SIZE) as camera:
        assert camera.replay is not None
        replay, began = camera.replay, time.monotonic()
        monkeypatch.setattr(replay, "read", lambda: time.sleep(0.3))
        thread, _ = background(camera)
        wait_for(lambda: "stopped giving frames" in camera.state)
        assert time.monotonic() - began < 1.5 * crowd()
        assert camera.failures <= 3
        camera.close()
        thread.join(60)
