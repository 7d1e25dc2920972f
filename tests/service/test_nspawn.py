"""The installed unit under a real systemd, in a container over this machine's own files: 40 seconds, needs root.

Proven here: the sandbox lets the program run, READY, STATUS, reload, restart after SIGKILL, the watchdog's kill of a
process that hangs, no restart after a wrong config, a quick stop. Not proven: cameras (see scripts/prove-vm).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
NSPAWN = ["systemd-nspawn", "--register=no", "--keep-unit", "-q", "--private-network"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: the container needs root"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None, reason="SYSTEMD-NSPAWN ABSENT: apt install systemd-container"
    ),
]


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO MOUNTS HERE: {done.stderr.strip()}")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """This machine's files with a throw-away layer above them."""
    base = tmp_path / "nspawn"
    base.mkdir()
    mount("-t", "tmpfs", "none", str(base))
    try:
        for name in ("upper", "work", "merged"):
            (base / name).mkdir()
        layers = f"lowerdir=/,upperdir={base}/upper,workdir={base}/work"
        mount("-t", "overlay", "none", "-o", layers, str(base / "merged"))
        yield base / "merged"
        subprocess.run(["umount", str(base / "merged")], check=True)
    finally:
        subprocess.run(["umount", "-l", str(base)], check=True)


def test_the_installed_unit_under_systemd(root: Path, machine: Path) -> None:
    version = subprocess.run([SYSTEM_PYTHON, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True)
    if version.stdout.decode().strip() != str(sys.version_info[:2]):
        pytest.skip(f"{SYSTEM_PYTHON} IS OF ANOTHER VERSION than the tests' Python, whose packages it has to use")
    program = machine / "opt/edge-bg/bin/python"
    program.parent.mkdir(parents=True)
    # The packages of the tests' Python, at a place that neither the container's /tmp nor ProtectHome hides, by an
    # environment as a board has one: no shell stands between systemd and the program.
    packages = ["--bind-ro", f"{sysconfig.get_path('purelib')}:/opt/edge-bg/packages"]
    program.symlink_to(SYSTEM_PYTHON)
    (machine / "opt/edge-bg/pyvenv.cfg").write_text(f"home = {Path(SYSTEM_PYTHON).parent}\n")
    site = machine / f"opt/edge-bg/lib/python{sysconfig.get_python_version()}/site-packages"
    site.mkdir(parents=True)
    (site / "edge-bg.pth").write_text("/opt/edge-bg/src\n/opt/edge-bg/packages\n")
    for folder in ("edge_bg", "models", "configs"):
        shutil.copytree(root / folder, machine / "opt/edge-bg/src" / folder)
    config = machine / "etc/edge-bg/config.yaml"
    config.parent.mkdir(parents=True)
    delegates = "[cpu]"
    if shutil.which("gcc") is not None:  # a real delegate, so that the probe and its callbacks meet the sandbox too
        source = root / "tests/network/tiny_delegate.c"
        for name in ("absent", "tiny"):
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-o", str(machine / f"opt/lib{name}.so"), str(source)], check=True
            )
        delegates = "[{library: /opt/libabsent.so, options: {decline: not here}}, {library: /opt/libtiny.so}, cpu]"
    config.write_text(
        "source: {kind: synthetic, size: 320x180}\nsinks: [{kind: http, port: 8099}]\n"
        f"model: {{threads: 1, edges: auto, delegates: {delegates}}}\n"
    )
    subprocess.run(
        [str(root / "scripts/install-service"), "--destdir", str(machine), "--program", str(program)], check=True
    )
    unit = machine / "etc/systemd/system/edge-bg.service"
    unit.write_text(unit.read_text().replace(str(program), "/opt/edge-bg/bin/python"))
    (unit.parent / "edge-bg.service.d").mkdir()
    (unit.parent / "edge-bg.service.d/test.conf").write_text("[Service]\nWatchdogSec=3\n")
    shutil.copy(Path(__file__).with_name("inside_nspawn.py"), machine / "opt/inside.py")
    (unit.parent / "proof.service").write_text(
        "[Unit]\nWants=edge-bg.service\n[Service]\nType=oneshot\n"
        f"ExecStart={SYSTEM_PYTHON} /opt/inside.py\nTimeoutStartSec=540\n"
    )
    subprocess.run(
        [
            *NSPAWN,
            *packages,
            "-D",
            str(machine),
            "-b",
            "systemd.unit=proof.service",
            "systemd.wants=dbus.socket",
            "systemd.show_status=no",
        ],
        env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        stdin=subprocess.DEVNULL,
        timeout=580,
        check=False,
    )
    if not (machine / "booted").exists():
        pytest.skip("THE CONTAINER DID NOT BOOT: systemd-nspawn or systemd is not allowed to work here")
    result = machine / "result.json"
    assert result.is_file(), "the container ended before the proof did"
    found = json.loads(result.read_text())
    journal = found.pop("journal")
    print(json.dumps(found, indent=1))
    assert "error" not in found, found["error"] + journal
    assert found["picture"] and found["picture_again"]
    assert found["uid"] > 60000 and found["capabilities"] == 0
    assert (found["no_new_privileges"], found["seccomp"]) == ("1", "2")
    assert found["group_opens_devices"]
    assert found["state_directory"] and found["same_process_after_reloads"]
    assert "fps" in found["status"]
    if shutil.which("gcc") is not None:
        assert "external:libtiny.so" in found["status"] and "declined" in found["status"] and "not here" in journal
    assert found["after_kill_s"] < 30 and 3 <= found["after_hang_s"] < 40
    assert found["restarts"] >= 3
    assert found["notes"] == ["signal KILL", "signal SEGV", "success 0"] and found["note_is_read"], journal
    assert found["wrong_config"] == ["failed", "2"]
    assert found["edges"] or os.cpu_count() == 1, "what the installer measured reaches the service"
    assert found["stop_s"] < 2 and found["result"] == "success"
    assert "rubbish" in found["errors"], "journald filters by priority"
