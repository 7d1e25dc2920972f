"""Runs inside the tree of `scripts/prove-picamera2`: the shipped source on real picamera2 and real libcamera.

The camera is libcamera's `virtual` pipeline. It shows one frame of the synthetic source, so what arrives can be
compared with it, and the cut-out with the true one.
"""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest
from memfd import stand_in

import edge_bg
from edge_bg.errors import SourceError
from edge_bg.frame import planes, to_bgr
from edge_bg.sources.picamera2 import PiCamera
from edge_bg.sources.synthetic import Synthetic

SIZE = (1280, 720)
PICTURE = "/pictures/picture.jpg"

with Synthetic(SIZE, realtime=False, frames=1) as _scene:
    SHOWN = next(iter(_scene)).copy()
cv2.imwrite(PICTURE, SHOWN.bgr(), [cv2.IMWRITE_JPEG_QUALITY, 95])  # before libcamera starts and reads it


@pytest.fixture(scope="module", autouse=True)
def _no_pi() -> None:
    stand_in(SIZE)


def camera(**fields: object):
    return PiCamera(**{"size": SIZE, "fps": 30.0, **fields})


def expected(size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(cv2.imread(PICTURE), size, interpolation=cv2.INTER_AREA)


def test_frames_are_the_picture_the_camera_shows() -> None:
    with camera() as source:
        assert source.size == SIZE and source.live and source.state == "ok"
        frame = next(iter(source)).copy()
    assert frame.data.shape == (SIZE[1] * 3 // 2, SIZE[0]) and frame.data.flags.c_contiguous
    difference = cv2.absdiff(to_bgr(frame.data), expected(SIZE))
    assert difference.mean() < 3, "colours or planes are not where they belong"
    # Swapped U and V, or limited range taken for full, would be far away from this.
    for plane, want in zip(
        planes(frame.data)[1:], cv2.split(cv2.cvtColor(expected(SIZE), cv2.COLOR_BGR2YCrCb))[:0:-1], strict=True
    ):
        assert abs(float(plane.mean()) - float(want.mean())) < 4


def test_many_frames_use_no_more_than_the_few_buffers_there_are() -> None:
    with camera() as source:
        before, index = 0.0, -1
        for count, frame in enumerate(source, 1):
            assert frame.index > index and frame.time >= before
            before, index = frame.time, frame.index
            assert abs(frame.time - time.monotonic()) < 2
            if count == 150:
                break


def test_frames_that_are_kept_are_not_overwritten() -> None:
    with camera() as source:
        kept = []
        for frame in source:
            kept.append((frame, int(frame.data.sum())))
            if len(kept) == 8:
                break
        assert all(int(frame.data.sum()) == total for frame, total in kept)


def test_the_small_picture_is_the_same_moment_at_about_model_size() -> None:
    with camera(lores=True) as source:
        frame = next(iter(source)).copy()
    if frame.small is None:
        pytest.fail("the virtual pipeline gives two streams, and the source used one")
    rows, width = frame.small.shape
    assert rows % 3 == 0 and width % 2 == 0
    small = cv2.resize(planes(frame.small)[0], (64, 36), interpolation=cv2.INTER_AREA)
    large = cv2.resize(frame.y, (64, 36), interpolation=cv2.INTER_AREA)
    assert cv2.absdiff(small, large).mean() < 3


def test_a_still_has_all_the_pixels_there_are_and_frames_go_on() -> None:
    with camera(size=(640, 360), lores=False) as source:  # this camera makes a small stream larger
        frames = iter(source)
        next(frames)
        source._device.sensor_resolution = SIZE  # of the virtual camera; a sensor says its own
        taken: list[object] = []
        shooter = threading.Thread(target=lambda: taken.append(source.still()))
        shooter.start()
        for frame in frames:
            assert frame.size == (640, 360)
            if not shooter.is_alive():
                break
        after = next(frames).copy()
    still = taken[0]
    assert still is not None and still.shape == (SIZE[1], SIZE[0], 3)
    assert cv2.absdiff(cv2.cvtColor(still, cv2.COLOR_RGB2BGR), expected(SIZE)).mean() < 3
    assert cv2.absdiff(to_bgr(after.data), expected((640, 360))).mean() < 6


def test_flips_are_asked_of_libcamera() -> None:
    with camera(hflip=True, vflip=True) as source:
        # The virtual pipeline accepts this and turns nothing, so how it looks cannot be tested here.
        assert str(source._device.libcamera_config.orientation) == "Orientation.Rotate180"


def test_by_model_name_and_a_name_that_is_not_there() -> None:
    with camera(camera="imx708") as source:
        next(iter(source))
    with pytest.raises(SourceError, match="imx477"):
        camera(camera="imx477").open()


def test_open_again_after_close_and_close_from_another_thread() -> None:
    source = camera(size=(640, 480))
    for _ in range(3):
        source.open()
        assert next(iter(source)).size == (640, 480)
        source.close()
    source.open()
    threading.Timer(0.3, source.close).start()
    began = time.monotonic()
    for _ in source:
        pass
    assert time.monotonic() - began < 3


def test_waiting_for_a_camera_that_is_taken() -> None:
    with camera():
        second = camera(wait=True)
        second.open()
        assert second.state.startswith("lost")
        second.close()


def test_the_whole_loop_cuts_the_person_out() -> None:
    config = {"source": {"kind": "picamera2", "size": "1280x720"}, "background": "#00c800"}
    with edge_bg.open(config) as booth:
        seen = (frame for frame in booth if not frame.covered)
        frames = [frame.copy() for frame, _ in zip(seen, range(10), strict=False)]
    assert len(frames) == 10
    found, true = frames[-1].alpha > 127, SHOWN.truth > 127
    iou = (found & true).sum() / (found | true).sum()
    print(f"IoU with the true cut-out: {iou:.3f}")
    assert iou > 0.85
    assert np.allclose(frames[-1].rgb()[~found & ~true].mean(axis=0), (0, 200, 0), atol=6)
