"""Numeric options with their bounds in the field, so that YAML, constructors and the documentation hold to the same."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any


def knob(default: Any, low: float, high: float, help: str) -> Any:
    """A numeric field of a dataclass with its inclusive bounds and one line of help in the metadata."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def check_bounds(options: Any, room: str) -> None:
    """Raises ValueError, which names the `room`, for the first knob of a dataclass that is outside its bounds."""
    for each in fields(options):
        value, low, high = getattr(options, each.name), each.metadata.get("low"), each.metadata.get("high")
        if low is not None and not low <= value <= high:
            raise ValueError(f"{room} option {each.name}: {value} is outside {low}..{high}")
