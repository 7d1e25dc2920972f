"""Runs inside the container of test_nspawn.py: looks at the installed unit through systemd, and breaks it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path

UNIT = "edge-bg.service"
CONFIG = Path("/etc/edge-bg/config.yaml")
NOTE = Path("/var/lib/edge-bg/ended")  # how the last run ended, for the breaker; read and removed by the next
found: dict[str, object] = {}
Path("/booted").touch()


def ctl(*words: str) -> str:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False).stdout.strip()


def show(name: str) -> str:
    return ctl("show", UNIT, "--value", "-p", name)


def pid() -> int:
    return int(show("MainPID") or 0)


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> float:
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"no {what} within {seconds} s: {ctl('status', UNIT)}")
        time.sleep(0.05)
    return round(time.monotonic() - start, 2)


def active_again(old: int) -> Callable[[], bool]:
    return lambda: show("ActiveState") == "active" and pid() not in (0, old)


def snapshot() -> bool:
    with urllib.request.urlopen("http://127.0.0.1:8099/snapshot.jpg", timeout=5) as answer:
        return bool(answer.read()[:2] == b"\xff\xd8")


def group_opens_devices() -> bool:
    """A file of the group video stands for /dev/video0: PrivateUsers must not take the group's rights away."""
    device = Path("/opt/stands-for-a-device")
    device.write_text("frames")
    shutil.chown(device, "root", "video")
    device.chmod(0o660)
    who = ["-p", "DynamicUser=yes", "-p", "PrivateUsers=yes", "-p", "CapabilityBoundingSet="]
    run = ["systemd-run", "--wait", "--pipe", "-q", *who]
    refused = subprocess.run([*run, "cat", str(device)], capture_output=True, text=True, check=False)
    opened = subprocess.run(
        [*run, "-p", "SupplementaryGroups=video", "cat", str(device)], capture_output=True, text=True, check=False
    )
    return refused.returncode != 0 and opened.stdout == "frames"


def proof() -> None:
    found["start_s"] = until(lambda: show("ActiveState") == "active", "READY")
    found["picture"] = snapshot()
    until(lambda: "fps" in show("StatusText"), "status")
    found["status"] = show("StatusText")
    status = Path(f"/proc/{pid()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    found["uid"] = int(fields["Uid"].split()[0])
    found["capabilities"] = int(fields["CapEff"], 16) | int(fields["CapBnd"], 16)
    found["no_new_privileges"], found["seccomp"] = fields["NoNewPrivs"], fields["Seccomp"]
    found["state_directory"] = Path("/var/lib/edge-bg").is_dir()

    found["group_opens_devices"] = group_opens_devices()

    old = pid()
    text = CONFIG.read_text()
    CONFIG.write_text(text + 'background: "#00ff00"\n')
    ctl("reload", UNIT)
    until(lambda: show("ActiveState") == "active", "reloaded")
    CONFIG.write_text("rubbish: 1\n")
    ctl("reload", UNIT)
    until(lambda: "refused" in show("StatusText"), "refusal")
    found["same_process_after_reloads"] = pid() == old
    CONFIG.write_text(text)

    os.kill(old, signal.SIGKILL)
    until(NOTE.exists, "note of its end")
    found["notes"] = notes = [NOTE.read_text().strip()]
    found["after_kill_s"] = until(active_again(old), "restart after SIGKILL")
    old = pid()
    os.kill(old, signal.SIGSTOP)
    found["after_hang_s"] = until(active_again(old), "restart after SIGSTOP")
    found["note_is_read"] = not NOTE.exists()
    old = pid()
    os.kill(old, signal.SIGSEGV)
    until(NOTE.exists, "note of its end")
    notes.append(NOTE.read_text().strip())
    until(active_again(old), "restart after SIGSEGV")
    found["restarts"] = int(show("NRestarts"))
    found["picture_again"] = snapshot()

    CONFIG.write_text("rubbish: 1\n")
    old = pid()
    os.kill(old, signal.SIGKILL)
    until(lambda: show("ActiveState") == "failed", "failure by the config")
    time.sleep(5)
    found["wrong_config"] = [show("ActiveState"), show("ExecMainStatus")]
    CONFIG.write_text(text)
    started = subprocess.run(["systemctl", "start", UNIT], capture_output=True, text=True, check=False)
    assert started.returncode == 0, f"no start with the config put right: {started.stderr}{ctl('status', UNIT)}"
    start = time.monotonic()
    ctl("stop", UNIT)
    found["stop_s"] = round(time.monotonic() - start, 2)
    notes.append(NOTE.read_text().strip())
    found["result"] = show("Result")

    # The board is measured, as the installer does it: by root, into the folder of a user who exists only while it runs.
    state, program = Path("/var/lib/private/edge-bg"), "/opt/edge-bg/bin/python"
    quick = ["--seconds", "0.1", "-m", "small", "--rate", "1"]
    command = [program, "-m", "edge_bg", "tune", "--config", str(CONFIG), *quick]
    tuned = subprocess.run(command, env=os.environ | {"STATE_DIRECTORY": str(state)}, capture_output=True, text=True)
    assert tuned.returncode == 0 and (state / "tuned.json").exists(), tuned.stdout + tuned.stderr
    ctl("start", UNIT)
    until(lambda: pid() and show("ActiveState") == "active", "start after it was measured")
    with urllib.request.urlopen("http://127.0.0.1:8099/state", timeout=5) as answer:
        found["edges"] = json.load(answer)["edges"]
    ctl("stop", UNIT)


try:
    proof()
except BaseException:
    found["error"] = traceback.format_exc()
journal = ["journalctl", "-u", UNIT, "-o", "short-monotonic", "--no-pager"]
found["journal"] = subprocess.run(journal, capture_output=True, text=True, check=False).stdout
warnings = [*journal, "-p", "3"]
found["errors"] = subprocess.run(warnings, capture_output=True, text=True, check=False).stdout
Path("/result.json").write_text(json.dumps(found))
subprocess.run(["systemctl", "--no-block", "poweroff"], check=False)
