"""The board itself: cores, heat, power, memory, disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edge_bg.board import sensors as facts
from edge_bg.board.cores import usable_cores
from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host

MB = 1 << 20


def board(host: Host) -> Iterator[Check]:
    """What it is."""
    yield Check("board", "info", f"{host.board or 'a PC, or a board without a device tree'} ({host.machine})")


def userland(host: Host) -> Iterator[Check]:
    """32-bit programs on a 64-bit core cost half the speed and have no LiteRT."""
    if host.bits == 64:
        yield Check("userland", "ok", "64 bits")
    elif host.machine in ("aarch64", "x86_64"):
        yield Check(
            "userland",
            "fail",
            "32-bit programs on a 64-bit kernel: LiteRT has no build for them",
            "Install the 64-bit Raspberry Pi OS; until then: pip install 'edge-bg[tflite]' (Python 3.11 at most)",
        )
    else:
        yield Check(
            "userland", "warn", f"{host.machine} has only the old runtime", "pip install 'tflite-runtime==2.14.0'"
        )


def cores(host: Host) -> Iterator[Check]:
    """Cores that may be used; a quota is easily forgotten."""
    usable = usable_cores(host.root)
    there = len(host.glob("/sys/devices/system/cpu/cpu[0-9]*"))
    if there > usable:
        text = f"{usable} of {there} cores may be used (affinity or a cgroup's quota)"
        yield Check("cores", "warn", text, "systemctl show edge-bg -p CPUQuotaPerSecUSec -p AllowedCPUs")
    else:
        yield Check("cores", "ok" if usable > 1 else "info", f"{usable} usable")


def governor(host: Host) -> Iterator[Check]:
    """`powersave` holds the clock at its lowest."""
    found = {facts.text(path) for path in host.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")}
    if not found:
        yield Check("governor", "info", "the clock is not governed by the kernel")
    elif "powersave" in found and not host.path("/sys/devices/system/cpu/intel_pstate").exists():
        yield Check(
            "governor",
            "fail",
            "powersave: the clock stays at its lowest",
            "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        )
    else:
        yield Check("governor", "ok", ", ".join(sorted(found)))


def temperature(host: Host) -> Iterator[Check]:
    """A Pi slows down from 80 °C (85 °C at the latest)."""
    degrees = facts.temperature(host.root)
    if degrees is None:
        yield Check("temperature", "info", "no thermal zone")
    elif degrees >= 80:
        yield Check("temperature", "fail", f"{degrees:.0f} °C: the board slows itself down", "Cool it: heat sink, fan.")
    elif degrees >= 70:
        yield Check("temperature", "warn", f"{degrees:.0f} °C, near the limit of 80 °C", "Cool it: heat sink, fan.")
    else:
        yield Check("temperature", "ok", f"{degrees:.0f} °C")


def power(host: Host) -> Iterator[Check]:
    """Undervoltage is the commonest cause of cameras and Corals that vanish."""
    mend = "Use the board's own power supply and a short cable; feed USB devices from a powered hub."
    said = re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", host.command("vcgencmd", "get_throttled") or "")
    bits = int(said[1], 16) if said else facts.throttled(host.root)
    if bits is not None:
        now, before = facts.strained(bits), facts.strained(bits >> 16)
        if now:
            yield Check("power", "fail", f"now: {', '.join(now)} ({bits:#x})", mend)
        elif before:
            yield Check("power", "warn", f"since it was switched on: {', '.join(before)} ({bits:#x})", mend)
        else:
            yield Check("power", "ok", "no undervoltage, no throttling since it was switched on")
        return
    alarms = [path for path in host.glob("/sys/class/hwmon/hwmon*/in0_lcrit_alarm") if facts.text(path) == "1"]
    if alarms:
        yield Check("power", "fail", "too little voltage, says the kernel", mend)
    elif host.is_pi:
        yield Check(
            "power", "info", "neither vcgencmd nor /sys tells", "sudo apt install raspi-utils; sudo edge-bg doctor"
        )
    else:
        yield Check("power", "info", "this machine does not tell")


def memory(host: Host) -> Iterator[Check]:
    """The program needs about 150 MB beside what else runs."""
    sizes = {}
    for line in host.text("/proc/meminfo").splitlines():
        key, _, value = line.partition(":")
        if value.split():
            sizes[key] = int(value.split()[0]) // 1024
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if total is None or available is None:
        yield Check("memory", "info", "/proc/meminfo does not tell")
    elif available < 150:
        yield Check(
            "memory", "fail", f"{available} of {total} MB are available; about 150 are needed",
            "Stop what else runs (a desktop: sudo systemctl set-default multi-user.target), or add zram.",
        )  # fmt: skip
    else:
        yield Check("memory", "ok", f"{available} of {total} MB are available")


def disk(host: Host) -> Iterator[Check]:
    """Films and logs need room; a full card stops more than us."""
    place = host.path("/var/lib")
    there = place if place.exists() else host.root
    free = host.free(Path(there)) // MB
    if free < 50:
        yield Check("disk", "fail", f"{free} MB are free", "sudo apt clean; sudo journalctl --vacuum-size=50M")
    elif free < 500:
        yield Check("disk", "warn", f"{free} MB are free", "sudo apt clean; sudo journalctl --vacuum-size=50M")
    else:
        yield Check("disk", "ok", f"{free / 1024:.1f} GB are free")
