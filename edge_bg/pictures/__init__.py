"""Pictures as people have them, read in one place: turned by EXIF, 16-bit, grey, CMYK, with a colour profile, with
alpha, with a film behind them, huge, or broken.

OpenCV decodes. Pillow, from the extra `pictures`, converts colour profiles and reads what OpenCV does not.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.endings import PICTURES
from edge_bg.errors import PictureError
from edge_bg.pictures import colour
from edge_bg.pictures.colour import INSTALL, STRIP
from edge_bg.pictures.container import Facts, facts

Rgb = NDArray[np.uint8]
Gray = NDArray[np.uint8]

MAX_MEGAPIXELS = 64.0  # of a picture that is read: 256 MB as RGBA

_FLIPS = {2: 1, 4: 0}  # EXIF orientation -> how OpenCV flips it upright, or turns it
_ROTATIONS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Photo:
    """A picture as read.

    rgb: uint8 (H, W, 3), upright, sRGB unless `icc` says otherwise.  alpha: uint8 (H, W), None where the file has none,
    or none that hides anything.  icc: the profile of `rgb` where it was left as it is, else empty.
    notes: what a person should know, a line each: a profile that was not converted, an animation of which this is the
    first picture.
    """

    rgb: Rgb
    alpha: Gray | None = None
    icc: bytes = b""
    notes: tuple[str, ...] = ()

    def on_black(self) -> Rgb:
        """uint8 (H, W, 3): what is clear is black, whatever colours a program hid there."""
        if self.alpha is None:
            return self.rgb
        out = np.empty_like(self.rgb)
        for top in range(0, out.shape[0], STRIP):
            rows = slice(top, top + STRIP)
            out[rows] = (self.rgb[rows] * self.alpha[rows, :, None].astype(np.uint16) + 127) // 255
        return out


def read_photo(
    path: str | Path, *, max_megapixels: float = MAX_MEGAPIXELS, profile: Literal["srgb", "keep"] = "srgb"
) -> Photo:
    """Read a picture file.

    profile: "srgb" converts colours; "keep" leaves them as they are, and `Photo.icc` says what they are.
    Raises PictureError: absent, empty, not a picture, broken off, or larger than allowed.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror or error}") from None
    return decode(data, str(path), max_megapixels=max_megapixels, profile=profile)


def decode(
    data: bytes,
    name: str,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    profile: Literal["srgb", "keep"] = "srgb",
) -> Photo:
    """The picture in `data`, which errors call `name`; otherwise as `read_photo`."""
    if not data:
        raise PictureError(f"{name}: the file is empty")
    known = facts(data)
    if known.size is not None:
        _check_size(name, *known.size, max_megapixels)
    if not known.whole:
        what = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}.get(known.kind, "picture")
        raise PictureError(f"{name}: the {what} breaks off early", hint="copy the file again")
    data = data[: known.end]
    picture = None if known.kind in ("heic", "gif") else _by_opencv(data, known)
    if picture is None:
        picture = _by_pillow(data, known, name, max_megapixels)
    pixels, alpha = picture
    _check_size(name, pixels.shape[1], pixels.shape[0], max_megapixels)
    notes = [f"{name}: an animation; its first picture is taken"] if known.animated else []
    rgb, left = _coloured(pixels, known.icc, profile, name, notes)
    if alpha is not None and alpha.min() == 255:
        alpha = None
    turned = [each if each is None else _upright(each, known.turn) for each in (rgb, alpha)]
    assert turned[0] is not None
    return Photo(turned[0], turned[1], left, tuple(notes))


