"""Pictures and colour profiles as people hand them in, made byte by byte where no library makes them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

D50 = (0.9642, 1.0, 0.8249)
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))  # columns, adapted to D50
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))


def matrix_profile(name: str, primaries: tuple[tuple[float, ...], ...], gamma: float | None) -> bytes:
    """An ICC profile (version 2) of three primaries and a curve: `gamma`, or sRGB's for None."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    if gamma is None:
        x = np.linspace(0, 1, 1024)
        curve = np.rint(np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) * 65535).astype(">u2").tobytes()
        trc = b"curv\0\0\0\0" + struct.pack(">I", 1024) + curve
    else:
        trc = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    text = name.encode() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(79)
    tags = {
        b"desc": desc, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50),
        b"rXYZ": xyz(primaries[0]), b"gXYZ": xyz(primaries[1]), b"bXYZ": xyz(primaries[2]),
        b"rTRC": trc, b"gTRC": trc, b"bTRC": trc,
    }  # fmt: skip
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", at + len(body), len(value))
        body += value
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"
    )
    head += bytes(28) + b"".join(struct.pack(">i", round(v * 65536)) for v in D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return png[:33] + png_chunk(name, body) + png[33:]


def exif(orientation: int) -> bytes:
    """The TIFF part of an EXIF block that says one turn."""
    return b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def turned(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """How a camera stores `upright` when it says `orientation`."""
    ways = {
        1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud, 5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1), 7: lambda p: np.rot90(p, 2).swapaxes(0, 1), 8: lambda p: np.rot90(p, -1),
    }  # fmt: skip
    return np.ascontiguousarray(ways[orientation](upright))
