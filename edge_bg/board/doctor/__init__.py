"""Looks at the board and says what is fine, what is wrong, and the command that mends it. Changes nothing.

A check is a function from a `Host` to `Check`s; to add one, write it and name it in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from edge_bg.board.doctor import accelerators, cameras, machine, service, software
from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host

__all__ = ["CHECKS", "Check", "Host", "run"]

CHECKS: tuple[Callable[[Host], Iterable[Check]], ...] = (
    machine.board,
    machine.userland,
    machine.cores,
    machine.governor,
    machine.temperature,
    machine.power,
    machine.memory,
    machine.disk,
    software.python,
    software.numpy,
    software.runtime,
    software.network,
    software.fast_kernels,
    software.jpeg,
    cameras.groups,
    cameras.v4l2,
    cameras.pi_camera,
    cameras.cma,
    cameras.loopback,
    accelerators.coral_usb,
    accelerators.coral_pcie,
    accelerators.libedgetpu,
    service.unit,
    service.breaker,
)


def run(root: str | Path = "/", *, host: Host | None = None) -> list[Check]:
    """All checks on the machine under `root`, in order. Never raises: a check that fails itself says so."""
    return list(_run(host or Host.at(Path(root))))


def _run(host: Host) -> Iterator[Check]:
    for check in CHECKS:
        try:
            yield from check(host)
        except Exception as error:  # one broken check must not hide the others
            yield Check(check.__name__, "warn", f"could not be looked at: {type(error).__name__}: {error}")
