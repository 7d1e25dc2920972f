"""A pytest plugin for the emulated Debian of scripts/prove-arm64, where everything takes 20 to 50 times as long.

Tests that cannot hold there are skipped with the reason that left-out.txt gives; the others get more patience: what
waits for a program or a connection waits longer, and property tests try fewer examples. No expectation is changed.
"""

from __future__ import annotations

import fnmatch
import subprocess
from pathlib import Path
from typing import Any

import hypothesis
import pytest

PATIENCE = 15
EXAMPLES = 5


def left_out() -> list[tuple[str, str]]:
    """Pairs of a pattern of test names and why."""
    pairs = []
    for line in Path(__file__).with_name("left-out.txt").read_text().splitlines():
        pattern, _, reason = line.partition("#")
        if pattern.strip():
            pairs.append((pattern.strip(), reason.strip()))
    return pairs


def pytest_configure() -> None:
    """Programs that tests start, and that sinks start for them, may take their time to come and to go."""
    wait, communicate = subprocess.Popen.wait, subprocess.Popen.communicate

    def patient(timeout: float | None) -> float | None:
        return None if timeout is None else timeout * PATIENCE

    def patient_wait(self: Any, timeout: float | None = None) -> int:
        return wait(self, patient(timeout))

    def patient_communicate(self: Any, input: Any = None, timeout: float | None = None) -> Any:
        return communicate(self, input, patient(timeout))

    subprocess.Popen.wait = patient_wait  # type: ignore[method-assign]
    subprocess.Popen.communicate = patient_communicate  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    pairs = left_out()
    for item in items:
        for pattern, reason in pairs:
            if fnmatch.fnmatchcase(item.nodeid, pattern) or fnmatch.fnmatchcase(item.nodeid, pattern + "[[]*"):
                item.add_marker(pytest.mark.skip(reason=f"LEFT OUT UNDER EMULATION: {reason}"))
        function = getattr(getattr(item, "obj", None), "__func__", getattr(item, "obj", None))  # of a method, too
        asked = getattr(function, "_hypothesis_internal_use_settings", None)
        if asked is not None:
            function._hypothesis_internal_use_settings = hypothesis.settings(
                asked, max_examples=min(asked.max_examples, EXAMPLES), deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
