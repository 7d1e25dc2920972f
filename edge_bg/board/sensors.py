"""What the board tells about itself in /sys and /proc. Every function takes the root to look under, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_THROTTLED: Final = {0: "too little voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}


def text(path: Path) -> str:
    """The contents of a small file without surrounding space and NULs, "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip().strip("\0")
    except OSError:
        return ""


def _glob(root: str | Path, pattern: str) -> list[Path]:
    """What there is, sorted; nothing where no folder can be read, as when all descriptors are in use."""
    try:
        return sorted(Path(root).glob(pattern))
    except OSError:
        return []


def temperature(root: str | Path = "/") -> float | None:
    """Degrees Celsius of the hottest thermal zone that names the CPU or SoC, else of the first; None: unknown."""
    named, first = [], None
    for zone in _glob(root, "sys/class/thermal/thermal_zone*"):
        try:
            degrees = int(text(zone / "temp")) / 1000
        except ValueError:
            continue
        first = degrees if first is None else first
        kind = text(zone / "type").lower()
        if any(word in kind for word in ("cpu", "soc", "pkg")):
            named.append(degrees)
    return max(named) if named else first


def throttled(root: str | Path = "/") -> int | None:
    """The Raspberry Pi's record of low voltage and heat, as `vcgencmd get_throttled` has it; None elsewhere.

    Bits 0..3: now too little voltage, clock capped, throttled, soft temperature limit; bits 16..19: since the start.
    """
    for path in _glob(root, "sys/devices/platform/soc*/*firmware/get_throttled"):
        try:
            return int(text(path), 16)
        except ValueError:
            continue
    return None


def strained(bits: int) -> list[str]:
    """What the bits of `throttled` say of this moment; shifted by 16 they say it of the time since the start."""
    return [words for bit, words in _THROTTLED.items() if bits >> bit & 1]


def model(root: str | Path = "/") -> str:
    """The board's name from the device tree, such as "Raspberry Pi 4 Model B Rev 1.4"; "" on a PC."""
    return text(Path(root) / "proc/device-tree/model") or text(Path(root) / "sys/firmware/devicetree/base/model")
