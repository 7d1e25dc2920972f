"""Runs in the container of `scripts/prove-picamera2`: the installed unit, whose camera is picamera2, under systemd.

Standard library only. Prints what it found, and PROVEN at the end if all of it is as it should be.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path

UNIT = "edge-bg.service"
BEGAN = time.monotonic()


def say(text: str) -> None:
    with Path("/result").open("a") as result:
        result.write(f"{text}\n")


def show(name: str) -> str:
    command = ["systemctl", "show", UNIT, "--value", "-p", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"no {what} within {seconds:.0f} s")
        time.sleep(0.1)
    say(f"{what}: after {time.monotonic() - began:.1f} s")


def healthy() -> bool:
    """Whether frames of the camera go out: the cover picture is not healthy."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8099/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def active(other_than: int = 0) -> bool:
    return show("ActiveState") == "active" and int(show("MainPID")) not in (0, other_than)


def cut_out() -> float:
    """How much of the picture that went out is the background of the config: around the person, not all of it."""
    look = (
        "import cv2; b, g, r = cv2.split(cv2.imread('/snapshot.jpg')); print(((g > 170) & (r < 40) & (b < 40)).mean())"
    )
    done = subprocess.run(["/opt/venv/bin/python", "-c", look], capture_output=True, text=True, check=True)
    share = float(done.stdout)
    assert 0.3 < share < 0.9, share
    return share


def proof() -> None:
    until(active, "READY: a first frame was delivered")
    until(healthy, "healthy: frames of the camera go out")
    pid = int(show("MainPID"))
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["Uid"].split()[0]) > 60000, fields["Uid"]
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert "picamera2" in Path(f"/proc/{pid}/maps").read_text() or "_libcamera" in Path(f"/proc/{pid}/maps").read_text()
    say(f"user {fields['Uid'].split()[0]}, no capabilities, system calls filtered, libcamera in the process")
    until(lambda: "fps" in show("StatusText") and not show("StatusText").startswith("0.0"), "a rate in the status")
    say(f"status: {show('StatusText')}")
    with urllib.request.urlopen("http://127.0.0.1:8099/snapshot.jpg", timeout=10) as answer:
        Path("/snapshot.jpg").write_bytes(answer.read())
    say(f"{cut_out():.0%} of the picture that goes out is the new background")
    os.kill(pid, signal.SIGKILL)
    until(lambda: active(other_than=pid) and healthy(), "killed, and frames of the camera go out again")
    began = time.monotonic()
    subprocess.run(["systemctl", "stop", UNIT], check=False)
    assert show("Result") == "success" and time.monotonic() - began < 10
    say(f"stopped cleanly in {time.monotonic() - began:.1f} s")


Path("/booted").touch()
try:
    proof()
    say("PROVEN")
except BaseException:
    say(traceback.format_exc())
    journal = ["journalctl", "-u", UNIT, "-o", "short-monotonic", "--no-pager", "-n", "80"]
    say(subprocess.run(journal, capture_output=True, text=True, check=False).stdout)
subprocess.run(["systemctl", "--no-block", "poweroff"], check=False)
