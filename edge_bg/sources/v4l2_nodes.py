"""Asks the kernel what a V4L2 node is and can do, and sets its controls.

Frames come through OpenCV; this is what OpenCV does not tell. Structures are those of linux/videodev2.h.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge_bg.errors import SourceError

CAPTURE, M2M, STREAMING = 0x1, 0x4000 | 0x8000, 0x0400_0000
HAS_DEVICE_CAPS = 0x8000_0000
BUFFER_CAPTURE = 1
PI_RECEIVERS = ("unicam", "rp1-cfe")

_LONG = struct.calcsize("P")  # v4l2_format holds pointers, so its union is aligned to their size
_FORMAT_SIZE, _FORMAT_AT = 200 + _LONG, _LONG


def _code(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _code(2, 0, 104)
ENUM_FMT = _code(3, 2, 64)
G_FMT, S_FMT = _code(3, 4, _FORMAT_SIZE), _code(3, 5, _FORMAT_SIZE)
S_CTRL = _code(3, 28, 8)
QUERYCTRL = _code(3, 36, 68)
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = _code(3, 74, 44), _code(3, 75, 52)


@dataclass(frozen=True)
class Mode:
    """A pixel format at a size, and its highest rate in frames per second (0 when the driver does not say)."""

    fourcc: str
    size: tuple[int, int]
    fps: float


@contextmanager
def opened(device: str) -> Iterator[int]:
    """A file descriptor of a node; SourceError says why it cannot be had and what would help."""
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            raise SourceError(f"{device}: no such camera", hint="edge-bg run --list-cameras") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            hint = "sudo usermod -aG video $USER, then log in again (a service: SupplementaryGroups=video)"
            raise SourceError(f"{device}: no permission to open it", hint=hint) from None
        if error.errno == errno.EBUSY:
            raise SourceError(f"{device}: busy, another program uses it", hint=f"fuser -v {device}") from None
        raise SourceError(f"{device}: {error.strerror}", hint="v4l2-ctl --list-devices") from None
    try:
        yield handle
    finally:
        os.close(handle)


def _ask(handle: int, request: int, buffer: bytearray) -> bool:
    try:
        fcntl.ioctl(handle, request, buffer)
    except OSError:
        return False
    return True


def card(handle: int, device: str) -> str:
    """The card's name; SourceError when the node is not one that streams captured video."""
    buffer = bytearray(104)
    if not _ask(handle, QUERYCAP, buffer):
        raise SourceError(f"{device}: not a camera", hint="edge-bg run --list-cameras")
    name = buffer[16:48].split(b"\0")[0].decode(errors="replace")
    everything, own = struct.unpack_from("II", buffer, 84)
    caps = own if everything & HAS_DEVICE_CAPS else everything
    if caps & M2M or not caps & CAPTURE or not caps & STREAMING:
        raise SourceError(f"{device}: {name} is not a camera", hint="edge-bg run --list-cameras")
    if name in PI_RECEIVERS:
        hint = "kind: picamera2 (the V4L2 node gives only the sensor's raw data)"
        raise SourceError(f"{device}: {name} is the Raspberry Pi's own camera port", hint=hint)
    return name


def check_free(handle: int, device: str) -> None:
    """SourceError when another program has the camera: setting the format it already has is then refused."""
    buffer = bytearray(_FORMAT_SIZE)
    struct.pack_into("I", buffer, 0, BUFFER_CAPTURE)
    if not _ask(handle, G_FMT, buffer):
        return
    try:
        fcntl.ioctl(handle, S_FMT, buffer)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise SourceError(f"{device}: busy, another program uses it", hint=f"fuser -v {device}") from None


@dataclass(frozen=True)
class Layout:
    """How raw pixels lie in memory: bytes from row to row, and whether luma stays within 16..235."""

    stride: int
    limited: bool


