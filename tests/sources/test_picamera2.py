"""The Pi camera source: strides, formats, colour spaces and buffers as libcamera gives them, and a lost camera."""

from __future__ import annotations

import logging
import sys
import threading
import time

import numpy as np
import pytest

from edge_bg.errors import MissingDependency, SourceError
from edge_bg.frame import Frame, planes, size_of
from edge_bg.sources import picamera2 as adapter
from edge_bg.sources.cameras import list_cameras
from edge_bg.sources.picamera2 import PiCamera, find, lores_size
from edge_bg.sources.picamera2_still import view
from tests.patience import wait_for

from .pi import Board, ColorSpace
from .pi import board as board

SIZE = (320, 180)


def take(camera: PiCamera, count: int = 1) -> list[Frame]:
    return [frame for frame, _ in zip(camera, range(count), strict=False)]


def colours(i420: np.ndarray) -> tuple[set[int], set[int], set[int]]:
    y, u, v = planes(i420)
    return set(np.unique(y).tolist()), set(np.unique(u).tolist()), set(np.unique(v).tolist())


@pytest.mark.parametrize("layout", ["YUV420", "YVU420", "NV12", "NV21"])
@pytest.mark.parametrize("align", [32, 64, 128, 512])
@pytest.mark.parametrize("size", [(320, 180), (336, 190), (640, 480)])
def test_padding_never_reaches_the_frame(board: Board, size: tuple[int, int], align: int, layout: str) -> None:
    board.align, board.format = align, layout
    with PiCamera(size=size) as camera:
        frames = take(camera, 3)
    for frame in frames:
        assert frame.size == size
        assert frame.data.flags.c_contiguous
        y, u, v = colours(frame.data)
        assert (len(y), u, v) == (1, {60}, {190})
        assert frame.small is not None
        assert colours(frame.small) == (y, u, v), "both streams come from the same request"
    assert board.held == 0
    assert board.closed == 1


def test_pictures_survive_the_release_of_their_request(board: Board) -> None:
    with PiCamera(size=SIZE) as camera:
        kept = take(camera)[0]
        before = kept.data.copy()
        take(camera, 10)
    assert np.array_equal(kept.data, before)


def test_second_stream_is_sized_to_the_model() -> None:
    assert lores_size((1280, 720), True) == (256, 144)
    assert lores_size((640, 480), True) == (256, 192)
    assert lores_size((720, 1280), True) == (256, 456)
    assert lores_size((128, 96), True) == (128, 96)
    assert lores_size((1280, 720), False) is None
    assert lores_size((1280, 720), (320, 240)) == (320, 240)
    with pytest.raises(SourceError, match="even"):
        lores_size((1280, 720), (321, 240))


