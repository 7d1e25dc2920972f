"""What the board says of itself, where it can hardly say anything."""

from __future__ import annotations

import resource

from edge_bg.board import sensors


def test_without_a_free_descriptor_nothing_is_known_and_nothing_fails() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        found = sensors.temperature(), sensors.throttled(), sensors.model()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == (None, None, "")
