"""v4l2loopback without the module: the numbers and layouts against the kernel's header, and the errors.

That frames really arrive is tested by tests/contract/test_sinks.py where there is such a device.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.errors import SinkError
from edge_bg.frame import Frame
from edge_bg.sinks import v4l2loopback as module
from edge_bg.sinks.v4l2loopback import Capability, Format, PixFormat, StreamParm, V4l2Loopback

FIELDS = {
    "v4l2_capability": (Capability, "driver card bus_info version capabilities device_caps"),
    "v4l2_pix_format": (PixFormat, " ".join(name for name, _ in PixFormat._fields_)),
}
CONSTANTS = {
    "VIDIOC_QUERYCAP": module.VIDIOC_QUERYCAP,
    "VIDIOC_S_FMT": module.VIDIOC_S_FMT,
    "VIDIOC_S_PARM": module.VIDIOC_S_PARM,
    "VIDIOC_STREAMON": module.VIDIOC_STREAMON,
    "V4L2_CAP_VIDEO_OUTPUT": module.CAP_VIDEO_OUTPUT,
    "V4L2_CAP_DEVICE_CAPS": module.CAP_DEVICE_CAPS,
    "V4L2_BUF_TYPE_VIDEO_OUTPUT": module.BUF_TYPE_VIDEO_OUTPUT,
    "V4L2_FIELD_NONE": module.FIELD_NONE,
    "V4L2_PIX_FMT_YUV420": module.PIX_FMT_YUV420,
    "V4L2_COLORSPACE_SMPTE170M": module.COLORSPACE_SMPTE170M,
    "V4L2_QUANTIZATION_LIM_RANGE": module.QUANTIZATION_LIMITED,
    "V4L2_PIX_FMT_PRIV_MAGIC": module.PIX_MAGIC,
    "sizeof(struct v4l2_capability)": ctypes.sizeof(Capability),
    "sizeof(struct v4l2_format)": ctypes.sizeof(Format),
    "sizeof(struct v4l2_streamparm)": ctypes.sizeof(StreamParm),
    "offsetof(struct v4l2_format, fmt)": Format.fmt.offset,
    "offsetof(struct v4l2_streamparm, parm.output.timeperframe.numerator)": StreamParm.numerator.offset,
    "offsetof(struct v4l2_streamparm, parm.output.timeperframe.denominator)": StreamParm.denominator.offset,
}


def test_numbers_and_layouts_are_those_of_the_kernels_header(tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("NO C COMPILER OR KERNEL HEADERS: apt install gcc linux-libc-dev")
    wanted = dict(CONSTANTS)
    for struct, (cls, names) in FIELDS.items():
        for name in names.split():
            wanted[f"offsetof(struct {struct}, {name})"] = getattr(cls, name).offset
            wanted[f"sizeof(((struct {struct} *)0)->{name})"] = getattr(cls, name).size
    lines = "".join(f'    printf("%lu\\n", (unsigned long)({text}));\n' for text in wanted)
    source = tmp_path / "numbers.c"
    source.write_text(
        "#include <linux/videodev2.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        f"int main(void) {{\n{lines}    return 0;\n}}\n"
    )
    subprocess.run([compiler, str(source), "-o", str(tmp_path / "numbers")], check=True)
    printed = subprocess.run([str(tmp_path / "numbers")], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(wanted, map(int, printed), strict=True)) == wanted


def test_sizes_known_from_the_kernels_documentation():
    assert module.VIDIOC_QUERYCAP == 0x80685600
    known = {8: 0xC0D05605, 4: 0xC0CC5605}
    assert known[ctypes.sizeof(ctypes.c_void_p)] == module.VIDIOC_S_FMT
    assert module.PIX_FMT_YUV420 == 0x32315559


def test_a_missing_device_comes_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(SinkError) as caught:
        V4l2Loopback(str(tmp_path / "video42")).open((64, 48), 30.0)
    assert "No such file or directory" in caught.value.message
    assert caught.value.hint.startswith('sudo modprobe v4l2loopback video_nr=42 card_label="edge-bg" exclusive_caps=1')


def test_what_is_no_video_device_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkError, match="is not a device"):
        V4l2Loopback(str(tmp_path / "file")).open((64, 48), 30.0)
    with pytest.raises(SinkError, match="/dev/null is no video device"):
        V4l2Loopback("/dev/null").open((64, 48), 30.0)
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        with pytest.raises(SinkError):
            V4l2Loopback("/dev/null").open((64, 48), 30.0)
    assert len(set(Path("/proc/self/fd").iterdir()) - before) <= 1, "nothing stays open (one is the listing's own)"


class Kernel:
    """Answers the ioctls as a driver would; `device` is /dev/null, which takes every write."""

    def __init__(self, monkeypatch, *, driver=b"v4l2 loopback", caps=module.CAP_VIDEO_OUTPUT, forced=None, refuse=0):
        self.driver, self.caps, self.forced, self.refuse = driver, caps, forced, refuse
        self.asked = []
        monkeypatch.setattr(module.fcntl, "ioctl", self)

    def __call__(self, fd, request, structure):
        assert Path(f"/proc/self/fd/{fd}").readlink() == Path("/dev/null")
        self.asked.append((request, bytes(structure)))
        if request == module.VIDIOC_QUERYCAP:
            structure.driver, structure.card = self.driver, b"Some Camera"
            structure.capabilities = module.CAP_DEVICE_CAPS | 0x04000003
            structure.device_caps = self.caps
        elif request == module.VIDIOC_S_FMT:
            if self.refuse:
                raise OSError(self.refuse, os.strerror(self.refuse))
            if self.forced:
                structure.fmt.pix.width, structure.fmt.pix.height = self.forced
        else:
            raise OSError(
                errno.ENOTTY, os.strerror(errno.ENOTTY)
            )  # no rate in old modules, no STREAMON in new ones: no error
        return 0


def test_the_device_is_set_to_the_frames_size_and_written_whole(monkeypatch):
    kernel = Kernel(monkeypatch)
    sink = V4l2Loopback("/dev/null")
    sink.open((640, 360), 29.97)
    requests = [request for request, _ in kernel.asked]
    assert requests == [module.VIDIOC_QUERYCAP, module.VIDIOC_S_FMT, module.VIDIOC_S_PARM, module.VIDIOC_STREAMON]
    assert kernel.asked[3][1] == module.BUF_TYPE_VIDEO_OUTPUT.to_bytes(4, sys.byteorder)
    pix = Format.from_buffer_copy(kernel.asked[1][1]).fmt.pix
    assert (pix.width, pix.height, pix.bytesperline, pix.sizeimage) == (640, 360, 640, 345_600)
    assert (pix.colorspace, pix.quantization) == (module.COLORSPACE_SMPTE170M, module.QUANTIZATION_LIMITED)
    rate = StreamParm.from_buffer_copy(kernel.asked[2][1])
    assert (rate.numerator, rate.denominator) == (1000, 29970)
    written = []
    monkeypatch.setattr(module.os, "write", lambda fd, data: written.append(bytes(data)) or len(written[-1]))
    frame = Frame(f.filled((640, 360), (10, 20, 30)), 0.0, 0)
    before = frame.data.copy()
    sink.write(frame)
    assert written == [f.compress_range(frame.data).tobytes()], "one call, in the levels of video"
    assert (frame.data == before).all(), "other sinks have the same frame"
    monkeypatch.setattr(module.os, "write", lambda fd, data: 100)
    with pytest.raises(SinkError, match="took 100 of 345600 bytes"):
        sink.write(frame)
    sink.close()


@pytest.mark.parametrize("colour", [(0, 200, 0), (250, 250, 250), (5, 5, 5), (200, 40, 60)])
def test_a_reader_that_knows_video_levels_alone_sees_the_right_colours(monkeypatch, colour):
    """Chromium and OpenCV take YU12 for limited range, whatever the driver says: green of 200 was 211 there."""
    Kernel(monkeypatch)
    sink = V4l2Loopback("/dev/null")
    sink.open((64, 48), 30.0)
    written = []
    monkeypatch.setattr(module.os, "write", lambda fd, data: written.append(bytes(data)) or len(written[-1]))
    sink.write(Frame(f.filled((64, 48), f.yuv_of(colour)), 0.0, 0))
    sink.close()
    planes = np.frombuffer(written[0], np.uint8).reshape(72, 64)
    assert np.abs(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420).astype(int) - colour).max() <= 3


def raises(number):
    def write(fd, data):
        raise OSError(number, os.strerror(number))

    return write


def test_a_device_that_goes_away_is_an_error_and_a_full_one_is_not(monkeypatch):
    Kernel(monkeypatch)
    sink = V4l2Loopback("/dev/null")
    sink.open((64, 48), 30.0)
    frame = Frame(f.filled((64, 48), (10, 20, 30)), 0.0, 0)
    monkeypatch.setattr(module.os, "write", raises(errno.EAGAIN))
    sink.write(frame)
    monkeypatch.setattr(module.os, "write", raises(errno.ENODEV))
    with pytest.raises(SinkError, match="cannot write to /dev/null: No such device"):
        sink.write(frame)
    sink.close()
    assert sink.retry


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"driver": b"uvcvideo"}, r"'Some Camera' \(driver uvcvideo\), not a v4l2loopback output"),
        ({"caps": 1}, "not a v4l2loopback output"),
        ({"forced": (1280, 720)}, r"is held at 1280x720 YU12, not 64x48 YU12\n.*fuser"),
        ({"refuse": errno.EBUSY}, r"cannot be set to 64x48: Device or resource busy\n.*fuser -v /dev/null"),
        ({"refuse": errno.EINVAL}, "cannot be set to 64x48: Invalid argument"),
    ],
)
def test_what_a_driver_may_answer_instead(monkeypatch, reply, message):
    Kernel(monkeypatch, **reply)
    with pytest.raises(SinkError, match=message):
        V4l2Loopback("/dev/null").open((64, 48), 30.0)
