"""The proofs that take minutes, as tests: an emulated arm64 Debian, a whole virtual machine, real picamera2.

They need root, some Debian packages and the package registries, keep trees of about 1 GB each in the cache folder,
and run with `--slow` only; CI runs what fits through `scripts/prove`. Here too: what `scripts/prove` makes of the ways
in which a proof can end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROOFS = {
    "picamera2": ["scripts/prove-picamera2"],
    "vm": ["scripts/prove-vm"],
    "vm cameras": ["scripts/prove-vm", "--cameras"],
    "arm64 bookworm": ["scripts/prove-arm64", "bookworm"],
    "arm64 trixie": ["scripts/prove-arm64", "trixie"],
}


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("proof", PROOFS)
def test_proof(root: Path, proof: str) -> None:
    command = PROOFS[proof]
    done = subprocess.run([root / command[0], *command[1:]], capture_output=True, text=True, check=False)
    print(done.stdout)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A checkout whose proof of the unit is what the test writes into it."""
    (tmp_path / "scripts").mkdir()
    for name in ("prove", "_proof.sh"):
        shutil.copy(root / "scripts" / name, tmp_path / "scripts")
    return tmp_path


def prove(checkout: Path, text: str, *arguments: str) -> tuple[int, str]:
    stand_in = checkout / "scripts/prove-nspawn"
    stand_in.write_text(f'#!/usr/bin/env bash\nset -euo pipefail\nsource "$(dirname "$0")/_proof.sh"\n{text}\n')
    stand_in.chmod(0o755)
    command = [sys.executable, str(checkout / "scripts/prove"), *arguments, "nspawn"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_a_proof_that_succeeds_shows_what_it_printed(checkout: Path) -> None:
    status, out = prove(checkout, 'echo "frames flow"; pwd')
    assert status == 0 and "nspawn     PROVEN in" in out
    assert "    frames flow\n" in out and f"    {checkout}\n" in out


def test_a_proof_that_fails_fails_the_lot(checkout: Path) -> None:
    status, out = prove(checkout, "echo 'no frames'; false; echo 'not reached'")
    assert status == 1 and "nspawn     FAILED with status 1" in out
    assert "no frames" in out and "not reached" not in out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("need no-such-program the-package", "no-such-program is missing: sudo apt-get install the-package"),
        ("sleep() { :; }; obtain 'a tree' sh -c 'echo no route to host; exit 3'", "a tree: could not be had"),
        ("unavailable 'the kernel forbids it'", "the kernel forbids it"),
    ],
)
def test_what_cannot_be_tried_here_is_named_and_no_failure(checkout: Path, text: str, reason: str) -> None:
    status, out = prove(checkout, text + "; echo 'went on'")
    assert status == 0 and f"nspawn     SKIPPED {reason}" in out and "went on" not in out
    assert "no route to host" in out or "obtain" not in text, "what the command said is shown"


def test_time_that_is_over_is_named_and_ends_what_the_proof_started(checkout: Path) -> None:
    # 60 s are least for this proof, so a limit just above lets it begin.
    source = checkout / "scripts/prove"
    source.write_text(source.read_text().replace('"systemd-container"}, 60,', '"systemd-container"}, 1,'))
    began = time.monotonic()
    status, out = prove(checkout, f"sleep 3333 & echo $! >{checkout}/pid; wait", "--seconds", "3")
    assert status == 0 and "nspawn     NOT RUN to its end" in out
    assert time.monotonic() - began < 40
    state = Path(f"/proc/{(checkout / 'pid').read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_too_little_time_to_begin(checkout: Path) -> None:
    status, out = prove(checkout, f"touch {checkout}/ran", "--seconds", "5")
    assert status == 0 and "NOT RUN: nspawn" in out and not (checkout / "ran").exists()
    status, out = prove(checkout, f"touch {checkout}/ran", "--install", "--seconds", "-7")
    assert status == 0 and "NOT RUN: nspawn" in out and not (checkout / "ran").exists()


def test_a_name_that_is_none(root: Path) -> None:
    done = subprocess.run([root / "scripts/prove", "nspwan"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "nspawn" in done.stderr
    for script in ("prove-arm64", "prove-vm", "prove-picamera2"):
        done = subprocess.run([root / "scripts" / script, "--wibble"], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "unknown argument --wibble" in done.stderr
