"""Colour profiles: pictures in Display P3, Adobe RGB, CMYK or a grey of their own become sRGB, by LittleCMS."""

from __future__ import annotations

import io
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTALL = "pip install 'edge-bg[pictures]'"
STRIP = 256  # rows at a time: Pillow keeps four bytes a pixel, and twice
MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_SAME = 1  # grey levels by which a profile may differ from sRGB and count as it


def has_pillow() -> bool:
    """Is Pillow there?"""
    return find_spec("PIL") is not None


def profile_name(icc: bytes) -> str:
    """What a profile calls itself, such as `Display P3`; its colour space where it has no name that can be read."""
    for at in range(132, min(len(icc) - 12, 132 + 12 * 60), 12):
        if icc[at : at + 4] == b"desc":
            start, length = (int.from_bytes(icc[at + n : at + n + 4], "big") for n in (4, 8))
            body = icc[start : start + length]
            if body[:4] == b"desc":
                text = body[12 : 12 + int.from_bytes(body[8:12], "big")].decode("ascii", "ignore")
            else:  # mluc: the first language will do
                size, offset = int.from_bytes(body[20:24], "big"), int.from_bytes(body[24:28], "big")
                text = body[offset : offset + size].decode("utf-16-be", "ignore")
            text = "".join(letter for letter in text if letter.isprintable()).strip()
            if text:
                return text[:60]
    return icc[16:20].decode("ascii", "ignore").strip(" \0") or "unknown"


def mode_of(icc: bytes) -> str:
    """Pillow's mode for the pixels that a profile speaks of: RGB, L or CMYK; empty for any other."""
    return MODES.get(icc[16:20], "")


@lru_cache(maxsize=16)
def _transform(icc: bytes, mode: str) -> Any:
    """The way from a profile to sRGB; None where they are the same. ValueError for a profile that will not do."""
    from PIL import Image, ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        made = ImageCms.buildTransform(
            profile, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ValueError(str(error)) from None
    if mode == "RGB":
        steps = np.linspace(0, 255, 9).round().astype(np.uint8)
        grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
        there = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), made)).astype(int)
        if np.abs(there - grid).max() <= _SAME:
            return None
    return made


def is_srgb(icc: bytes) -> bool:
    """True for no profile, or one that is sRGB as far as can be told: measured with Pillow, else by its name."""
    if not icc:
        return True
    if not has_pillow() or mode_of(icc) != "RGB":
        return mode_of(icc) == "RGB" and "srgb" in profile_name(icc).lower().replace(" ", "")
    try:
        return _transform(icc, "RGB") is None
    except ValueError:
        return False


def to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """sRGB uint8 (H, W, 3) of pixels as the profile means them: uint8 (H, W) grey, (H, W, 3) RGB or (H, W, 4) CMYK.

    Needs Pillow. ValueError where the profile does not fit the pixels, or cannot be used.
    """
    from PIL import Image, ImageCms

    mode = {2: "L", 3: "RGB"}.get(pixels.ndim, "") if pixels.ndim != 3 or pixels.shape[2] == 3 else "CMYK"
    if mode_of(icc) != mode:
        raise ValueError(f"a profile for {mode_of(icc) or 'another kind of picture'} on a picture in {mode}")
    transform = _transform(icc, mode)
    if transform is None:
        return pixels
    out = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, pixels.shape[0], STRIP):
        rows = np.ascontiguousarray(pixels[top : top + STRIP])
        part = Image.fromarray(rows) if mode != "CMYK" else Image.frombytes("CMYK", rows.shape[1::-1], rows.tobytes())
        out[top : top + STRIP] = np.asarray(ImageCms.applyTransform(part, transform))
    return out
