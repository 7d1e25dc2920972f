"""The other ways to a booth beside the web: MQTT, and buttons and lamps at pins; only what the config has."""

from __future__ import annotations

from typing import Any

from edge_bg.config.booth import Booth as BoothPart


def opened(part: BoothPart, control: Any) -> list[Any]:
    """What the config has, opened, each with a `close`. Raises an EdgeBgError; nothing is left open then."""
    ways: list[Any] = []
    try:
        if part.mqtt is not None:
            from edge_bg.booth.mqtt import Mqtt

            ways.append(Mqtt(part.mqtt, control))
        if part.gpio is not None:
            from edge_bg.booth.gpio import Gpio

            ways.append(Gpio(part.gpio, control))
    except BaseException:
        for way in ways:
            way.close()
        raise
    return ways
