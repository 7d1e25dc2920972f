"""Size, fit and rotate: the same wherever a picture comes in. Each gives a picture of 64x48 with a light top."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_bg.errors import SourceError
from edge_bg.frame import Frame
from edge_bg.sources.base import SourceBase
from edge_bg.sources.file import VideoFile
from edge_bg.sources.images import Images
from edge_bg.sources.picamera2 import PiCamera
from edge_bg.sources.synthetic import Synthetic

from ..sources.cameras import BenchCamera
from ..sources.pi import board as board
from ..sources.pi import paint
from .sources import names


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
