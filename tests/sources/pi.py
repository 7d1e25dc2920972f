"""A small stand-in for picamera2 and libcamera, with the habits of picamera2 0.3.38 that bite.

What it copies: the dictionaries it gives back after `configure`, rows padded to the hardware's alignment, buffers
longer than their picture, memory that is no longer ours after `release`, a queue of jobs that a lost frame blocks.
The real picamera2 over libcamera's virtual camera is run elsewhere; that one cannot pad and has one format only.
"""

from __future__ import annotations

import sys
import time
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


class _Encoding:
    Null, Rec601, Rec709, Rec2020 = "Null", "Rec601", "Rec709", "Rec2020"


class _Range:
    Full, Limited = "Full", "Limited"


@dataclass
class ColorSpace:
    ycbcrEncoding: str
    range: str
    YcbcrEncoding = _Encoding
    Range = _Range

    @classmethod
    def Sycc(cls) -> ColorSpace:
        return cls("Rec601", "Full")


@dataclass
class Transform:
    hflip: int = 0
    vflip: int = 0


@dataclass
class Board:
    """How this stand-in behaves; a test changes it."""

    models: list[dict[str, Any]] = field(default_factory=lambda: [{"Model": "imx708", "Id": "/base/i2c@1a", "Num": 0}])
    align: int = 64  # bytes a row is padded to
    format: str = "YUV420"
    main_size: tuple[int, int] | None = None  # when the ISP gives another size than asked
    lores_size: tuple[int, int] | None = None
    has_lores: bool = True
    colour_space: ColorSpace | None = field(default_factory=ColorSpace.Sycc)
    slack: int = 4096  # bytes after the picture, as buffers are made of whole pages
    busy: str = ""
    frozen: bool = False
    fps: float = 200.0
    opened: int = 0
    closed: int = 0
    held: int = 0  # requests taken and not given back
    transform: Transform | None = None
    controls: dict[str, Any] = field(default_factory=dict)
    sensor: tuple[int, int] = (4608, 2592)
    crop: tuple[int, int, int, int] | None = None  # what the metadata says that frames show of the sensor
    stills: list[dict[str, Any]] = field(default_factory=list)  # what was asked for


BOARD = Board()


