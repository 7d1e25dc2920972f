"""A virtual camera that other programs open like a webcam, through the kernel module v4l2loopback.

Three ioctls and `write`: the device is set to the frame's size in `YU12`, which is I420, in limited range: Chromium and
OpenCV read no other, whatever the device says of itself. Structures as in linux/videodev2.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import stat
import struct

from edge_bg.errors import SinkError
from edge_bg.frame import I420, Frame, Size, compress_range, empty

CAP_VIDEO_OUTPUT = 0x00000002
CAP_DEVICE_CAPS = 0x80000000
BUF_TYPE_VIDEO_OUTPUT = 2
FIELD_NONE = 1
PIX_FMT_YUV420 = int.from_bytes(b"YU12", "little")
COLORSPACE_SMPTE170M = 1  # BT.601
QUANTIZATION_LIMITED = 2  # luma within 16..235
PIX_MAGIC = 0xFEEDCAFE  # the fields after `field` are filled in


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class PixFormat(ctypes.Structure):
    """struct v4l2_pix_format."""

    _fields_ = (
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("pixelformat", ctypes.c_uint32),
        ("field", ctypes.c_uint32),
        ("bytesperline", ctypes.c_uint32),
        ("sizeimage", ctypes.c_uint32),
        ("colorspace", ctypes.c_uint32),
        ("priv", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("ycbcr_enc", ctypes.c_uint32),
        ("quantization", ctypes.c_uint32),
        ("xfer_func", ctypes.c_uint32),
    )


class _FormatUnion(ctypes.Union):
    # v4l2_window, another member, holds pointers: it is why the union is aligned as pointers are.
    _fields_ = (("pix", PixFormat), ("raw", ctypes.c_uint8 * 200), ("_pointer", ctypes.c_void_p))


class Format(ctypes.Structure):
    """struct v4l2_format: 208 bytes where pointers have 8 bytes, 204 elsewhere."""

    _fields_ = (("type", ctypes.c_uint32), ("fmt", _FormatUnion))


class StreamParm(ctypes.Structure):
    """struct v4l2_streamparm with v4l2_outputparm in it."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("capability", ctypes.c_uint32),
        ("outputmode", ctypes.c_uint32),
        ("numerator", ctypes.c_uint32),
        ("denominator", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 184),
    )


def _ioctl_number(direction: int, number: int, structure: type[ctypes.Structure] | type[ctypes.c_int]) -> int:
    """_IOC of asm-generic/ioctl.h, which x86, Arm and RISC-V share. direction: 1 write, 2 read, 3 both."""
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


VIDIOC_QUERYCAP = _ioctl_number(2, 0, Capability)
VIDIOC_S_FMT = _ioctl_number(3, 5, Format)
VIDIOC_S_PARM = _ioctl_number(3, 22, StreamParm)
VIDIOC_STREAMON = _ioctl_number(1, 18, ctypes.c_int)


