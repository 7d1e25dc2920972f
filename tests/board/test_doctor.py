# ruff: noqa: E501 - the table of illnesses is read row by row
"""The doctor on faked machines: a healthy Pi on which nothing is wrong, and every check with its illness."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_bg.board import doctor
from edge_bg.board.doctor.host import Host
from edge_bg.commands.doctor import doctor as command
from edge_bg.sources.v4l2_nodes import Mode

from .machines import DIST, Machine
from .machines import pi as pi


def test_nothing_is_wrong_with_a_healthy_pi(pi: Machine) -> None:
    report = pi.report()
    assert [check for check in report if check.level in ("warn", "fail")] == []
    levels = {check.name: check.level for check in report}
    for name in (
        "userland", "cores", "governor", "temperature", "power", "memory", "disk", "python", "numpy", "runtime",
        "kernels", "jpeg", "groups", "camera", "picamera2", "cma", "loopback", "service",
    ):  # fmt: skip
        assert levels[name] == "ok", (name, report)
    assert any("by-id/usb-046d_HD_Webcam" in check.text for check in report)
    assert "Raspberry Pi 5" in report[0].text


def facts(**changes: object) -> Callable[[Machine], None]:
    def change(it: Machine) -> None:
        for name, value in changes.items():
            setattr(it.host, name, value)

    return change


def both(*steps: Callable[[Machine], object]) -> Callable[[Machine], None]:
    def change(it: Machine) -> None:
        for step in steps:
            step(it)

    return change


def imports(**errors: str) -> Callable[[Machine], None]:
    return facts(imports=lambda module: errors.get(module.replace(".", "_"), ""))


NO_LITERT: Callable[[Machine], None] = lambda it: it.package("ai_edge_litert", None)  # noqa: E731


OLD_RUNTIME = both(NO_LITERT, lambda it: it.package("tflite_runtime", "2.14.0"))


CORAL = both(lambda it: it.coral(), lambda it: it.put("usr/lib/aarch64-linux-gnu/libedgetpu.so.1"))


ILLNESSES: list[tuple[str, str, Callable[[Machine], object], str, str]] = [
    ("userland", "fail", facts(bits=32), "32-bit programs on a 64-bit kernel", "64-bit"),
    ("userland", "warn", facts(bits=32, machine="armv7l"), "only the old runtime", "tflite-runtime"),
    ("cores", "warn", lambda it: it.put("sys/fs/cgroup/cpu.max", "100000 100000"), "1 of 4 cores", "CPUQuota"),
    ("governor", "fail", lambda it: it.cpu("powersave"), "powersave", "scaling_governor"),
    ("temperature", "warn", lambda it: it.put("sys/class/thermal/thermal_zone0/temp", "74000"), "74 °C", "fan"),
    ("temperature", "fail", lambda it: it.put("sys/class/thermal/thermal_zone0/temp", "82900"), "83 °C", "fan"),
    ("power", "fail", lambda it: it.program("vcgencmd", "throttled=0x50005"), "too little voltage, throttled", "supply"),
    ("power", "warn", lambda it: it.program("vcgencmd", "throttled=0x50000"), "since it was switched on", "supply"),
    ("power", "fail", both(lambda it: it.remove("usr/bin/vcgencmd"), lambda it: it.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")), "says the kernel", "supply"),
    ("power", "info", lambda it: it.program("vcgencmd", "no", 1), "neither vcgencmd nor /sys", "apt install"),
    ("power", "fail", both(lambda it: it.remove("usr/bin/vcgencmd"), lambda it: it.put("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")), "throttled", "supply"),
    ("memory", "fail", lambda it: it.put("proc/meminfo", "MemTotal: 430000 kB\nMemAvailable: 90000 kB\nCmaTotal: 262144 kB"), "87 of 419 MB", "zram"),
    ("disk", "fail", facts(free=lambda path: 3 << 20), "3 MB", "apt clean"),
    ("disk", "warn", facts(free=lambda path: 300 << 20), "300 MB", "apt clean"),
    ("python", "fail", facts(python=(3, 9, 2)), "3.9.2: 3.11", "Bookworm"),
    ("numpy", "fail", lambda it: it.package("numpy", None), "not installed", "pip install"),
    ("numpy", "fail", lambda it: it.package("opencv_python_headless", "4.12.0.88"), "wants numpy 2", "constraints"),
    ("numpy", "fail", lambda it: it.package("numpy", "2.1.0"), "apt's picamera2 are built for numpy 1", "constraints"),
    ("numpy", "fail", imports(numpy="ImportError: libopenblas.so.0"), "cannot be imported", "pip install"),
    ("opencv", "fail", imports(cv2="ImportError: libGL.so.1: cannot open"), "cannot be imported", "apt install libgl1"),
    ("opencv", "warn", lambda it: it.package("opencv_python", "4.11.0.86"), "overwrite each other", "uninstall"),
    ("runtime", "fail", NO_LITERT, "no TFLite runtime", "pip install"),
    ("runtime", "warn", OLD_RUNTIME, "without its fast kernels", "ai-edge-litert"),
    ("runtime", "fail", both(OLD_RUNTIME, lambda it: it.package("numpy", "2.1.0")), "dies under numpy 2", "numpy<2"),
    ("runtime", "warn", lambda it: it.package("ai_edge_litert", "1.4.0"), "is old", "pip install"),
    ("runtime", "fail", imports(ai_edge_litert_interpreter="ImportError: GLIBC_2.99"), "GLIBC_2.99", "reinstall"),
    ("network", "fail", facts(trial=lambda library: "the runtime crashed the process that tried it (SIGILL)"), "SIGILL", "EDGE_BG_RUNTIME"),
    ("kernels", "fail", lambda it: it.remove("proc/cpuinfo"), "many times slower", "ProcSubset"),
    ("jpeg", "warn", lambda it: it.package("simplejpeg", None), "not installed", "pip install"),
    ("jpeg", "fail", imports(simplejpeg="ValueError: numpy.dtype size changed"), "size changed", "pip install"),
    ("groups", "fail", lambda it: it.put("etc/group", "root:x:0:\n"), "no group video", "groupadd"),
    ("groups", "warn", facts(gids=frozenset({1000})), "not in the group", "usermod -aG video"),
    ("groups", "info", facts(uid=0), "this is root", ""),
    ("groups", "fail", lambda it: it.put("dev/dma_heap/linux,cma", mode=0o600), "/dev/dma_heap", "install-service"),
    ("camera", "fail", facts(offers=lambda device: [Mode("H264", (1920, 1080), 30)]), "offers only H264", "MJPG"),
    ("camera", "warn", facts(offers=lambda device: [Mode("YUYV", (1280, 720), 10), Mode("YUYV", (640, 480), 30)]), "no 1280x720 at 25 frames a second (YUYV 1280x720 10 fps)", "source.size"),
    ("camera", "fail", lambda it: it.camera(0, "HD Webcam C525", mode=0o600), "may not open", "usermod -aG video"),
    ("camera", "fail", lambda it: it.remove("dev/video0"), "/dev does not", "udevadm"),
    ("camera", "info", lambda it: it.remove("sys/class/video4linux/video0"), "no webcam", "lsusb"),
    ("camera", "warn", lambda it: it.put("sys/bus/usb/devices/1-1/speed", "12"), "USB 1 speed", "cable"),
    ("camera", "warn", lambda it: it.camera(0, "mmal service 16.1"), "legacy camera stack", "raspi-config"),
    ("picamera2", "fail", lambda it: it.package("picamera2", None, DIST), "does not see it", "system-site-packages"),
    ("picamera2", "fail", both(lambda it: it.package("picamera2", None, DIST), lambda it: it.deb()), "not installed", "apt install python3-picamera2"),
    ("picamera2", "warn", lambda it: it.package("picamera2", "0.3.31"), "from PyPI", "uninstall"),
    ("picamera2", "fail", imports(picamera2="ValueError: numpy.dtype size changed"), "size changed", "numpy<2"),
    ("picamera2", "info", lambda it: it.remove("sys/class/video4linux/video1"), "no camera on the CSI", "ribbon"),
    ("cma", "warn", lambda it: it.put("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nCmaTotal: 16384 kB"), "16 MB", "cma-256"),
    ("loopback", "warn", lambda it: it.put("sys/module/v4l2loopback/parameters/exclusive_caps", "N,N"), "exclusive_caps", "modprobe"),
    ("loopback", "warn", lambda it: it.remove("etc/modprobe.d/edge-bg.conf"), "after a reboot", "tee"),
    ("loopback", "warn", lambda it: it.remove("etc/modules-load.d/edge-bg.conf"), "after a reboot", "tee"),
    ("loopback", "fail", lambda it: it.camera(10, "edge-bg", "sys/devices/virtual", 0o600), "may not open", "usermod"),
    ("loopback", "fail", lambda it: it.remove("sys/module/v4l2loopback"), "not built for this kernel", "linux-headers"),
    ("loopback", "info", both(lambda it: it.remove("sys/module/v4l2loopback"), lambda it: it.put("lib/modules/6.6/updates/dkms/v4l2loopback.ko.xz")), "not loaded", "modprobe"),
    ("loopback", "info", both(lambda it: it.remove("sys/module/v4l2loopback"), lambda it: it.deb()), "not installed", "apt install"),
    ("coral", "warn", both(CORAL, lambda it: it.coral("480")), "it is on USB 2", "blue"),
    ("coral", "fail", both(CORAL, lambda it: it.coral(mode=0o600)), "may not open", "plugdev"),
    ("coral", "fail", lambda it: it.apex(node=False), "driver is not loaded", "gasket-dkms"),
    ("coral", "fail", both(facts(page_size=16384), lambda it: it.apex(node=False)), "driver is not loaded", "kernel8.img"),
    ("coral", "fail", both(facts(page_size=16384), lambda it: it.apex()), "pages of 16384", "kernel8.img"),
    ("coral", "fail", lambda it: it.apex(mode=0o600), "may not open", "apex"),
    ("coral", "warn", both(lambda it: it.apex(), lambda it: it.put("sys/class/apex/apex_0/temp", "97000")), "97 °C", "Cool"),
    ("libedgetpu", "fail", lambda it: it.coral(), "is not", "Install"),
    ("libedgetpu", "fail", both(CORAL, lambda it: it.deb(libedgetpu1_std="16.0")), "2021", "docs/boards.md"),
    ("libedgetpu", "warn", both(CORAL, lambda it: it.deb(libedgetpu1_std="16.0TF2.17.1-1")), "nobody has confirmed", ""),
    ("libedgetpu", "fail", both(CORAL, facts(trial=lambda library: f"{library} crashed (SIGSEGV)" if library else "")), "crashed (SIGSEGV)", "delegates: [cpu]"),
    ("libedgetpu", "info", both(CORAL, lambda it: it.remove("sys/bus/usb/devices/2-1"), facts(trial=lambda library: "libedgetpu.so.1 declined ({}): no" if library else "")), "no Edge TPU is plugged in", ""),
    ("service", "info", lambda it: it.remove("etc/systemd/system/edge-bg.service"), "not installed", "install-service"),
    ("service", "fail", lambda it: it.remove("etc/edge-bg/config.yaml"), "is missing", "install-service"),
    ("service", "fail", lambda it: it.put("etc/edge-bg/config.yaml", "sauce: 1\nsinks: []\n"), "sauce", "edge-bg check"),
    ("service", "warn", lambda it: it.remove("etc/systemd/system/multi-user.target.wants/edge-bg.service"), "on boot", "enable"),
    ("service", "warn", lambda it: it.program("systemctl", "failed", 3), "does not run", "journalctl"),
    ("service", "fail", lambda it: it.put("etc/systemd/system/edge-bg.service.d/coral-pcie.conf"), "group apex", "groupadd"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "level", "change", "text", "mend"), ILLNESSES, ids=[f"{n}-{t}" for n, _, _, t, _ in ILLNESSES]
)
def test_each_illness_is_found_and_its_cure_named(
    pi: Machine, name: str, level: str, change: Callable[[Machine], object], text: str, mend: str
) -> None:
    before = pi.report()
    assert not any(check.level == level and text in check.text for check in before)
    change(pi)
    found = [check for check in pi.report() if check.name == name and check.level == level and text in check.text]
    assert found, pi.about(name)
    assert mend in found[0].mend


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (both(CORAL, lambda it: it.deb(libedgetpu1_std="16.0TF2.14.0-1"), OLD_RUNTIME), "16.0TF2.14.0-1"),
    ],
)
def test_a_healthy_coral(pi: Machine, change: Callable[[Machine], object], text: str) -> None:
    change(pi)
    assert pi.about("coral")[0][:2] == ("ok", "USB accelerator at 5000 Mbit/s, waiting for its firmware")
    level, said, _ = pi.about("libedgetpu")[0]
    assert level == "ok" and text in said


def test_a_healthy_module(pi: Machine) -> None:
    pi.apex()
    assert pi.about("coral") == [("ok", "PCIe module at /dev/apex_0", "")]


def test_membership_of_a_group_opens_a_device(pi: Machine) -> None:
    pi.camera(0, "HD Webcam C525", mode=0o060)
    assert pi.about("camera")[0][0] == "fail"
    pi.host.gids = frozenset({44, (pi.host.root / "dev/video0").stat().st_gid})
    assert pi.about("camera")[0][0] == "ok"
    pi.host.gids = frozenset()
    pi.host.uid = 0
    assert pi.about("camera")[0][0] == "ok"


def test_the_breakers_notes(pi: Machine) -> None:
    now = time.time()
    pi.put("var/lib/edge-bg/accelerator.json", json.dumps({"deaths": {"edgetpu": [now - 60, now - 30]}, "busy": {}}))
    assert pi.about("accelerator") == [("info", "the service has died while edgetpu was in use", "")]
    notes = json.dumps({"deaths": {"edgetpu": [now - 60, now - 30, now - 5]}, "busy": {"edgetpu": "used"}})
    path = pi.put("var/lib/edge-bg/accelerator.json", notes)
    level, text, mend = pi.about("accelerator")[0]
    assert level == "warn" and "left alone for 30 more minutes" in text and "journalctl" in mend
    assert path.read_text() == notes, "the doctor only looks"


def test_what_a_camera_offers(pi: Machine) -> None:
    pi.host.offers = lambda device: [
        Mode("MJPG", (640, 480), 30), Mode("MJPG", (1920, 1080), 30), Mode("YUYV", (640, 480), 30)
    ]  # fmt: skip
    level, text, _ = pi.about("camera")[0]
    assert level == "ok" and "MJPG 1920x1080 30 fps, YUYV 640x480 30 fps" in text
    pi.host.offers = lambda device: []
    assert pi.about("camera") == [], "a node for metadata is passed over"


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: a folder of another user is needed")
def test_notes_that_may_not_be_read(pi: Machine) -> None:
    pi.put("var/lib/private/edge-bg/accelerator.json", "{}")
    (pi.host.root / "var/lib/private").chmod(0o700)
    for folder in (pi.host.root, *list(pi.host.root.parents)[:-2]):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        assert pi.about("accelerator") == [("info", "only root may read the service's notes", "sudo edge-bg doctor")]
    finally:
        os.seteuid(0)


def test_a_pc_is_not_a_pi(tmp_path: Path) -> None:
    it = Machine(tmp_path)
    it.put("proc/meminfo", "rubbish")
    report = {check.name: check for check in it.report()}
    assert "picamera2" not in report and report["power"].level == "info"
    assert report["memory"].level == "info" and report["temperature"].level == "info"


def test_a_check_that_breaks_does_not_hide_the_others(pi: Machine) -> None:
    def broken(path: Path) -> int:
        raise RuntimeError("boom")

    pi.host.free = broken
    report = pi.report()
    assert [check.text for check in report if check.name == "disk"] == ["could not be looked at: RuntimeError: boom"]
    assert report[-1].name == "service"


def test_a_mounted_card_speaks_for_itself(pi: Machine) -> None:
    pi.put("lib/ld-linux-armhf.so.3")
    pi.put("usr/lib/python3.9/os.py")
    host = Host.at(pi.host.root)
    assert (host.machine, host.bits, host.python) == ("armv7l", 32, (3, 9, 0))
    levels = {check.name: check.level for check in doctor.run(pi.host.root)}
    assert levels["python"] == "fail" and levels["userland"] == "warn"


def test_the_command(pi: Machine) -> None:
    pi.put("sys/class/thermal/thermal_zone0/temp", "90000")
    done = CliRunner().invoke(command, ["--root", str(pi.host.root)], standalone_mode=False)
    assert done.return_value == 1
    assert "FAIL  temperature" in done.output and "Cool it" in done.output
    assert done.output.splitlines()[-1].split()[1] == "wrong,"
    done = CliRunner().invoke(command, ["--json", "--root", str(pi.host.root)], standalone_mode=False)
    told = {check["name"]: check for check in json.loads(done.output)}
    assert told["temperature"]["level"] == "fail" and told["temperature"]["mend"]


def test_this_very_machine() -> None:
    report = {check.name: check for check in doctor.run()}
    assert report["python"].level == "ok" and report["runtime"].level in ("ok", "warn")
    assert not any("could not be looked at" in check.text for check in report.values())
