"""Cameras, who may use them, and the virtual one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host
from edge_bg.board.sensors import text
from edge_bg.sources.v4l2_find import Node, find_nodes
from edge_bg.sources.v4l2_nodes import Mode

# Nodes of a Pi that are no cameras: codecs, scalers, and the raw end of the CSI port
_NOT_CAMERAS = re.compile(r"bcm2835-(codec|isp)|pispbe|hevc|rpivid", re.I)
_CSI = re.compile(r"unicam|rp1-cfe", re.I)
_GOOD = ("MJPG", "YUYV", "NV12", "YU12")


def _is_virtual(host: Host, node: Node) -> bool:
    name = node.device.removeprefix("/dev/")
    return "/virtual/" in str(host.path(f"/sys/class/video4linux/{name}").resolve())


def _nodes(host: Host) -> list[Node]:
    return [node for node in find_nodes(host.root) if not _NOT_CAMERAS.search(node.name)]


def v4l2(host: Host) -> Iterator[Check]:
    """Webcams: are there any, may we use them, what do they offer."""
    found = [node for node in _nodes(host) if not _CSI.search(node.name) and not _is_virtual(host, node)]
    if not found:
        yield Check("camera", "info", "no webcam is plugged in", "lsusb; dmesg | tail; v4l2-ctl --list-devices")
        return
    for node in found:
        yield from _one(host, node)


def _one(host: Host, node: Node) -> Iterator[Check]:
    device = host.path(node.device)
    name = f"{node.device} ({node.name})"
    if "mmal" in node.name:
        mend = "sudo raspi-config nonint do_legacy 1, reboot; then use `kind: picamera2`"
        yield Check("camera", "warn", f"{name}: the legacy camera stack is in use", mend)
        return
    if not device.exists():
        yield Check("camera", "fail", f"{name}: the kernel has it, /dev does not", "sudo udevadm trigger")
        return
    if not host.may_use(device):
        mend = "sudo usermod -aG video $USER, then log in again (the service is in that group already)"
        yield Check("camera", "fail", f"{name}: this user may not open it", mend)
        return
    offered = host.modes(node.device)
    if offered == []:
        return  # a webcam's second node, for metadata
    usable = [mode for mode in offered or [] if mode.fourcc in _GOOD]
    speed = _usb_speed(host, node)
    if offered and not usable:
        kinds = ", ".join(sorted({mode.fourcc for mode in offered}))
        yield Check("camera", "fail", f"{name}: offers only {kinds}", "Use a camera with MJPG or YUYV.")
    elif speed and speed < 480:
        mend = "Plug it in directly, or use another cable or hub."
        yield Check("camera", "warn", f"{name}: runs at USB 1 speed ({speed} Mbit/s)", mend)
    elif usable and not any(min(m.size[0] / 1280, m.size[1] / 720, (m.fps or 30) / 25) >= 1 for m in usable):
        mend = "Plug it into another port (USB 2 carries raw pictures slowly), or ask for its own size: source.size"
        yield Check("camera", "warn", f"{name}: no 1280x720 at 25 frames a second ({_best(usable)})", mend)
    else:
        stable = f"; in a config: {node.links[0]}" if node.links else ""
        formats = f": {_best(usable)}" if usable else ""
        yield Check("camera", "ok", f"{name}{formats}{stable}")


def _best(offered: list[Mode]) -> str:
    """The largest picture of each format, as the camera offers it."""
    best: dict[str, Mode] = {}
    for mode in offered:
        if mode.fourcc not in best or mode.size > best[mode.fourcc].size:
            best[mode.fourcc] = mode
    return ", ".join(f"{m.fourcc} {m.size[0]}x{m.size[1]} {m.fps:g} fps" for m in best.values())


def _usb_speed(host: Host, node: Node) -> int:
    words = text(host.path(f"/sys/bus/usb/devices/{node.port}/speed")) if node.port else ""
    return int(float(words)) if re.fullmatch(r"[\d.]+", words) else 0


def groups(host: Host) -> Iterator[Check]:
    """Cameras belong to the group video: it must be there, and this user in it."""
    video = host.group("video")
    if video is None:
        yield Check("groups", "fail", "there is no group video", "sudo groupadd --system video; reboot")
    elif host.uid == 0:
        yield Check("groups", "info", "this is root; the service is not, and is in the group video by its unit")
    elif video in host.gids:
        yield Check("groups", "ok", "this user is in the group video")
    else:
        mend = "sudo usermod -aG video $USER, then log in again (the service is in that group by its unit)"
        yield Check("groups", "warn", "this user is not in the group video", mend)
    heaps = host.glob("/dev/dma_heap/*")  # where libcamera takes its buffers from
    if heaps and any(_CSI.search(node.name) for node in _nodes(host)) and not any(map(host.may_use, heaps)):
        mend = "sudo scripts/install-service (its udev rule gives them to the group video)"
        yield Check("groups", "fail", "/dev/dma_heap: this user may not open it, and libcamera has to", mend)


def pi_camera(host: Host) -> Iterator[Check]:
    """A camera on the CSI port needs picamera2, which comes from apt."""
    csi = any(_CSI.search(node.name) for node in _nodes(host))
    if not host.is_pi:
        return
    packages, debs = host.packages(), host.debs()
    package = packages.get("picamera2")
    if package and not package[1].endswith("dist-packages"):
        yield Check(
            "picamera2", "warn", "comes from PyPI and has no libcamera",
            "pip uninstall -y picamera2 && sudo apt install python3-picamera2",
        )  # fmt: skip
    elif package:
        error = host.import_error("picamera2")
        if error:
            mend = "pip install -c constraints-bookworm.txt 'numpy<2'" if "numpy" in error else "sudo apt upgrade"
            yield Check("picamera2", "fail", f"cannot be imported: {error}", mend)
        else:
            yield Check("picamera2", "ok", package[0])
    elif "python3-picamera2" in debs:
        yield Check(
            "picamera2", "fail" if csi else "warn", "is installed, but this environment does not see it",
            "python3 -m venv --system-site-packages --upgrade /opt/edge-bg/venv",
        )  # fmt: skip
    else:
        yield Check("picamera2", "fail" if csi else "info", "is not installed", "sudo apt install python3-picamera2")
    if not csi:
        mend = "Check the ribbon cable; camera_auto_detect=1 in /boot/firmware/config.txt; rpicam-hello --list-cameras"
        yield Check("picamera2", "info", "no camera on the CSI port", mend)


def cma(host: Host) -> Iterator[Check]:
    """Camera buffers come out of the kernel's contiguous memory."""
    if not any(_CSI.search(node.name) for node in _nodes(host)):
        return
    found = re.search(r"^CmaTotal:\s+(\d+)", host.text("/proc/meminfo"), re.M)
    total = int(found[1]) // 1024 if found else 0
    if total < 64:
        mend = "In /boot/firmware/config.txt: dtoverlay=vc4-kms-v3d,cma-256 (128 on 512 MB boards); reboot"
        yield Check("cma", "warn", f"{total} MB for camera buffers; 1080p runs out of them", mend)
    else:
        yield Check("cma", "ok", f"{total} MB for camera buffers")


