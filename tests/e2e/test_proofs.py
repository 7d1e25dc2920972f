"""The proofs that take minutes, as tests: an emulated arm64 Debian, a whole virtual machine, real picamera2.

They need root, some Debian packages and the package registries, keep trees of about 1 GB each in the cache folder,
and run with `--slow` only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: the proofs need chroot and mounts"),
]


PROOFS = {
    "picamera2": (["scripts/prove-picamera2"], ["mmdebstrap"]),
    "vm": (["scripts/prove-vm"], ["mmdebstrap", "qemu-system-x86_64", "busybox", "cpio", "mke2fs"]),
    "arm64 bookworm": (["scripts/prove-arm64", "bookworm"], ["mmdebstrap"]),
    "arm64 trixie": (["scripts/prove-arm64", "trixie"], ["mmdebstrap"]),
    "instructions: setup": (["benchmarks/arm64/setup"], ["mmdebstrap", "gcc"]),
    "instructions: frame": (["benchmarks/arm64/count", "frame.py"], ["mmdebstrap", "gcc"]),
}


@pytest.mark.parametrize("proof", PROOFS)
def test_proof(root: Path, proof: str) -> None:
    command, programs = PROOFS[proof]
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    if missing:
        pytest.skip(f"NOT PROVEN HERE, missing: {', '.join(missing)}")
    done = subprocess.run([root / command[0], *command[1:]], capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