def paint(given: dict[str, Any], level: int) -> Bytes:
    """A buffer of the stream, as bytes: Y = level, U = 60, V = 190, padding and slack poisoned."""
    (w, h), stride = given["size"], given["stride"]

    def plane(rows: int, width: int, pitch: int, value: int) -> Bytes:
        table = np.full((rows, pitch), 255, np.uint8)
        table[:, :width] = value
        return table.ravel()

    parts = [plane(h, w, stride, level)]
    u, v = (190, 60) if given["format"] in ("NV21", "YVU420") else (60, 190)  # these have V first
    if given["format"].startswith("NV"):
        pair = np.full((h // 2, stride), 255, np.uint8)
        pair[:, 0:w:2], pair[:, 1:w:2] = u, v
        parts.append(pair.ravel())
    else:
        parts += [plane(h // 2, w // 2, stride // 2, value) for value in (u, v)]
    return np.concatenate([*parts, np.full(BOARD.slack, 255, np.uint8)])


class Request:
    def __init__(self, configuration: dict[str, Any], number: int) -> None:
        self.streams = {n: paint(configuration[n], 20 + number % 200) for n in ("main", "lores") if configuration[n]}
        self.config = configuration
        self.released = False
        BOARD.held += 1

    def get_metadata(self) -> dict[str, Any]:
        assert not self.released
        crop = {} if BOARD.crop is None else {"ScalerCrop": BOARD.crop}
        return {"SensorTimestamp": time.monotonic_ns() - 5_000_000, "ExposureTime": 4000, **crop}

    def release(self) -> None:
        assert not self.released
        self.released = True
        BOARD.held -= 1
        for memory in self.streams.values():
            memory[:] = 255  # the camera writes its next picture there


class MappedArray:
    def __init__(self, request: Request, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert not reshape, "its reshape fails on padded buffers with slack"
        assert not write
        self._request, self._stream = request, stream

    def __enter__(self) -> MappedArray:
        assert not self._request.released
        self.array: Bytes | None = self._request.streams[self._stream]
        return self

    def __exit__(self, *_: object) -> None:
        self.array = None


class Picamera2:
    camera_controls = {"FrameDurationLimits": (1, 2, 3), "AfMode": (0, 2, 0), "ExposureTime": (0, 1, 0)}  # noqa: RUF012

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return BOARD.models

    def __init__(self, camera_num: int = 0) -> None:
        if BOARD.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.") from RuntimeError(BOARD.busy)
        BOARD.opened += 1
        self.is_open = True
        self.jobs_blocked = False
        self.frames = 0
        self.configuration: dict[str, Any] = {}

    def create_video_configuration(
        self, main: dict[str, Any], lores: dict[str, Any] | None, **rest: Any
    ) -> dict[str, Any]:
        for stream in (main, lores):
            assert stream is None or all(side % 2 == 0 for side in stream["size"])
        if lores is not None and any(a > b for a, b in zip(lores["size"], main["size"], strict=True)):
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        return {"main": main, "lores": lores, **rest}

    def configure(self, wanted: dict[str, Any]) -> None:
        if wanted["lores"] is not None and not BOARD.has_lores:
            raise RuntimeError("Invalid camera configuration")
        self.configuration = {"colour_space": BOARD.colour_space, "transform": wanted["transform"], "lores": None}
        BOARD.transform, BOARD.controls = wanted["transform"], wanted["controls"]
        for name, size in (("main", BOARD.main_size), ("lores", BOARD.lores_size)):
            if wanted[name] is not None:
                width, height = size or wanted[name]["size"]
                self.configuration[name] = {"size": (width, height), "format": BOARD.format,
                                            "stride": -(-width // BOARD.align) * BOARD.align}  # fmt: skip

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def start(self) -> None:
        assert self.configuration

    def capture_request(self, wait: float) -> Request:
        time.sleep(1 / BOARD.fps)
        if BOARD.frozen:
            self.jobs_blocked = True
            raise TimeoutError
        self.frames += 1
        return Request(self.configuration, self.frames)

    @property
    def sensor_resolution(self) -> tuple[int, int]:
        return BOARD.sensor

    def create_still_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    @property
    def camera_config(self) -> dict[str, Any]:
        return {**self.configuration, "lores": self.configuration["lores"], "controls": BOARD.controls}

    def switch_mode_(self, wanted: dict[str, Any]) -> tuple[bool, None]:
        self.configure(wanted)
        return True, None

    def set_frame_drops_(self, count: int) -> tuple[bool, None]:
        self.frames += count
        return True, None

    def drop_frames_(self) -> tuple[bool, None]:
        return True, None

    def capture_request_(self) -> tuple[bool, Request]:
        BOARD.stills.append({"controls": BOARD.controls, "transform": BOARD.transform})
        return True, Request(self.configuration, self.frames)

    def dispatch_functions(self, steps: list[Any], wait: float, signal: None, immediate: bool) -> Any:
        for step in steps:
            done, made = step()
            assert done
        return made

    def cancel_all_and_flush(self) -> None:
        self.jobs_blocked = False

    def close(self) -> None:
        assert not self.jobs_blocked, "the real one would wait here for ever"
        if self.is_open:
            self.is_open = False
            BOARD.closed += 1


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    """A fresh board, with picamera2 and libcamera importable."""
    monkeypatch.setattr(sys.modules[__name__], "BOARD", fresh := Board())
    picamera2, libcamera = types.ModuleType("picamera2"), types.ModuleType("libcamera")
    picamera2.Picamera2, picamera2.MappedArray = Picamera2, MappedArray  # type: ignore[attr-defined]
    libcamera.Transform, libcamera.ColorSpace = Transform, ColorSpace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", picamera2)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    return fresh
