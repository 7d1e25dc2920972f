"""Pictures as people have them: turned by EXIF, 16-bit, grey, CMYK, with alpha, huge, or broken."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import PictureError
from edge_bg.sources import PICTURES

MAX_MEGAPIXELS = 64.0


@dataclass(frozen=True)
class Photo:
    """A picture as read: RGB uint8 (H, W, 3), upright; alpha uint8 (H, W) if the file has any, else None."""

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None


def read_photo(path: str | Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> Photo:
    """Read a picture. Raises PictureError: absent, empty, not a picture, broken off, or larger than allowed."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror or error}") from None
    if not data:
        raise PictureError(f"{path}: the file is empty")
    size = declared_size(data)
    if size is not None:
        _check_size(path, *size, max_megapixels)
    if data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-65536:]:
        raise PictureError(f"{path}: the JPEG breaks off early", hint="copy the file again")
    return _decode(path, np.frombuffer(data, np.uint8), max_megapixels)


def _decode(path: Path, data: NDArray[np.uint8], max_megapixels: float) -> Photo:
    unreadable = PictureError(f"{path}: not a picture that can be read", hint=f"it takes {' '.join(sorted(PICTURES))}")
    try:
        picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)  # turned as EXIF says
        raw: Any = None if data[:2].tobytes() == b"\xff\xd8" else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        raise unreadable from None
    if picture is None or picture.ndim != 3:
        raise unreadable
    _check_size(path, picture.shape[1], picture.shape[0], max_megapixels)
    alpha = None
    if raw is not None and raw.ndim == 3 and raw.shape[2] == 4 and raw.shape[:2] == picture.shape[:2]:
        alpha = _to_8_bits(raw[..., 3])
        if alpha.min() == 255:
            alpha = None
    rgb = cv2.cvtColor(_to_8_bits(picture), cv2.COLOR_BGR2RGB)
    return Photo(np.asarray(rgb, np.uint8), alpha)


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == np.uint16:
        return np.asarray((values.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.clip(np.nan_to_num(values) * 255, 0, 255), np.uint8)


def _check_size(path: Path, wide: int, high: int, max_megapixels: float) -> None:
    if wide * high > max_megapixels * 1e6:
        raise PictureError(
            f"{path}: {wide}x{high} is {wide * high / 1e6:.0f} megapixels, more than {max_megapixels:g}",
            hint="raise the limit with --max-megapixels, or make the picture smaller",
        )


def declared_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that a PNG or JPEG says it has, before anything is decoded; None if it cannot be told."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        wide, high = struct.unpack(">II", data[16:24])
        return int(wide), int(high)
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            high, wide = struct.unpack(">HH", data[at + 5 : at + 9])
            return int(wide), int(high)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
