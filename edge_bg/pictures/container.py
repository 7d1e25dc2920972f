"""What a picture file says of itself before anything is decoded: kind, size, turn, colour profile, where it ends."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PROFILE = 4 << 20  # bytes: a larger colour profile is not believed
_TURN, _PROFILE = 0x0112, 0x8773  # TIFF tags
_ALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers that begin a picture's data


@dataclass
class Facts:
    """What the file says.

    kind: "jpeg", "png", "webp", "tiff", "gif", "avif", "heic", or "" for what is not known by its first bytes.
    size: (width, height) in pixels as stored, None where it cannot be told without decoding.
    turn: EXIF orientation, 1 to 8; 1 is upright. Only of kinds whose decoders leave the turning to the reader.
    icc: the colour profile, empty if there is none.  channels: of a JPEG: 1, 3, or 4 for CMYK; 0 otherwise.
    end: bytes that belong to the picture; what follows is something else (the film of a motion photo, padding).
    whole: False when the file breaks off before its end.  animated: True when it holds more than one picture in time.
    """

    kind: str = ""
    size: tuple[int, int] | None = None
    turn: int = 1
    icc: bytes = b""
    channels: int = 0
    end: int = 0
    whole: bool = True
    animated: bool = False


def facts(data: bytes) -> Facts:
    """Look at the bytes of a file; never raises, whatever they are."""
    found = Facts(end=len(data))
    try:
        if data[:2] == b"\xff\xd8":
            _jpeg(data, found)
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            _png(data, found)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            _webp(data, found)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            found.kind = "tiff"
            found.icc = _tags(data).get(_PROFILE, b"")
        elif data[:4] == b"GIF8":
            found.kind, found.size = "gif", struct.unpack("<HH", data[6:10])
            found.animated = _pictures_of_gif(data) > 1
        elif data[4:8] == b"ftyp":
            brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(len(data), _u32(data, 0)), 4))}
            modern = brands & {b"avif", b"avis"}
            found.kind = "avif" if modern else "heic" if brands & {b"heic", b"heix", b"mif1", b"msf1", b"hevc"} else ""
            found.animated = data[8:12] in (b"avis", b"msf1", b"hevc")
            place = data.find(b"colrprof", 0, 1 << 20)
            found.icc = _profile(data[place + 8 : place - 4 + _u32(data, place - 4)]) if place > 4 else b""
    except (struct.error, IndexError, zlib.error):
        found.whole = False
    return found


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _jpeg(data: bytes, found: Facts) -> None:
    """Walk the markers up to the end of the first picture: bytes that look like an end inside others do not count."""
    found.kind, found.whole = "jpeg", False
    at, profile = 2, {}
    while 0 <= at < len(data) - 1:
        if data[at] != 0xFF:  # bytes of a scan, or junk between segments
            at = data.find(b"\xff", at)
            continue
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker == 0x00 or marker in _ALONE:
            at += 2
        elif marker == 0xD9:
            found.whole, found.end = True, at + 2
            break
        else:
            body = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
            if marker in _FRAMES and found.size is None and len(body) > 5:
                high, wide, found.channels = struct.unpack(">HHB", body[1:6])
                found.size = (wide, high)
            elif marker == 0xE1 and body[:6] == b"Exif\0\0":
                found.turn = _turn(body)
            elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0" and len(body) > 14:
                profile[body[12]] = body[14:]
            at += 4 + max(len(body), 0)
    found.icc = _profile(b"".join(profile[number] for number in sorted(profile)))


def _png(data: bytes, found: Facts) -> None:
    found.kind, found.whole = "png", False
    for name, body, end in _chunks(data, 8, ">"):
        if name == b"IHDR":
            found.size = struct.unpack(">II", body[:8])
        elif name == b"eXIf":
            found.turn = _turn(body)
        elif name == b"iCCP":
            packed = body.partition(b"\0")[2][1:]
            found.icc = _profile(zlib.decompressobj().decompress(packed, MAX_PROFILE))
        elif name == b"acTL":
            found.animated = _u32(body, 0) > 1
        elif name == b"IEND":
            found.whole, found.end = True, end
            return


def _webp(data: bytes, found: Facts) -> None:
    found.kind = "webp"
    length = int.from_bytes(data[4:8], "little") + 8
    found.whole, found.end = length <= len(data) + 1, min(length, len(data))
    pictures = 0
    for name, body, _ in _chunks(data[: found.end], 12, "<"):
        if name == b"VP8X":
            found.size = (1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
        elif name == b"VP8 " and found.size is None:
            wide, high = struct.unpack("<HH", body[6:10])
            found.size = (wide & 0x3FFF, high & 0x3FFF)
        elif name == b"VP8L" and found.size is None:
            bits = int.from_bytes(body[1:5], "little")
            found.size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif name == b"ICCP":
            found.icc = _profile(body)
        elif name == b"EXIF":
            found.turn = _turn(body)
        elif name == b"ANMF":
            pictures += 1
    found.animated = pictures > 1


def _pictures_of_gif(data: bytes) -> int:
    """How many pictures a GIF holds, by its blocks (GIF89a, section 15 on); one that breaks off is counted so far."""
    at, count = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0), 0
    while at < len(data) and data[at] in (0x21, 0x2C):
        if data[at] == 0x2C:
            count += 1
            colours = data[at + 9]
            at += 11 + (3 << (colours & 7) + 1 if colours & 0x80 else 0)
        else:
            at += 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return count


def _chunks(data: bytes, at: int, order: str) -> Iterator[tuple[bytes, bytes, int]]:
    """(name, body, where it ends) of each whole chunk of a PNG (">", with a checksum) or a WebP ("<", even sizes)."""
    while at + 8 <= len(data):
        if order == ">":
            length, name = struct.unpack_from(">I4s", data, at)
            end = at + 12 + length
        else:
            name, length = struct.unpack_from("<4sI", data, at)
            end = at + 8 + length + length % 2
        if at + 8 + length > len(data) or (order == ">" and end > len(data)):
            return
        yield name, data[at + 8 : at + 8 + length], end
        at = end


def _turn(exif: bytes) -> int:
    body = exif.removeprefix(b"Exif\0\0")
    value = _tags(body).get(_TURN, b"\1")
    turn = int.from_bytes(value[:2], "little" if body[:2] == b"II" else "big") if len(value) > 1 else value[0]
    return turn if 1 <= turn <= 8 else 1


def _tags(tiff: bytes) -> dict[int, bytes]:
    """The values, as they are stored, of the two tags that are looked for in the first directory of a TIFF."""
    order = "<" if tiff[:2] == b"II" else ">"
    out: dict[int, bytes] = {}
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * min(count, 1000), 12):
            tag, kind, number = struct.unpack_from(order + "HHI", tiff, at)
            length = number * {3: 2, 4: 4}.get(kind, 1)
            if tag in (_TURN, _PROFILE) and length <= MAX_PROFILE:
                place = at + 8 if length <= 4 else struct.unpack_from(order + "I", tiff, at + 8)[0]
                out[tag] = tiff[place : place + length]
    except struct.error:
        pass
    return out


def _profile(icc: bytes) -> bytes:
    """The profile, or nothing where it is not one."""
    return icc if 128 < len(icc) <= MAX_PROFILE and icc[36:40] == b"acsp" else b""
