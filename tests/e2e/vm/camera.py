"""Inside the virtual machine: the shipped v4l2 source on the kernel's vivid camera and on v4l2loopback.

Run by root with the program's Python, /dev/video0 being vivid (loaded with the options below) and /dev/video10 a
v4l2loopback. Prints `PROOF name seconds` and `FAILED name: why`, and leaves vivid as it found it.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_bg.errors import SourceError
from edge_bg.frame import Frame
from edge_bg.sources.cameras import list_cameras
from edge_bg.sources.v4l2 import V4l2Camera

CAMERA, LOOPBACK = "/dev/video0", "/dev/video10"
VIVID = "modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 vid_cap_nr="
SIZE = (640, 360)
# vivid's default test pattern, 75 % colour bars from left to right, R, G, B.
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
failures = 0


def sh(command: str) -> str:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    return (done.stdout + done.stderr).strip()


def take(camera: V4l2Camera, count: int) -> list[Frame]:
    return [frame for frame, _ in zip(camera, range(count), strict=False)]


def off(frame: Frame, bars: list[tuple[int, int, int]]) -> int:
    rgb = frame.rgb()
    middles = [int(frame.width * (i + 0.5) / 8) for i in range(8)]
    return int(np.abs(rgb[frame.height // 2, middles].astype(int) - bars).max())


def wait(what: str, condition: Callable[[], object], seconds: float = 60) -> float:
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began


def refused(match: str, **fields: object) -> str:
    try:
        with V4l2Camera(**fields) as camera:  # type: ignore[arg-type]
            raise AssertionError(f"no error, it gives {camera.size}")
    except SourceError as error:
        assert match in str(error) and error.hint, str(error)
        return error.message


def listed() -> str:
    cameras = [camera for camera in list_cameras() if camera.kind == "v4l2"]
    assert [camera.name for camera in cameras] == [CAMERA], cameras
    assert cameras[0].stable.startswith("/dev/v4l/by-path/"), cameras
    assert any(mode.startswith("NV12 640x360") for mode in cameras[0].modes), cameras[0].modes
    return cameras[0].model


def pictures() -> str:
    worst = {}
    for format_, fourcc in (("yuyv", "YUYV"), ("nv12", "NV12"), ("auto", "NV12")):
        with V4l2Camera(size=SIZE, format=format_) as camera:
            frame = take(camera, 3)[-1]
            assert camera._capture is not None and camera._capture.fourcc == fourcc
            worst[format_] = off(frame, BARS)
    assert max(worst.values()) <= 4, worst
    with V4l2Camera(size=SIZE, hflip=True) as camera:
        assert off(take(camera, 2)[-1], BARS[::-1]) <= 4
    return f"worst channel off by {max(worst.values())}"


def sizes() -> str:
    with V4l2Camera(size=(700, 400)) as camera:
        frame = take(camera, 1)[0]
        assert frame.size == (700, 400) == camera.size
    with V4l2Camera(size=(1280, 720), fps=30) as camera:
        assert camera.fps < 30, "vivid is slower at this size"
        assert take(camera, 1)[0].size == (1280, 720)
        return f"{camera.fps:g} fps at 1280x720"


def controls() -> str:
    with V4l2Camera(size=SIZE, controls={"brightness": 160}) as camera:
        take(camera, 1)
    assert sh(f"v4l2-ctl -d {CAMERA} -C brightness") == "brightness: 160"
    sh(f"v4l2-ctl -d {CAMERA} -c brightness=128")
    return refused("no control 'wibble'", size=SIZE, controls={"wibble": 1})


def busy() -> str:
    with V4l2Camera(size=SIZE) as camera:
        take(camera, 1)
        return refused("busy", size=SIZE)


def not_cameras() -> str:
    refused("no such camera", device="/dev/video77")
    refused("not a camera", device="/dev/null")
    return refused(LOOPBACK, device=LOOPBACK)  # with exclusive_caps and without a writer it is no capture device


def unplugged() -> str:
    with V4l2Camera(size=SIZE) as camera:
        seen: list[int] = []
        threading.Thread(target=lambda: seen.extend(frame.index for frame in camera), daemon=True).start()
        wait("frames", lambda: len(seen) > 5)
        Path("/sys/bus/platform/drivers/vivid/unbind").write_text("vivid.0")
        lost = wait("the lost state", lambda: camera.state.startswith("lost"))
        cpu, count = time.process_time(), len(seen)
        time.sleep(5)
        cpu = time.process_time() - cpu
        assert cpu < 2.5, f"{cpu:.1f} s of CPU in 5 s without a camera"
        assert len(seen) == count
        sh("rmmod vivid; " + VIVID + "3; udevadm settle")
        assert not Path(CAMERA).exists() and Path("/dev/video3").exists(), "it was to come back under another number"
        back = wait("frames again", lambda: len(seen) > count + 3)
        assert camera.state == "ok" and seen == sorted(set(seen))
        began = time.monotonic()
        camera.close()
        closing = time.monotonic() - began
    sh("rmmod vivid; " + VIVID + "0; udevadm settle")
    return (
        f"lost after {lost:.2f} s, {cpu / 5:.0%} of a core meanwhile, back as /dev/video3 after {back:.2f} s,"
        f" closed in {closing:.2f} s"
    )


def swapped() -> str:
    """Two cameras that change numbers while one is in use: it is known by its name, even with a link they share."""
    two = VIVID.replace("n_devs=1", "n_devs=2").replace("=0x1", "=0x1,0x1").replace("num_inputs=1", "num_inputs=1,1")
    two = two.replace("input_types=0", "input_types=0,0")

    def load(numbers: str, ours: str) -> None:
        sh(f"rmmod vivid; {two}{numbers}; udevadm settle; v4l2-ctl -d {ours} -c test_pattern=7")
        name = Path("/sys/class/video4linux", Path(ours).name, "name").read_text().strip()
        assert name == "vivid-001-vid-cap", f"{ours} is {name}"

    def is_red(frame: Frame) -> bool:
        return off(frame, [(255, 0, 0)] * 8) <= 4

    try:
        load("0,1", "/dev/video1")
        with V4l2Camera(size=SIZE, device="vivid-001") as camera:
            seen: list[bool] = []
            threading.Thread(target=lambda: seen.extend(is_red(frame) for frame in camera), daemon=True).start()
            wait("frames", lambda: len(seen) > 5)
            Path("/sys/bus/platform/drivers/vivid/unbind").write_text("vivid.0")
            wait("the lost state", lambda: camera.state.startswith("lost"))
            count = len(seen)
            assert all(seen[:count]), "it took the other camera from the start"
            began = time.monotonic()
            load("1,0", "/dev/video0")
            wait("frames again", lambda: len(seen) > count)
            back = time.monotonic() - began
            # It may be back before its picture is red again: only frames that come after that tell which one it is.
            painted = len(seen)
            wait("frames again", lambda: len(seen) > painted + 10)
            assert all(seen[-5:]), "it took the other camera"
    finally:
        sh(f"rmmod vivid; {VIVID}0; udevadm settle")
    return f"/dev/video1 and 0 change places: the same one again after {back:.2f} s"


def faults() -> str:
    with V4l2Camera(size=SIZE) as camera:
        stream = iter(camera)
        next(stream)
        sh(f"v4l2-ctl -d {CAMERA} -c percentage_of_dropped_buffers=40")
        began = time.monotonic()
        for _ in range(20):
            next(stream)
        took = time.monotonic() - began
        sh(f"v4l2-ctl -d {CAMERA} -c percentage_of_dropped_buffers=0 -c inject_v4l2_buf_flag_error=1")
        for _ in range(5):
            next(stream)
        assert camera.state == "ok"
    return f"20 frames in {took:.2f} s while vivid drops 40 %"


def hangs() -> str:
    with V4l2Camera(size=SIZE) as camera:
        seen: list[int] = []
        threading.Thread(target=lambda: seen.extend(frame.index for frame in camera), daemon=True).start()
        wait("frames", lambda: len(seen) > 5)
        sh(f"v4l2-ctl -d {CAMERA} -c percentage_of_dropped_buffers=100")
        lost = wait("the lost state", lambda: camera.state.startswith("lost"))
        sh(f"v4l2-ctl -d {CAMERA} -c percentage_of_dropped_buffers=0")
        count = len(seen)
        back = wait("frames again", lambda: len(seen) > count + 3)
    assert lost < 8, f"{lost:.1f} s"
    return f"a camera that hangs is lost after {lost:.2f} s, back {back:.2f} s after it recovers"


def main() -> None:
    global failures
    for step in (listed, pictures, sizes, controls, busy, not_cameras, faults, hangs, unplugged, swapped):
        began = time.monotonic()
        try:
            said = step()
        except Exception as error:
            failures += 1
            print(f"FAILED camera {step.__name__}: {type(error).__name__}: {error}", flush=True)
        else:
            print(f"PROOF {'camera ' + step.__name__ + ': ' + said:<68} {time.monotonic() - began:7.2f} s", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
    sys.exit(min(failures, 1))
