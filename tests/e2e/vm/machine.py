"""Inside the virtual machine of `scripts/prove-vm`: what its proofs share. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROOF = Path("/proof")
PYTHON = "/opt/edge-bg/bin/python"
UNIT = "edge-bg.service"
OUTPUT = "/dev/video10"
PATHS = json.loads((PROOF / "paths.json").read_text())

failures: list[str] = []


def sh(*command: str, check: bool = True, timeout: float = 600) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout.strip()


def main_pid() -> int:
    return int(sh("systemctl", "show", "-p", "MainPID", "--value", UNIT))


def restarts() -> int:
    return int(sh("systemctl", "show", "-p", "NRestarts", "--value", UNIT))


def wait_for(what: str, condition: Callable[[], object], timeout: float = 600, pause: float = 0.1) -> None:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s")
        time.sleep(pause)


def proof(name: str, step: Callable[[], float | None]) -> bool:
    began = time.monotonic()
    try:
        seconds = step()
    except Exception as error:
        failures.append(name)
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"PROOF {name:<68} {time.monotonic() - began if seconds is None else seconds:7.2f} s", flush=True)
    return True


def status() -> str:
    return sh("systemctl", "show", "-p", "StatusText", "--value", UNIT)


def install() -> None:
    sh("/bin/sh", "-c", PATHS["install"], timeout=1200)


def write_config(template: str, **values: str) -> None:
    """The service's config: a file of the proof, with `@name@` filled in."""
    text = (PROOF / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    target = Path(PATHS["config"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def run(main: Callable[[], None]) -> None:
    """The proof `main`, and what there is to say about it when it failed."""
    print(f"BOOTED {Path('/proc/uptime').read_text().split()[0]} s, kernel {os.uname().release}", flush=True)
    try:
        main()
    except BaseException as error:
        failures.append(repr(error))
    if failures:
        print(sh("journalctl", "-u", UNIT, "--no-pager", "-o", "short-monotonic", "-n", "150", check=False), flush=True)
        print(sh("systemctl", "status", "--no-pager", UNIT, check=False), flush=True)
        print(sh("dmesg", "--level=err,warn", check=False)[-3000:], flush=True)
    print(f"DONE {'FAILED: ' + '; '.join(failures) if failures else 'PASSED'}", flush=True)