class V4l2Loopback:
    """Writes frames to a v4l2loopback device, which is opened again when it goes away."""

    name = "v4l2loopback"
    lossless = False
    retry = True

    def __init__(self, device: str = "/dev/video10") -> None:
        self.device = device
        self._fd = -1
        self._levels: I420 = empty((2, 2))  # the frame in limited range

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Set the device to `size` and `fps`. Raises SinkError: absent, not a loopback, busy, no permission."""
        self.close()
        self._fd = self._open_device()
        try:
            self._check_driver()
            self._set_format(size)
            self._set_rate(fps)
            self._be_the_writer()
            self._levels = empty(size)
        except SinkError:
            self.close()
            raise

    def write(self, frame: Frame) -> None:
        """Hand the frame to the kernel, in one call."""
        if self._fd < 0:
            raise SinkError(f"{self.name}: {self.device} is not open")
        levels = compress_range(frame.data, self._levels)
        try:
            written = os.write(self._fd, levels.data)
        except OSError as caught:
            if caught.errno == errno.EAGAIN:
                return  # every buffer is in a reader's hands: this frame is skipped
            raise SinkError(f"{self.name}: cannot write to {self.device}: {caught.strerror}") from caught
        if written != levels.nbytes:
            raise SinkError(
                f"{self.name}: {self.device} took {written} of {levels.nbytes} bytes: another program changed it",
                hint=f"v4l2-ctl -d {self.device} --all shows its format",
            )

    def close(self) -> None:
        """Let go of the device; idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    # --- inside

    def _modprobe(self) -> str:
        number = re.search(r"(\d+)$", self.device)
        which = f"video_nr={number.group(1)} " if number else ""
        return f'sudo modprobe v4l2loopback {which}card_label="edge-bg" exclusive_caps=1'

    def _open_device(self) -> int:
        missing = f"{self._modprobe()}  (package v4l2loopback-dkms)"
        try:
            fd = os.open(self.device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as caught:
            hint = {
                errno.ENOENT: missing,
                errno.ENODEV: missing,
                errno.ENXIO: missing,
                errno.EACCES: "sudo usermod -aG video $USER, then log in again",
                errno.EBUSY: f"see who has it: sudo fuser -v {self.device}",
            }.get(caught.errno or 0, "")
            raise SinkError(f"{self.name}: cannot open {self.device}: {caught.strerror}", hint=hint) from caught
        if not stat.S_ISCHR(os.fstat(fd).st_mode):
            os.close(fd)
            raise SinkError(f"{self.name}: {self.device} is not a device", hint=missing)
        return fd

    def _ioctl(self, request: int, structure: ctypes.Structure) -> None:
        fcntl.ioctl(self._fd, request, structure)  # the structure is changed in place

    def _check_driver(self) -> None:
        found = Capability()
        try:
            self._ioctl(VIDIOC_QUERYCAP, found)
        except OSError as caught:
            message = f"{self.name}: {self.device} is no video device ({caught.strerror})"
            raise SinkError(message, hint=self._modprobe()) from caught
        able = found.device_caps if found.capabilities & CAP_DEVICE_CAPS else found.capabilities
        driver = found.driver.decode("utf-8", "replace")
        if "loopback" not in driver or not able & CAP_VIDEO_OUTPUT:
            card = found.card.decode("utf-8", "replace")
            raise SinkError(
                f"{self.name}: {self.device} is {card!r} (driver {driver}), not a v4l2loopback output",
                hint=f"v4l2-ctl --list-devices shows which is; {self._modprobe()} makes one",
            )

    def _set_format(self, size: Size) -> None:
        width, height = size
        wanted = Format(type=BUF_TYPE_VIDEO_OUTPUT)
        pix = wanted.fmt.pix
        pix.width, pix.height, pix.pixelformat, pix.field = width, height, PIX_FMT_YUV420, FIELD_NONE
        pix.bytesperline, pix.sizeimage = width, width * height * 3 // 2
        pix.colorspace, pix.quantization, pix.priv = COLORSPACE_SMPTE170M, QUANTIZATION_LIMITED, PIX_MAGIC
        try:
            self._ioctl(VIDIOC_S_FMT, wanted)
        except OSError as caught:
            busy = caught.errno == errno.EBUSY
            message = f"{self.name}: {self.device} cannot be set to {width}x{height}: {caught.strerror}"
            raise SinkError(message, hint=f"see who has it: sudo fuser -v {self.device}" if busy else "") from caught
        if (pix.width, pix.height, pix.pixelformat) != (width, height, PIX_FMT_YUV420):
            code = int(pix.pixelformat).to_bytes(4, "little").decode("latin-1")
            raise SinkError(
                f"{self.name}: {self.device} is held at {pix.width}x{pix.height} {code}, not {width}x{height} YU12",
                hint=f"close the programs that use it (sudo fuser -v {self.device}), or give the source that size",
            )

    def _set_rate(self, fps: float) -> None:
        rate = StreamParm(type=BUF_TYPE_VIDEO_OUTPUT, numerator=1000, denominator=round(fps * 1000))
        try:
            self._ioctl(VIDIOC_S_PARM, rate)
        except OSError:
            return  # it only tells readers what to expect

    def _be_the_writer(self) -> None:
        """Say that this handle is the writer, so that the driver knows when it is gone.

        Up to 0.12 a handle that only writes is not known as the writer: when its process dies while a reader stays,
        a device with exclusive_caps=1 never announces itself as an output again, and no restart helps.
        """
        try:
            fcntl.ioctl(self._fd, VIDIOC_STREAMON, struct.pack("i", BUF_TYPE_VIDEO_OUTPUT))
        except OSError:
            return  # later versions keep account by themselves and refuse this without buffers
