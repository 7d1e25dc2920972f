"""The V4L2 source: raw buffers in, frames out, and every way a webcam goes away and comes back."""

from __future__ import annotations

import logging
import os
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge_bg.errors import SourceError
from edge_bg.frame import Frame
from edge_bg.sources import v4l2_nodes
from edge_bg.sources.cameras import list_cameras
from edge_bg.sources.v4l2 import V4l2Camera
from edge_bg.sources.v4l2_find import Node, cameras, find_nodes, resolve, same_again
from edge_bg.sources.v4l2_nodes import Layout
from tests.patience import crowd, wait_for

from .cameras import BenchCamera, Replay, sysfs

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


# --- which camera


TWO = {0: ("HD Pro Webcam C920", "1-1.2", "046d_HD_Pro_Webcam_C920_A1B2"), 2: ("Trust Webcam", "1-1.4", "")}


def test_finds_a_camera_by_path_number_link_port_and_name(tmp_path: Path) -> None:
    root = sysfs(tmp_path, TWO)
    for wanted in ("/dev/video0", "0", "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_A1B2-video-index0",
                   "/dev/v4l/by-path/platform-usb-1-1.2-video-index0", "usb:1-1.2", "c920"):  # fmt: skip
        node = resolve(wanted, root)
        assert (node.device, node.port) == ("/dev/video0", "1-1.2"), wanted
    assert resolve("trust", root).device == "/dev/video2"
    assert len(find_nodes(root)) == 4


def test_a_name_that_fits_none_or_two(tmp_path: Path) -> None:
    root = sysfs(tmp_path, TWO)
    with pytest.raises(SourceError, match="more than one") as caught:
        resolve("webcam", root)
    assert "/dev/video2" in caught.value.hint
    for wanted in ("/dev/video9", "9", "usb:3-1", "logi"):
        with pytest.raises(SourceError, match="no such camera") as caught:
            resolve(wanted, root)
        assert "C920" in caught.value.hint
    with pytest.raises(SourceError, match="no such camera") as caught:
        resolve("/dev/video0", tmp_path / "empty")
    assert "lsusb" in caught.value.hint


def test_the_same_camera_is_found_under_another_number(tmp_path: Path) -> None:
    before = resolve("/dev/video0", sysfs(tmp_path / "a", TWO))
    swapped = {0: TWO[2], 4: TWO[0]}
    again = same_again(before, sysfs(tmp_path / "b", swapped))
    assert again is not None
    assert again.device == "/dev/video4"
    # Without a serial number it is known by where it is plugged in.
    trust = resolve("/dev/video2", sysfs(tmp_path / "c", TWO))
    again = same_again(trust, sysfs(tmp_path / "d", swapped))
    assert again is not None
    assert again.device == "/dev/video0"
    # And another camera that got its old number is not taken for it.
    assert same_again(before, sysfs(tmp_path / "e", {0: TWO[2]})) is None


# --- the real kernel, as far as this machine has one


def test_what_is_not_a_camera_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such camera"), v4l2_nodes.opened(str(tmp_path / "video0")):
        pass
    plain = tmp_path / "video1"
    plain.touch()
    for device in (str(plain), "/dev/null"):
        with v4l2_nodes.opened(device) as handle, pytest.raises(SourceError, match="not a camera"):
            v4l2_nodes.card(handle, device)
        with pytest.raises(SourceError, match="not a camera"):
            V4l2Camera(device).open()
    if os.geteuid() != 0:
        plain.chmod(0)
        with pytest.raises(SourceError, match="no permission") as caught, v4l2_nodes.opened(str(plain)):
            pass
        assert "video" in caught.value.hint


def test_a_missing_device_is_a_clear_error_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(SourceError, match="/dev/video99: no such camera") as caught:
        V4l2Camera("/dev/video99").open()
    assert caught.value.hint
    assert time.monotonic() - start < 1 * crowd()


def test_options_are_checked() -> None:
    for options, match in (({"format": "h264"}, "unknown"), ({"size": (641, 480)}, "even"), ({"fps": 0}, "range")):
        with pytest.raises(SourceError, match=match):
            V4l2Camera(**options)  # type: ignore[arg-type]


def test_listing_never_fails() -> None:
    assert isinstance(list_cameras(), list)
    assert isinstance(cameras(), list)


def test_request_codes_are_those_of_the_kernel() -> None:
    """From linux/videodev2.h on a 64-bit machine, as strace prints them."""
    assert v4l2_nodes.QUERYCAP == 0x80685600
    assert v4l2_nodes.ENUM_FMT == 0xC0405602
    assert v4l2_nodes.S_CTRL == 0xC008561C
    assert v4l2_nodes.QUERYCTRL == 0xC0445624
    assert v4l2_nodes.ENUM_FRAMESIZES == 0xC02C564A
    assert v4l2_nodes.ENUM_FRAMEINTERVALS == 0xC034564B
    if v4l2_nodes._LONG == 8:
        assert (v4l2_nodes.G_FMT, v4l2_nodes.S_FMT) == (0xC0D05604, 0xC0D05605)


def test_a_link_that_two_cameras_share_leads_to_neither_by_itself(tmp_path: Path) -> None:
    """Seen with two test cameras of one driver: after they changed numbers, the link of one led to the other."""
    shared = Node("/dev/video1", "second", "vivid.0", ("/dev/v4l/by-path/platform-vivid.0-video-index0",))
    other = sysfs(tmp_path, {0: ("first", "vivid.0", "")})
    (other / "dev/v4l/by-path/platform-vivid.0-video-index0").symlink_to("../../video0")
    assert same_again(shared, other) is None
    (tmp_path / "sys/class/video4linux/video0/name").write_text("second\n")
    again = same_again(shared, other)
    assert again is not None and again.device == "/dev/video0"
