"""Coral Edge TPUs: plugged in where, usable by whom, and does the library fit the runtime."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host
from edge_bg.board.sensors import text

_FACES = {("1a6e", "089a"): "waiting for its firmware", ("18d1", "9302"): "in use before"}
_PCI = ("0x1ac1", "0x089a")


def _sticks(host: Host) -> list[Path]:
    folders = host.glob("/sys/bus/usb/devices/*")
    return [f for f in folders if (text(f / "idVendor"), text(f / "idProduct")) in _FACES]


def _modules(host: Host) -> list[Path]:
    folders = host.glob("/sys/bus/pci/devices/*")
    return [f for f in folders if (text(f / "vendor"), text(f / "device")) == _PCI]


def coral_usb(host: Host) -> Iterator[Check]:
    """On USB 3, and open to this user."""
    for folder in _sticks(host):
        speed = text(folder / "speed")
        bus, number = text(folder / "busnum"), text(folder / "devnum")
        node = host.path(f"/dev/bus/usb/{int(bus or 0):03d}/{int(number or 0):03d}")
        state = _FACES[text(folder / "idVendor"), text(folder / "idProduct")]
        if speed.isdigit() and int(speed) < 5000:
            yield Check(
                "coral", "warn", f"USB accelerator at {speed} Mbit/s: it is on USB 2",
                "Move it to a USB 3 port (blue), with the cable it came with.",
            )  # fmt: skip
        else:
            yield Check("coral", "ok", f"USB accelerator at {speed or '?'} Mbit/s, {state}")
        if not host.may_use(node):
            yield Check(
                "coral", "fail", f"this user may not open it ({node})",
                "sudo scripts/install-service --coral-usb; for yourself: sudo usermod -aG plugdev $USER",
            )  # fmt: skip


def coral_pcie(host: Host) -> Iterator[Check]:
    """Its driver is there, and the kernel's pages are of a size it knows."""
    if not _modules(host):
        return
    nodes = host.glob("/dev/apex_*")
    if not nodes:
        mend = "Build gasket-dkms for this kernel (docs/boards.md, Coral M.2); then: sudo modprobe apex"
        if host.page_size != 4096:
            mend = "In /boot/firmware/config.txt: kernel=kernel8.img (its driver wants 4 KB pages); then gasket-dkms"
        yield Check("coral", "fail", "PCIe module found, but no /dev/apex_0: its driver is not loaded", mend)
        return
    if host.page_size != 4096:
        mend = "In /boot/firmware/config.txt: kernel=kernel8.img; reboot"
        yield Check("coral", "fail", f"the kernel has pages of {host.page_size} bytes, the driver wants 4096", mend)
    for node in nodes:
        if host.may_use(node):
            yield Check("coral", "ok", f"PCIe module at /dev/{node.name}")
        else:
            mend = "sudo scripts/install-service --coral-pcie; for yourself: sudo usermod -aG apex $USER"
            yield Check("coral", "fail", f"/dev/{node.name}: this user may not open it", mend)
    for zone in host.glob("/sys/class/apex/apex_*/temp"):
        if re.fullmatch(r"\d+", text(zone)) and int(text(zone)) >= 95_000:
            yield Check("coral", "warn", f"{int(text(zone)) // 1000} °C: it slows itself down", "Cool it.")


def libedgetpu(host: Host) -> Iterator[Check]:
    """The library there is has to be built for a TensorFlow Lite like the runtime's."""
    there = bool(_sticks(host) or _modules(host))
    libraries = host.on_path("libedgetpu.so.1")
    if not libraries:
        if there:
            mend = "Install libedgetpu1-std built for your runtime: docs/boards.md, Coral"
            yield Check("libedgetpu", "fail", "an Edge TPU is there, but libedgetpu.so.1 is not", mend)
        else:
            yield Check("libedgetpu", "info", "no Edge TPU and no libedgetpu (nothing here needs one)")
        return
    version = next((v for name, v in host.debs().items() if name.startswith("libedgetpu1")), "")
    packages = host.packages()
    litert, old = packages.get("ai-edge-litert", ("",))[0], packages.get("tflite-runtime", ("",))[0]
    built = re.search(r"TF(\d+)\.(\d+)", version)
    what = f"{version or libraries[0].name} with {'LiteRT ' + litert if litert else 'tflite-runtime ' + old}"
    error = host.trial_error(str(libraries[0]))
    if not there and "declined" in (error or "declined"):
        yield Check("libedgetpu", "info", f"{version or libraries[0].name} is installed; no Edge TPU is plugged in")
    elif error:
        mend = "Install a libedgetpu built for your runtime (docs/boards.md, Coral), or `delegates: [cpu]`"
        yield Check("libedgetpu", "fail", error, mend)
    elif host.real:
        yield Check("libedgetpu", "ok", f"{what}: tried just now, works")
    elif version and not built:  # Google's own, of 2021, for TensorFlow Lite 2.5
        yield Check(
            "libedgetpu", "fail" if litert or old >= "2.12" else "warn",
            f"{version} is Google's build of 2021; with TensorFlow Lite 2.12 or later it crashes",
            "Install a rebuilt libedgetpu1-std (version ...TF2.x): docs/boards.md, Coral",
        )  # fmt: skip
    elif litert:
        yield Check("libedgetpu", "warn", f"{what}: nobody has confirmed that pair; a try on the board decides")
    else:
        yield Check("libedgetpu", "ok", what)
