"""Pictures into bytes, and bytes into files that are whole or not there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import MissingDependency, PictureError
from edge_bg.pictures.colour import INSTALL, has_pillow

LEAST_QUALITY = 60  # of JPEG and WebP, however few bytes are asked for
_PILLOW = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_TURN = 0x0112


def encode(
    pixels: NDArray[np.uint8],
    ending: str,
    *,
    quality: int = 92,
    max_bytes: int | None = None,
    icc: bytes = b"",
    exif: bytes = b"",
) -> bytes:
    """A picture file's bytes: pixels uint8 (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA; `ending` such as `.png`.

    JPEG and WebP are made smaller by quality, down to 60, until they fit `max_bytes`. Raises PictureError when that is
    not enough, MissingDependency for a profile or EXIF without Pillow.
    """
    ending = ending.lower()
    lossy = ending in (".jpg", ".jpeg", ".webp")
    while True:
        data = _by_pillow(pixels, ending, quality, icc, exif) if icc or exif else _by_opencv(pixels, ending, quality)
        if max_bytes is None or len(data) <= max_bytes:
            return data
        if not lossy or quality <= LEAST_QUALITY:
            hint = "give a smaller --size" if lossy else "give a smaller --size, or --format jpg"
            raise PictureError(f"{len(data) / 1e6:.1f} MB is more than {max_bytes / 1e6:g} MB", hint=hint)
        quality = max(LEAST_QUALITY, quality - 8)


def _by_opencv(pixels: NDArray[np.uint8], ending: str, quality: int) -> bytes:
    png = [cv2.IMWRITE_PNG_COMPRESSION, 6]
    if pixels.ndim == 3:  # a third of the time, and 0 to 4 % more bytes of photographs and their cut-outs
        png += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    flags = {
        ".png": png,
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }.get(ending, [])
    picture: Any = pixels
    if pixels.ndim == 3:
        picture = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    try:
        ok, data = cv2.imencode(ending, picture, flags)
    except cv2.error:
        ok = False
    if not ok:
        raise PictureError(f"a picture of {pixels.shape[1]}x{pixels.shape[0]} cannot be written as {ending}")
    return bytes(data.tobytes())


def _by_pillow(pixels: NDArray[np.uint8], ending: str, quality: int, icc: bytes, exif: bytes) -> bytes:
    if not has_pillow():
        raise MissingDependency("a colour profile or EXIF is written by Pillow", hint=INSTALL)
    from PIL import Image

    out = io.BytesIO()
    options: dict[str, Any] = {"icc_profile": icc} if icc and pixels.ndim == 3 else {}
    if exif:
        options["exif"] = exif
    Image.fromarray(pixels).save(out, _PILLOW[ending], quality=quality, **options)
    return out.getvalue()


def exif_of(data: bytes) -> bytes:
    """The EXIF block of a picture file, its turn undone; empty where there is none. Needs Pillow."""
    if not has_pillow():
        raise MissingDependency("EXIF is kept by Pillow", hint=INSTALL)
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as opened:
            exif = opened.getexif()
    except (OSError, ValueError, SyntaxError):
        return b""
    if not len(exif):
        return b""
    exif.pop(_TURN, None)
    return bytes(exif.tobytes())


def write_whole(target: Path, data: bytes) -> None:
    """Write beside, then rename: an interruption, or a full disk, leaves no half picture. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(target)
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def part_of(target: Path) -> Path:
    """The name under which `target` is written before it is whole."""
    return target.with_name(f".{target.name[:200]}.part")
