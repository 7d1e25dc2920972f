"""The unit files as systemd itself judges them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="SYSTEMD-ANALYZE ABSENT: apt install systemd"
)
DROP_INS = ["", "coral-usb", "coral-pcie"]


def placed(root: Path, folder: Path, drop_in: str) -> Path:
    """The unit, runnable here, with a drop-in beside it."""
    text = (root / "systemd/edge-bg.service").read_text()
    unit = folder / "edge-bg.service"
    unit.write_text(text.replace("/opt/edge-bg/venv/bin/python", sys.executable))
    if drop_in:
        (folder / "edge-bg.service.d").mkdir()
        shutil.copy(root / f"systemd/drop-ins/{drop_in}.conf", folder / "edge-bg.service.d")
    return unit


@analyze
@pytest.mark.parametrize("drop_in", DROP_INS)
def test_verify_is_clean(root: Path, tmp_path: Path, drop_in: str) -> None:
    unit = placed(root, tmp_path, drop_in)
    done = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", "--recursive-errors=no", str(unit)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@analyze
@pytest.mark.parametrize("drop_in", DROP_INS)
def test_exposure_is_at_most_2(root: Path, tmp_path: Path, drop_in: str) -> None:
    unit = placed(root, tmp_path, drop_in)
    if drop_in:  # --offline reads no drop-ins: their lines belong to [Service]
        lines = (root / f"systemd/drop-ins/{drop_in}.conf").read_text().partition("[Service]")[2]
        unit.write_text(unit.read_text().replace("\n[Install]", lines + "\n[Install]"))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-300:]
    found = re.search(r"exposure level for edge-bg\.service: (\d+\.\d)", done.stdout)
    assert found is not None and float(found[1]) <= 2.0


def test_rules_know_both_faces_of_the_coral(root: Path) -> None:
    rules = (root / "systemd/60-edge-bg.rules").read_text()
    for vendor, product in (("1a6e", "089a"), ("18d1", "9302")):
        assert f'ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}", GROUP="plugdev"' in rules


# --- the installer ----------------------------------------------------------------------------------------


def install(root: Path, *arguments: str) -> str:
    done = subprocess.run([str(root / "scripts/install-service"), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(folder: Path) -> dict[str, tuple[bytes, float]]:
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.skipif(shutil.which("cmp") is None, reason="CMP ABSENT: apt install diffutils (every real Debian has it)")
def test_install_twice_and_uninstall(root: Path, tmp_path: Path) -> None:
    into = ["--destdir", str(tmp_path), "--program", sys.executable]
    install(root, *into, "--coral-usb")
    first = tree(tmp_path)
    assert {
        "etc/edge-bg/config.yaml",
        "etc/systemd/system/edge-bg.service",
        "etc/udev/rules.d/60-edge-bg.rules",
    } <= set(first)
    assert "etc/systemd/system/edge-bg.service.d/coral-usb.conf" in first
    assert first["opt/edge-bg/share/take-photo"][0] == (root / "scripts/take-photo").read_bytes()
    assert os.access(tmp_path / "opt/edge-bg/share/take-photo", os.X_OK)
    assert "opt/edge-bg/share/pibooth_edge_bg.py" in first
    assert "apex" not in first["etc/udev/rules.d/60-edge-bg.rules"][0].decode(), "udev complains of unknown groups"
    unit = first["etc/systemd/system/edge-bg.service"][0].decode()
    assert f"ExecStart={sys.executable} -m edge_bg.service /etc/edge-bg/config.yaml" in unit
    assert "nothing to do" in install(root, *into, "--coral-usb")
    assert tree(tmp_path) == first
    install(root, *into, "--coral-pcie")
    assert "etc/udev/rules.d/60-edge-bg-coral-pcie.rules" in tree(tmp_path)
    (tmp_path / "etc/edge-bg/config.yaml").write_text("mine: true\n")
    install(root, *into, "--config", str(root / "configs/coral.yaml"))
    assert (tmp_path / "etc/edge-bg/config.yaml").read_text() == "mine: true\n"
    install(root, "--destdir", str(tmp_path), "--uninstall")
    assert set(tree(tmp_path)) == {"etc/edge-bg/config.yaml"}
    install(root, "--destdir", str(tmp_path), "--uninstall")
    install(root, "--destdir", str(tmp_path), "--purge")
    assert not tree(tmp_path)


def test_dry_run_does_nothing_and_says_all(root: Path, tmp_path: Path) -> None:
    said = install(root, "--dry-run", "--destdir", str(tmp_path), "--coral-pcie")
    assert not list(tmp_path.iterdir())
    assert all(word in said for word in ("venv", "pip install", "config.yaml", "edge-bg.service", "coral-pcie.conf"))
    said = install(root, "--dry-run")
    assert "systemctl enable edge-bg.service" in said and "daemon-reload" in said
    assert "tune --config /etc/edge-bg/config.yaml" in said, "the board is measured, so that `model: auto` is a choice"
    assert "tune --config" not in install(root, "--dry-run", "--no-tune")
    assert "tune --config /var/lib/private/edge-bg/config.yaml" in install(root, "--dry-run", "--kiosk")


@pytest.mark.parametrize("wrong", [["--frobnicate"], ["--config", "/nowhere.yaml"], ["--program", "/nowhere"]])
def test_wrong_use(root: Path, wrong: list[str]) -> None:
    done = subprocess.run([str(root / "scripts/install-service"), "--dry-run", *wrong], capture_output=True, text=True)
    assert done.returncode == 2 and "install-service:" in done.stderr


# --- the kiosk ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("cmp") is None, reason="CMP ABSENT: apt install diffutils (every real Debian has it)")
def test_a_kiosk_has_its_config_where_the_page_can_save_it(root: Path, tmp_path: Path) -> None:
    into = ["--destdir", str(tmp_path), "--program", sys.executable, "--kiosk"]
    install(root, *into)
    first = tree(tmp_path)
    assert "control: true" in first["var/lib/private/edge-bg/config.yaml"][0].decode()
    assert "etc/edge-bg/config.yaml" not in first and "etc/systemd/user/edge-bg-kiosk.service" in first
    drop_in = first["etc/systemd/system/edge-bg.service.d/kiosk.conf"][0].decode()
    assert f"ExecStart=\nExecStart={sys.executable} -m edge_bg.service /var/lib/edge-bg/config.yaml" in drop_in
    assert "nothing to do" in install(root, *into)
    (tmp_path / "var/lib/private/edge-bg/config.yaml").write_text("booth: {control: true}\n")
    install(root, *into)
    assert (tmp_path / "var/lib/private/edge-bg/config.yaml").read_text() == "booth: {control: true}\n"
    install(root, "--destdir", str(tmp_path), "--uninstall")
    assert set(tree(tmp_path)) == {"var/lib/private/edge-bg/config.yaml"}
    assert "--global enable edge-bg-kiosk.service" in install(root, "--dry-run", "--kiosk")


@analyze
def test_the_kiosks_unit_is_one_that_systemd_takes(root: Path, tmp_path: Path) -> None:
    unit = tmp_path / "edge-bg-kiosk.service"
    shutil.copy(root / "systemd/edge-bg-kiosk.service", unit)
    told = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["systemd-analyze", "--user", "--man=no", "verify", "--recursive-errors=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, env=told)
    assert done.returncode == 0 and not done.stderr, done.stderr
