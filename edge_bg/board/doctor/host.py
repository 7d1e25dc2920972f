"""The machine that is looked at: this one, or a folder that looks like one."""

from __future__ import annotations

import os
import platform
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from edge_bg.board.sensors import model, text
from edge_bg.errors import EdgeBgError, SourceError
from edge_bg.network.card import find
from edge_bg.network.probe import probe
from edge_bg.sources.v4l2_nodes import Mode, modes, opened

_LOADERS = (
    ("ld-linux-aarch64.so.1", "aarch64", 64),
    ("ld-linux-x86-64.so.2", "x86_64", 64),
    ("ld-linux-armhf.so.3", "armv7l", 32),
)


def _groups() -> frozenset[int]:
    return frozenset({os.getegid(), *os.getgroups()})


def _free(path: Path) -> int:
    there = os.statvfs(path)
    return there.f_bavail * there.f_frsize


def _imports(module: str) -> str:
    """Import `module` in a process of its own; "" or the last line of what went wrong."""
    done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit status {done.returncode}"


def _trial(library: str | None) -> str:
    try:
        card = find("landscape")
        probe(library, {}, card.read_model(), card.model.name)
    except EdgeBgError as error:
        return error.message
    return ""


def _modes(device: str) -> list[Mode]:
    try:
        with opened(device) as handle:
            return list(modes(handle))
    except SourceError:
        return []


@dataclass
class Host:
    """What checks ask. Files are looked up under `root`; the rest are facts of this process unless given.

    `imports`, `trial`, `offers` and `free` are functions so that a faked machine can answer for itself.
    """

    root: Path = Path("/")
    machine: str = field(default_factory=platform.machine)
    bits: int = struct.calcsize("P") * 8
    python: tuple[int, int, int] = field(default_factory=lambda: sys.version_info[:3])
    page_size: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))
    uid: int = field(default_factory=os.geteuid)
    gids: frozenset[int] = field(default_factory=_groups)
    imports: Callable[[str], str] | None = None
    trial: Callable[[str | None], str] | None = None
    offers: Callable[[str], list[Mode]] | None = None
    free: Callable[[Path], int] = _free

    @classmethod
    def at(cls, root: Path) -> Host:
        """The machine under `root`: for a mounted card, what its files say instead of what this process is."""
        if root == Path("/"):
            return cls()
        host = cls(root)
        for loader, machine, bits in _LOADERS:
            if host.glob(f"/lib/{loader}") or host.glob(f"/usr/lib/{loader}") or host.glob(f"/lib64/{loader}"):
                host.machine, host.bits = machine, bits
                break
        pythons = [re.findall(r"\d+", path.name) for path in host.glob("/usr/lib/python3.[0-9]*")]
        if pythons:
            major, minor = max((int(found[0]), int(found[1])) for found in pythons)
            host.python = (major, minor, 0)
        return host

    @property
    def real(self) -> bool:
        """Whether this is the running machine itself."""
        return self.root == Path("/")

    def path(self, place: str) -> Path:
        """`place`, absolute, under the root."""
        return self.root / place.lstrip("/")

    def text(self, place: str) -> str:
        """A small file, stripped; "" where it cannot be read."""
        return text(self.path(place))

    def glob(self, pattern: str) -> list[Path]:
        """Paths under the root that match, in order."""
        return sorted(self.root.glob(pattern.lstrip("/")))

    @property
    def board(self) -> str:
        """The board's name, "" on a PC."""
        return model(self.root)

    @property
    def is_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "Raspberry Pi" in self.board

    @property
    def release(self) -> str:
        """Debian's code name, such as "bookworm"; "" elsewhere."""
        found = re.search(r"^VERSION_CODENAME=\"?(\w+)", self.text("/etc/os-release"), re.M)
        return found[1] if found else ""

    def on_path(self, name: str) -> list[Path]:
        """Shared libraries of that file name, where the loader looks."""
        places = ("usr/lib", "usr/lib/*-linux-gnu*", "usr/local/lib", "usr/local/lib/*-linux-gnu*")
        return [path for place in places for path in self.glob(f"{place}/{name}")]

    def packages(self) -> dict[str, tuple[str, str]]:
        """Python packages that can be imported: name -> (version, folder); the first on the path counts."""
        if self.real:
            folders = [each for each in sys.path if each]
        else:
            patterns = ("opt/edge-bg/venv/lib/python3*/site-packages", "usr/lib/python3/dist-packages")
            folders = [str(path) for pattern in patterns for path in self.glob(pattern)]
        found: dict[str, tuple[str, str]] = {}
        for folder in folders:
            for each in distributions(path=[folder]):
                name = re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower()
                found.setdefault(name, (each.version, folder))
        return found

    def debs(self) -> dict[str, str]:
        """Installed Debian packages: name -> version."""
        found = {}
        for block in self.text("/var/lib/dpkg/status").split("\n\n"):
            fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", block, re.M))
            if fields.get("Status", "").endswith("ok installed"):
                found[fields.get("Package", "")] = fields.get("Version", "")
        return found

    def command(self, *words: str) -> str | None:
        """Standard output of a program that looks and changes nothing; None where it is not there or fails."""
        path: str | None = None
        if self.real:
            path = shutil.which(words[0])
        elif self.path(f"/usr/bin/{words[0]}").is_file():
            path = str(self.path(f"/usr/bin/{words[0]}"))
        if path is None:
            return None
        try:
            done = subprocess.run([path, *words[1:]], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def group(self, name: str) -> int | None:
        """The number of a group; None where it does not exist."""
        found = re.search(rf"^{re.escape(name)}:[^:]*:(\d+):", self.text("/etc/group"), re.M)
        return int(found[1]) if found else None

    def may_use(self, device: Path) -> bool:
        """Whether this user may read and write `device`, by its mode, owner and group."""
        try:
            there = device.stat()
        except OSError:
            return False
        if self.uid == 0:
            return True
        mode = there.st_mode
        if there.st_uid == self.uid:
            return mode & 0o600 == 0o600
        if there.st_gid in self.gids:
            return mode & 0o060 == 0o060
        return mode & 0o006 == 0o006

    def import_error(self, module: str) -> str:
        """Why `module` cannot be imported, "" when it can, or when this is not the running machine."""
        if self.imports is not None:
            return self.imports(module)
        return _imports(module) if self.real else ""

    def trial_error(self, library: str | None = None) -> str:
        """Why the shipped model does not run (on the delegate `library`); "" when it does, or elsewhere."""
        if self.trial is not None:
            return self.trial(library)
        return _trial(library) if self.real else ""

    def modes(self, device: str) -> list[Mode] | None:
        """What the camera at `device` offers, as it says itself; None where it cannot be asked."""
        if self.offers is not None:
            return self.offers(device)
        return _modes(device) if self.real else None
