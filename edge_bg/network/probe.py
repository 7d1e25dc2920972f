"""Tries a delegate, or the bare runtime, in a process of its own: load it, give it the model, invoke it.

A delegate built for another TensorFlow Lite does not raise, it takes the process down, as some damaged models do with
the bare runtime; and either may hang. None of that must happen to the process that holds the camera. Run as
`python -m edge_bg.network.probe`: standard input is one line of JSON (library, options, name, threads, parent) and
then the model's bytes; standard output is one word per stage that was reached, then `ok` or one line of JSON with the
error.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_bg.errors import DelegateError, EdgeBgError, ModelError

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
TIMEOUT: Final = 30.0  # seconds; a Coral USB takes a few to receive its firmware
_AGAIN: Final = "Copy or download the model again: its bytes are damaged, or its converter has made a mistake."
_DOING: Final = {
    "": "starting",
    "load": "loading the library",
    "create": "opening the device",
    "prepare": "preparing the graph",
    "invoke": "running the graph",
}


def probe(
    library: str | None,
    options: Mapping[str, str],
    model: bytes,
    name: str,
    *,
    threads: int = 1,
    timeout: float = TIMEOUT,
) -> None:
    """Return if `library` loads with `options` and runs `model` (called `name` in errors); None: the CPU.

    Raises `DelegateError` with the reason: missing library, no device, graph refused, crashed, or hung; without a
    library that is `ModelError`.
    """
    fault = DelegateError if library else ModelError
    what = library or f"the runtime, given {name},"
    asked = {"library": library, "options": dict(options), "name": name, "threads": threads, "parent": os.getpid()}
    package = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edge_bg.network.probe"],
            input=json.dumps(asked).encode() + b"\n" + model,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, status = late.stdout or b"", None
    except OSError as error:  # no descriptors, processes or memory are left just now
        raise fault(f"{what} cannot be tried: {error.strerror}", hint="try again; edge-bg doctor") from error
    lines = output.decode(errors="replace").splitlines()
    last = lines[-1] if lines else ""
    if last == "ok" and not status:  # one that has answered and does not end, as on a machine that is busy, counts, too
        return
    if last.startswith("{") and last.endswith("}"):
        told = json.loads(last)
        raise fault(told["error"], hint=told["hint"])
    if status is None:
        doing = _DOING.get(last, "starting")
        hint = "Unplug the device, wait a moment and plug it in again; then: edge-bg doctor" if library else _AGAIN
        raise fault(f"{what} did not answer within {timeout:g} s while {doing}", hint=hint)
    hint = "See docs/boards.md, or run: edge-bg doctor" if library else _AGAIN
    text = _obituary(what, last, status)
    if library and status < 0:
        text += "; most likely it was built for another TensorFlow Lite than the runtime that is installed"
    raise fault(text, hint=hint)


def _obituary(what: str, stage: str, status: int) -> str:
    try:
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    except ValueError:
        how = f"signal {-status}"
    return f"{what} crashed the process that tried it ({how}) while {_DOING.get(stage, 'starting')}"


def _stage(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _end_with(parent: int) -> None:
    """Have the kernel end this process when the one that asks ends, which may be while a device hangs."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was quicker
        os._exit(1)


def main() -> int:
    """The child: see the module's docstring."""
    request = json.loads(sys.stdin.buffer.readline())
    _end_with(request["parent"])
    model = sys.stdin.buffer.read()
    try:
        _try(request["library"], request["options"], model, request["name"], request["threads"])
    except EdgeBgError as error:
        _stage(json.dumps({"error": error.message, "hint": error.hint}))
        os._exit(1)
    _stage("ok")
    os._exit(0)  # what the library does while it is unloaded is of no interest here


def _try(library: str | None, options: Mapping[str, str], model: bytes, name: str, threads: int) -> None:
    import numpy as np

    from edge_bg.network.runtime import Delegate, Engine, open_library

    delegate = None
    if library is not None:
        _stage("load")
        open_library(library)
        _stage("create")
        delegate = Delegate(library, options)
    _stage("prepare")
    engine = Engine(model, name, threads=threads, delegate=delegate)
    _stage("invoke")
    engine.invoke()
    if library is not None:
        return
    view = engine.input()  # and something else than zeros: what a table is asked for may lie beside it
    view[:] = np.resize(np.arange(-128, 128), view.shape).astype(view.dtype)
    del view
    engine.invoke()


if __name__ == "__main__":
    raise SystemExit(main())
