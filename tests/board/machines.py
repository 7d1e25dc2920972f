"""A folder that looks like a machine, and in it a Raspberry Pi on which nothing is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_bg.board import doctor
from edge_bg.board.doctor.host import Host

SITE = "opt/edge-bg/venv/lib/python3.11/site-packages"


DIST = "usr/lib/python3/dist-packages"


CAMERA = "sys/devices/platform/soc/usb1/1-1"


class Machine:
    """A folder that looks like a machine, and the facts that no file tells."""

    def __init__(self, root: Path) -> None:
        self.host = Host(
            root, machine="aarch64", bits=64, python=(3, 11, 2), page_size=4096, uid=1000,
            gids=frozenset({1000, 44}), imports=lambda module: "", free=lambda path: 8 << 30,
        )  # fmt: skip

    def put(self, place: str, text: str = "", mode: int = 0o644) -> Path:
        path = self.host.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def remove(self, place: str) -> None:
        path = self.host.root / place
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def link(self, place: str, target: str) -> None:
        path = self.host.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(self.host.root / target)

    def package(self, name: str, version: str | None, folder: str = SITE) -> None:
        for old in (self.host.root / folder).glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        if version is not None:
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            self.put(f"{folder}/{name}-{version}.dist-info/METADATA", text)

    def deb(self, **versions: str) -> None:
        blocks = [
            f"Package: {n.replace('_', '-')}\nStatus: install ok installed\nVersion: {v}\n" for n, v in versions.items()
        ]
        self.put("var/lib/dpkg/status", "\n".join(blocks))

    def program(self, name: str, output: str, status: int = 0) -> None:
        self.put(f"usr/bin/{name}", f"#!/bin/sh\necho '{output}'\nexit {status}\n", 0o755)

    def cpu(self, governor: str) -> None:
        for number in range(4):
            self.put(f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor", governor)

    def camera(self, number: int, name: str, device: str = CAMERA, mode: int = 0o666) -> None:
        self.put(f"{device}/video4linux/video{number}/name", name)
        self.link(f"{device}/video4linux/video{number}/device", device)
        self.link(f"sys/class/video4linux/video{number}", f"{device}/video4linux/video{number}")
        self.put(f"dev/video{number}", mode=mode)

    def coral(self, speed: str = "5000", mode: int = 0o666) -> None:
        for name, text in (
            ("idVendor", "1a6e"),
            ("idProduct", "089a"),
            ("speed", speed),
            ("busnum", "2"),
            ("devnum", "3"),
        ):
            self.put(f"sys/bus/usb/devices/2-1/{name}", text)
        self.put("dev/bus/usb/002/003", mode=mode)

    def apex(self, node: bool = True, mode: int = 0o666) -> None:
        self.put("sys/bus/pci/devices/0000:01:00.0/vendor", "0x1ac1")
        self.put("sys/bus/pci/devices/0000:01:00.0/device", "0x089a")
        if node:
            self.put("dev/apex_0", mode=mode)

    def report(self) -> list[doctor.Check]:
        return doctor.run(host=self.host)

    def about(self, name: str) -> list[tuple[str, str, str]]:
        return [(check.level, check.text, check.mend) for check in self.report() if check.name == name]


@pytest.fixture
def pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A Raspberry Pi 5 with Bookworm on which everything is as it should be."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    it = Machine(tmp_path)
    it.put("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    it.put("proc/cpuinfo", "processor : 0\nFeatures : fp asimd asimddp\n")
    it.put("proc/self/cgroup", "0::/\n")
    it.put("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nCmaTotal: 262144 kB\nCmaFree: 250000 kB\n")
    it.put("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
    it.put("etc/group", "root:x:0:\nvideo:x:44:\nplugdev:x:46:\n")
    it.put("dev/dma_heap/linux,cma", mode=0o666)
    it.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    it.put("sys/class/thermal/thermal_zone0/temp", "51234")
    it.cpu("ondemand")
    it.program("vcgencmd", "throttled=0x0")
    it.program("systemctl", "active")
    for name, version in {
        "numpy": "1.26.4", "opencv_python_headless": "4.11.0.86", "ai_edge_litert": "2.3.0", "simplejpeg": "1.8.1",
    }.items():  # fmt: skip
        it.package(name, version)
    it.package("picamera2", "0.3.31", DIST)
    it.deb(python3_picamera2="0.3.31-1", v4l2loopback_dkms="0.12.7-2")
    it.camera(0, "HD Webcam C525")
    it.link("dev/v4l/by-id/usb-046d_HD_Webcam_C525-video-index0", "dev/video0")
    it.camera(1, "rp1-cfe-csi2_ch0", "sys/devices/platform/axi/1f00128000.csi")
    it.camera(19, "pispbe-input", "sys/devices/platform/axi/pispbe")
    it.camera(10, "edge-bg", "sys/devices/virtual")
    it.put("sys/module/v4l2loopback/parameters/exclusive_caps", "Y,N,N,N")
    it.put("etc/modprobe.d/edge-bg.conf", "options v4l2loopback video_nr=10 exclusive_caps=1\n")
    it.put("etc/modules-load.d/edge-bg.conf", "v4l2loopback\n")
    it.put("etc/systemd/system/edge-bg.service", "[Service]\n")
    it.put("etc/edge-bg/config.yaml", "{}\n")
    it.link("etc/systemd/system/multi-user.target.wants/edge-bg.service", "etc/systemd/system/edge-bg.service")
    return it