def loopback(host: Host) -> Iterator[Check]:
    """v4l2loopback: there, with exclusive_caps (browsers want it), and after the next boot too."""
    keep = (
        "echo 'options v4l2loopback video_nr=10 card_label=edge-bg exclusive_caps=1' | sudo tee "
        "/etc/modprobe.d/edge-bg.conf; echo v4l2loopback | sudo tee /etc/modules-load.d/edge-bg.conf"
    )
    if not host.path("/sys/module/v4l2loopback").is_dir():
        there = "v4l2loopback-dkms" in host.debs()
        mend = "sudo modprobe v4l2loopback video_nr=10 card_label=edge-bg exclusive_caps=1"
        if there and not host.glob("/lib/modules/*/updates/dkms/v4l2loopback.ko*"):
            build = "sudo apt install linux-headers-$(uname -r) && sudo dpkg-reconfigure v4l2loopback-dkms"
            yield Check("loopback", "fail", "v4l2loopback is installed but not built for this kernel", build)
        elif there:
            yield Check("loopback", "info", "v4l2loopback is not loaded (only that sink needs it)", mend)
        else:
            mend = "sudo apt install v4l2loopback-dkms"
            yield Check("loopback", "info", "v4l2loopback is not installed (only that sink needs it)", mend)
        return
    caps = host.text("/sys/module/v4l2loopback/parameters/exclusive_caps").split(",")[0]
    mine = [node for node in find_nodes(host.root) if _is_virtual(host, node)]
    devices = ", ".join(f"{node.device} ({node.name})" for node in mine) or "no device"
    if caps not in ("Y", "1"):
        mend = f"sudo modprobe -r v4l2loopback; sudo modprobe v4l2loopback video_nr=10 exclusive_caps=1; {keep}"
        yield Check("loopback", "warn", f"{devices}: without exclusive_caps=1 browsers do not see it", mend)
    else:
        yield Check("loopback", "ok", devices)
    settings = "\n".join(text(path) for path in host.glob("/etc/modprobe.d/*.conf"))
    loads = "\n".join(text(path) for path in [*host.glob("/etc/modules-load.d/*.conf"), host.path("/etc/modules")])
    if not re.search(r"^options v4l2loopback\b", settings, re.M) or not re.search(r"^v4l2loopback\b", loads, re.M):
        yield Check("loopback", "warn", "it will not be there like this after a reboot", keep)
    for node in mine:
        if host.path(node.device).exists() and not host.may_use(host.path(node.device)):
            yield Check("loopback", "fail", f"{node.device}: this user may not open it", "sudo usermod -aG video $USER")