def _coloured(pixels: NDArray[np.uint8], icc: bytes, profile: str, name: str, notes: list[str]) -> tuple[Rgb, bytes]:
    """(RGB, the profile that is left): converted, or as it was."""
    plain: Rgb = pixels
    if pixels.ndim == 2:
        plain = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    elif pixels.shape[2] == 4:
        ink = 255 - pixels.astype(np.uint16)
        plain = np.asarray((ink[..., :3] * ink[..., 3:] + 127) // 255, np.uint8)
    if not icc or colour.is_srgb(icc):
        return plain, b""
    if profile == "keep" and colour.mode_of(icc) == "RGB":
        return plain, icc
    called = colour.profile_name(icc)
    if not colour.has_pillow():
        notes.append(f"{name}: its colours are {called} and are taken for sRGB; {INSTALL} converts them")
        return plain, b""
    inks = pixels.ndim == 3 and pixels.shape[2] == 4
    meant = pixels if inks else plain[..., 1] if colour.mode_of(icc) == "L" else plain
    try:
        return colour.to_srgb(meant, icc), b""
    except ValueError as error:
        notes.append(f"{name}: its colour profile {called} cannot be used ({error}); its colours are taken for sRGB")
        return plain, b""


def _by_opencv(data: bytes, known: Facts) -> tuple[NDArray[np.uint8], Gray | None] | None:
    """(pixels in RGB, alpha) as stored, not turned; None for what OpenCV cannot read."""
    if known.channels == 4 and known.icc and colour.has_pillow():
        return None  # OpenCV has made RGB of the inks already, without the profile
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    if known.kind != "jpeg":
        flags = cv2.IMREAD_UNCHANGED
    try:
        raw: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if raw is None or raw.ndim not in (2, 3) or 0 in raw.shape:
        return None
    raw = _to_8_bits(raw)
    if raw.ndim == 2:
        return np.asarray(cv2.cvtColor(raw, cv2.COLOR_GRAY2RGB), np.uint8), None
    if raw.shape[2] == 4:
        return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGRA2RGB), np.uint8), np.ascontiguousarray(raw[..., 3])
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), np.uint8), None


def _by_pillow(data: bytes, known: Facts, name: str, limit: float) -> tuple[NDArray[np.uint8], Gray | None]:
    """(pixels in grey, RGB or CMYK, alpha) by Pillow; PictureError says what is missing, or that it is no picture."""
    needs = {"heic": "HEIC", "avif": "AVIF", "gif": "GIF"}.get(known.kind)
    if not colour.has_pillow():
        if needs or data[4:12] == b"jP  \r\n\x87\n":
            raise PictureError(f"{name}: {needs or 'JPEG 2000'} is not read by this OpenCV", hint=f"{INSTALL} reads it")
        raise unreadable(name)
    from PIL import Image, UnidentifiedImageError

    if known.kind == "heic":
        try:
            import pillow_heif
        except ImportError:
            raise PictureError(f"{name}: HEIC needs pillow-heif", hint=f"{INSTALL} reads it") from None
        pillow_heif.register_heif_opener()
    try:
        with Image.open(io.BytesIO(data)) as opened:
            _check_size(name, *opened.size, limit)
            known.icc = known.icc or opened.info.get("icc_profile") or b""
            opened.load()
            return _layers(opened)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise unreadable(name) from None


def _layers(opened: Any) -> tuple[NDArray[np.uint8], Gray | None]:
    if opened.mode in ("CMYK", "L"):
        return np.array(opened, np.uint8), None
    if opened.mode in ("RGBA", "LA", "PA", "P", "RGBa", "La"):
        rgba = np.array(opened.convert("RGBA"), np.uint8)
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(opened.convert("RGB"), np.uint8), None


def unreadable(name: str) -> PictureError:
    """The error for what is no picture."""
    return PictureError(f"{name}: not a picture that can be read", hint=f"it takes {' '.join(sorted(PICTURES))}")


def _upright(picture: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """(H, W[, 3]) made upright by its EXIF orientation."""
    if turn in (5, 7):
        picture = np.ascontiguousarray(picture.swapaxes(0, 1))
        turn = 1 if turn == 5 else 3
    if turn in _FLIPS:
        return np.asarray(cv2.flip(picture, _FLIPS[turn]), np.uint8)
    return np.asarray(cv2.rotate(picture, _ROTATIONS[turn]), np.uint8) if turn in _ROTATIONS else picture


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == np.uint16:
        return np.asarray((values.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.clip(np.nan_to_num(values) * 255, 0, 255), np.uint8)


def _check_size(name: str, wide: int, high: int, max_megapixels: float) -> None:
    if wide * high > max_megapixels * 1e6:
        raise PictureError(
            f"{name}: {wide}x{high} is {wide * high / 1e6:.0f} megapixels, more than {max_megapixels:g}",
            hint="raise the limit with --max-megapixels, or make the picture smaller",
        )


__all__ = ["INSTALL", "MAX_MEGAPIXELS", "PICTURES", "Photo", "decode", "facts", "read_photo", "unreadable"]
