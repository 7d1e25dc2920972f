"""Which camera is meant, by path, number, link, port or name; and what the real kernel says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edge_bg.errors import SourceError
from edge_bg.sources import v4l2_nodes
from edge_bg.sources.cameras import list_cameras
from edge_bg.sources.v4l2 import V4l2Camera
from edge_bg.sources.v4l2_find import Node, cameras, find_nodes, resolve, same_again
from tests.patience import crowd

from .cameras import sysfs

TWO = {0: ("HD Pro Webcam C920", "1-1.2", "046d_HD_Pro_Webcam_C920_A1B2"), 2: ("Trust Webcam", "1-1.4", "")}


def test_finds_a_camera_by_path_number_link_port_and_name(tmp_path: Path) -> None:
    root = sysfs(tmp_path, TWO)
    for wanted in ("/dev/video0", "0", "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_A1B2-video-index0",
                   "/dev/v4l/by-path/platform-usb-1-1.2-video-index0", "usb:1-1.2", "c920"):  # fmt: skip
        node = resolve(wanted, root)
        assert (node.device, node.port) == ("/dev/video0", "1-1.2"), wanted
    assert resolve("trust", root).device == "/dev/video2"
    assert len(find_nodes(root)) == 4


def test_a_name_that_fits_none_or_two(tmp_path: Path) -> None:
    root = sysfs(tmp_path, TWO)
    with pytest.raises(SourceError, match="more than one") as caught:
        resolve("webcam", root)
    assert "/dev/video2" in caught.value.hint
    for wanted in ("/dev/video9", "9", "usb:3-1", "logi"):
        with pytest.raises(SourceError, match="no such camera") as caught:
            resolve(wanted, root)
        assert "C920" in caught.value.hint
    with pytest.raises(SourceError, match="no such camera") as caught:
        resolve("/dev/video0", tmp_path / "empty")
    assert "lsusb" in caught.value.hint


def test_the_same_camera_is_found_under_another_number(tmp_path: Path) -> None:
    before = resolve("/dev/video0", sysfs(tmp_path / "a", TWO))
    swapped = {0: TWO[2], 4: TWO[0]}
    again = same_again(before, sysfs(tmp_path / "b", swapped))
    assert again is not None
    assert again.device == "/dev/video4"
    # Without a serial number it is known by where it is plugged in.
    trust = resolve("/dev/video2", sysfs(tmp_path / "c", TWO))
    again = same_again(trust, sysfs(tmp_path / "d", swapped))
    assert again is not None
    assert again.device == "/dev/video0"
    # And another camera that got its old number is not taken for it.
    assert same_again(before, sysfs(tmp_path / "e", {0: TWO[2]})) is None


# --- the real kernel, as far as this machine has one


def test_what_is_not_a_camera_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such camera"), v4l2_nodes.opened(str(tmp_path / "video0")):
        pass
    plain = tmp_path / "video1"
    plain.touch()
    for device in (str(plain), "/dev/null"):
        with v4l2_nodes.opened(device) as handle, pytest.raises(SourceError, match="not a camera"):
            v4l2_nodes.card(handle, device)
        with pytest.raises(SourceError, match="not a camera"):
            V4l2Camera(device).open()
    if os.geteuid() != 0:
        plain.chmod(0)
        with pytest.raises(SourceError, match="no permission") as caught, v4l2_nodes.opened(str(plain)):
            pass
        assert "video" in caught.value.hint


def test_a_missing_device_is_a_clear_error_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(SourceError, match="/dev/video99: no such camera") as caught:
        V4l2Camera("/dev/video99").open()
    assert caught.value.hint
    assert time.monotonic() - start < 1 * crowd()


def test_options_are_checked() -> None:
    for options, match in (({"format": "h264"}, "unknown"), ({"size": (641, 480)}, "even"), ({"fps": 0}, "range")):
        with pytest.raises(SourceError, match=match):
            V4l2Camera(**options)  # type: ignore[arg-type]


def test_listing_never_fails() -> None:
    assert isinstance(list_cameras(), list)
    assert isinstance(cameras(), list)


def test_request_codes_are_those_of_the_kernel() -> None:
    """From linux/videodev2.h on a 64-bit machine, as strace prints them."""
    assert v4l2_nodes.QUERYCAP == 0x80685600
    assert v4l2_nodes.ENUM_FMT == 0xC0405602
    assert v4l2_nodes.S_CTRL == 0xC008561C
    assert v4l2_nodes.QUERYCTRL == 0xC0445624
    assert v4l2_nodes.ENUM_FRAMESIZES == 0xC02C564A
    assert v4l2_nodes.ENUM_FRAMEINTERVALS == 0xC034564B
    if v4l2_nodes._LONG == 8:
        assert (v4l2_nodes.G_FMT, v4l2_nodes.S_FMT) == (0xC0D05604, 0xC0D05605)


def test_a_link_that_two_cameras_share_leads_to_neither_by_itself(tmp_path: Path) -> None:
    """Seen with two test cameras of one driver: after they changed numbers, the link of one led to the other."""
    shared = Node("/dev/video1", "second", "vivid.0", ("/dev/v4l/by-path/platform-vivid.0-video-index0",))
    other = sysfs(tmp_path, {0: ("first", "vivid.0", "")})
    (other / "dev/v4l/by-path/platform-vivid.0-video-index0").symlink_to("../../video0")
    assert same_again(shared, other) is None
    (tmp_path / "sys/class/video4linux/video0/name").write_text("second\n")
    again = same_again(shared, other)
    assert again is not None and again.device == "/dev/video0"