def layout(handle: int) -> Layout | None:
    """That of the current format; None when the driver does not say."""
    buffer = bytearray(_FORMAT_SIZE)
    struct.pack_into("I", buffer, 0, BUFFER_CAPTURE)
    if not _ask(handle, G_FMT, buffer):
        return None
    # v4l2_pix_format: width height pixelformat field bytesperline sizeimage colorspace priv flags enc quantization
    (stride,) = struct.unpack_from("I", buffer, _FORMAT_AT + 16)
    colorspace, _, _, _, quantization = struct.unpack_from("5I", buffer, _FORMAT_AT + 24)
    # What V4L2 means where it does not say: video levels, but for V4L2_COLORSPACE_JPEG (7).
    return Layout(stride, quantization == 2 or (quantization == 0 and colorspace != 7))


def modes(handle: int) -> list[Mode]:
    """What the camera offers. Sizes given as ranges appear with their largest size."""
    found = []
    for index in range(64):
        buffer = bytearray(64)
        struct.pack_into("II", buffer, 0, index, BUFFER_CAPTURE)
        if not _ask(handle, ENUM_FMT, buffer):
            break
        (code,) = struct.unpack_from("I", buffer, 44)
        fourcc = struct.pack("I", code).decode("latin-1")
        found += [Mode(fourcc, size, _fastest(handle, code, size)) for size in _sizes(handle, code)]
    return found


def _sizes(handle: int, code: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for index in range(256):
        buffer = bytearray(44)
        struct.pack_into("II", buffer, 0, index, code)
        if not _ask(handle, ENUM_FRAMESIZES, buffer):
            break
        (kind,) = struct.unpack_from("I", buffer, 8)
        if kind == 1:
            width, height = struct.unpack_from("II", buffer, 12)
            found.append((width, height))
        else:  # a range: min, max and step of width, then of height
            _, width, _, _, height, _ = struct.unpack_from("6I", buffer, 12)
            return [(width, height)]
    return found


def _fastest(handle: int, code: int, size: tuple[int, int]) -> float:
    best = 0.0
    for index in range(64):
        buffer = bytearray(52)
        struct.pack_into("4I", buffer, 0, index, code, *size)
        if not _ask(handle, ENUM_FRAMEINTERVALS, buffer):
            break
        kind, top, bottom = struct.unpack_from("3I", buffer, 16)
        if top:
            best = max(best, bottom / top)
        if kind != 1:
            break
    return best


def has_mode(handle: int, fourcc: str, size: tuple[int, int], fps: float) -> bool:
    """Whether the camera gives `fourcc` at `size` with at least nine tenths of `fps`."""
    code = int(struct.unpack("I", fourcc.encode("latin-1"))[0])
    offered = _sizes(handle, code)
    listed = size in offered or (len(offered) == 1 and size[0] <= offered[0][0] and size[1] <= offered[0][1])
    if not listed:
        return False
    rate = _fastest(handle, code, size)
    return rate == 0 or rate >= 0.9 * fps


def controls(handle: int) -> dict[str, int]:
    """Control names, as v4l2-ctl spells them, and their ids."""
    found: dict[str, int] = {}
    wanted = 0
    while True:
        buffer = bytearray(68)
        struct.pack_into("I", buffer, 0, wanted | 0x8000_0000)  # the next one after `wanted`
        if not _ask(handle, QUERYCTRL, buffer):
            return found
        wanted, kind = struct.unpack_from("II", buffer, 0)
        (flags,) = struct.unpack_from("I", buffer, 56)
        name = buffer[8:40].split(b"\0")[0].decode(errors="replace")
        if kind in (1, 2, 3, 4, 9) and not flags & 1:  # integer, boolean, menu, button, integer menu; not disabled
            found[re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")] = wanted


def set_controls(handle: int, device: str, values: dict[str, int]) -> None:
    """Set controls in the given order (an automatic one goes before what it governs); SourceError on a wrong one."""
    known = controls(handle) if values else {}
    for name, value in values.items():
        if name not in known:
            raise SourceError(f"{device}: it has no control {name!r}", hint=f"it has: {', '.join(sorted(known))}")
        buffer = bytearray(struct.pack("Ii", known[name], int(value)))
        try:
            fcntl.ioctl(handle, S_CTRL, buffer)
        except OSError as error:
            hint = f"v4l2-ctl -d {device} --list-ctrls-menus"
            raise SourceError(f"{device}: control {name}={value}: {error.strerror}", hint=hint) from None