def test_sizes_are_read_back(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    board.lores_size = (320, 144)  # wider than asked
    board.main_size = (384, 216)
    with caplog.at_level(logging.WARNING), PiCamera(size=SIZE) as camera:
        frame = take(camera)[0]
    assert frame.size == SIZE
    assert frame.small is not None
    assert frame.small.shape == (216, 320)
    assert "gives 384x216 instead of 320x180" in caplog.text


def test_without_a_second_stream(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    with PiCamera(size=SIZE, lores=False) as camera:
        assert take(camera)[0].small is None
    board.has_lores = False
    with caplog.at_level(logging.WARNING), PiCamera(size=SIZE) as camera:
        assert take(camera)[0].small is None
    assert "no second stream" in caplog.text


def test_limited_range_is_widened(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    with PiCamera(size=SIZE) as camera:
        assert colours(take(camera)[0].data)[0] == {21}
    board.colour_space = ColorSpace("Rec601", "Limited")
    with PiCamera(size=SIZE) as camera:
        frame = take(camera)[0]
        assert colours(frame.data)[0] == {6}
        assert frame.small is not None
        assert colours(frame.small)[0] == {6}
    with caplog.at_level(logging.WARNING):
        board.colour_space = ColorSpace("Rec709", "Full")
        with PiCamera(size=SIZE) as camera:
            assert colours(take(camera)[0].data)[0] == {21}
    assert "Rec709" in caplog.text


def test_asks_for_rate_flips_and_controls(board: Board) -> None:
    with PiCamera(size=SIZE, fps=25, hflip=True, controls={"AfMode": 2}):
        assert board.controls == {"FrameDurationLimits": (40000, 40000), "AfMode": 2}
        assert board.transform is not None
        assert (board.transform.hflip, board.transform.vflip) == (1, 0)
    with pytest.raises(SourceError, match="no control 'Zoom'") as caught:
        PiCamera(size=SIZE, controls={"Zoom": 1}).open()
    assert "AfMode" in caught.value.hint
    assert board.opened == board.closed


def test_time_is_the_sensors(board: Board) -> None:
    with PiCamera(size=SIZE) as camera:
        frames = take(camera, 3)
    assert 0.004 < time.monotonic() - frames[-1].time < 1
    assert frames[0].time < frames[1].time < frames[2].time


def test_which_camera() -> None:
    known = [{"Model": "imx708_wide", "Id": "/base/a"}, {"Model": "imx219", "Id": "/base/b"}]
    assert find(known, 1) == (1, "imx219")
    assert find(known, "imx708") == (0, "imx708_wide")
    assert find(list(reversed(known)), "imx708") == (1, "imx708_wide"), "found again under another number"
    assert find(known, "/base/b") == (1, "imx219")
    for wanted in (2, "ov5647"):
        with pytest.raises(SourceError, match="no such camera") as caught:
            find(known, wanted)
        assert "imx219" in caught.value.hint
    with pytest.raises(SourceError, match="more than one"):
        find(known, "imx")
    with pytest.raises(SourceError) as caught:
        find([], 0)
    assert "rpicam-hello" in caught.value.hint


def test_busy_is_a_clear_error(board: Board) -> None:
    board.busy = "Failed to acquire camera: Device or resource busy"
    with pytest.raises(SourceError, match="imx708: Failed to acquire") as caught:
        PiCamera(size=SIZE).open()
    assert "fuser" in caught.value.hint


def test_a_usb_format_points_to_v4l2(board: Board) -> None:
    board.format = "XBGR8888"
    with pytest.raises(SourceError, match="XBGR8888") as caught:
        PiCamera(size=SIZE).open()
    assert "v4l2" in caught.value.hint
    assert board.opened == board.closed


def test_no_frames_is_a_lost_camera_that_comes_back(board: Board) -> None:
    camera = PiCamera(size=SIZE)
    with camera:
        stream = iter(camera)
        first = next(stream)
        board.frozen = True
        seen: list[Frame] = []
        thread = threading.Thread(target=lambda: seen.append(next(stream)), daemon=True)
        thread.start()
        wait_for(lambda: camera.state.startswith("lost: "), "the loss of the camera")
        assert "no frame for 2 s" in camera.state
        assert board.closed >= 1, "a camera that is stuck is let go, its queue emptied first"
        board.frozen = False
        thread.join(60)
        assert seen
        assert seen[0].index > first.index
        assert camera.state == "ok"
    assert board.opened == board.closed


def test_the_same_camera_under_another_number(board: Board) -> None:
    with PiCamera(camera=0, size=SIZE) as camera:
        take(camera)
        camera._lose(SourceError("gone"))
        board.models.insert(0, {"Model": "webcam", "Id": "/base/usb@1/2", "Num": 0})
        stream = iter(camera)
        assert next(stream).size == SIZE
        assert (camera.name, camera.state) == ("camera imx708", "ok")


def test_absent_and_waited_for(board: Board) -> None:
    board.models = []
    with pytest.raises(SourceError, match="no such camera"):
        PiCamera(size=SIZE).open()
    with PiCamera(size=SIZE, wait=True) as camera:
        assert camera.state.startswith("lost: camera 0: no such camera")
        board.models = Board().models
        assert take(camera)[0].size == SIZE
        assert camera.state == "ok"


def test_listing(board: Board) -> None:
    board.models.append({"Model": "webcam", "Id": "/base/usb@1/2", "Num": 1})
    assert [(c.name, c.model) for c in list_cameras() if c.kind == "picamera2"] == [("0", "imx708")]


@pytest.mark.skipif("picamera2" in sys.modules, reason="picamera2 is installed here")
def test_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcamera", None)
    for wait in (False, True):
        with pytest.raises(MissingDependency, match="picamera2 cannot be imported") as caught:
            PiCamera(wait=wait).open()
        assert "sudo apt install -y python3-picamera2" in caught.value.hint
        assert "--system-site-packages" in caught.value.hint


def test_the_module_is_imported_without_picamera2() -> None:
    assert "picamera2" not in vars(adapter)


def test_the_sensor_turns_upside_down_and_we_the_rest(board: Board) -> None:
    with PiCamera(size=SIZE, rotate=180, hflip=True) as camera:
        assert board.transform is not None and (board.transform.hflip, board.transform.vflip) == (0, 1)
        assert take(camera)[0].size == SIZE
    with PiCamera(size=SIZE[::-1], rotate=90, hflip=True) as camera:  # mirrored before it is turned
        assert (board.transform.hflip, board.transform.vflip) == (0, 1)
        frame = take(camera)[0]
        assert frame.size == camera.size == SIZE[::-1] and camera.asked == SIZE
        assert frame.small is not None and size_of(frame.small) == (144, 256)
    assert PiCamera(rotate=270).size == (720, 1280)


def test_a_still_shows_what_frames_show_at_the_sensors_own_resolution(board: Board) -> None:
    board.crop = (8, 12, 4500, 2532)
    with PiCamera(size=(1280, 720), hflip=True, controls={"AfMode": 2}) as camera:
        assert camera.still() is not None, "before the first frame, of the whole sensor"
        take(camera)
        still = camera.still()
        assert still is not None and still.shape == (2532, 4500, 3) and still.dtype == np.uint8
        assert (still == still[0, 0]).all(), "rows are padded, and pictures longer than they are"
        asked = board.stills[-1]
        assert asked["controls"] == {"AfMode": 2, "ScalerCrop": board.crop} and asked["transform"].hflip == 1
        assert take(camera)[0].size == (1280, 720), "and frames go on"
    assert board.held == 0


@pytest.mark.parametrize(
    ("sensor", "crop", "main", "size"),
    [
        ((4608, 2592), None, (1280, 720), (4608, 2592)),
        ((3280, 2464), None, (1280, 720), (3280, 1844)),
        ((3280, 2464), (680, 692, 1920, 1080), (1280, 720), (1920, 1080)),
        ((1280, 720), None, (1280, 720), None),  # no more than frames have
        ((3280, 2464), (0, 0, 3280, 2464), (1280, 720), None),  # frames of another shape
        (None, None, (1280, 720), None),
    ],
)
def test_what_a_still_is_taken_of(sensor, crop, main, size) -> None:
    found = view(sensor, crop, main)
    assert (found and found[0]) == size and (found is None or found[1] == crop)


def test_a_still_of_a_camera_on_its_side_is_upright(board: Board) -> None:
    with PiCamera(size=(720, 1280), rotate=90) as camera:
        take(camera)
        still = camera.still()
    assert still is not None and still.shape == (4608, 2592, 3)


def test_frames_come_while_stills_are_taken(board: Board) -> None:
    with PiCamera(size=(640, 360)) as camera:
        frames = iter(camera)
        next(frames)
        taken: list[object] = []
        shooter = threading.Thread(target=lambda: taken.extend(camera.still() for _ in range(5)))
        shooter.start()
        for frame in frames:
            assert frame.size == (640, 360)
            if not shooter.is_alive():
                break
        assert len(taken) == 5 and camera.state == "ok"
