"""Takes values out of the plain data of a model card, noting every fault instead of stopping at the first."""

from __future__ import annotations

import math
from typing import Any


class Fields:
    """Takes values out of a mapping and notes every fault, so that one look mends the whole card."""

    def __init__(self, data: Any, where: str, known: set[str], faults: list[str]) -> None:
        self.where, self.faults = where, faults
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            faults.append(f"{where or 'the card'} must be a mapping of keys")
        for key in self.data:
            if key not in known:
                faults.append(f"unknown key {self._name(key)}")

    def _name(self, key: object) -> str:
        return f"{self.where}.{key}" if self.where else str(key)

    def fault(self, key: str, wanted: str) -> None:
        """Note that `key` is not `wanted`."""
        given = f"not {self.data[key]!r}" if key in self.data else "it is missing"
        self.faults.append(f"{self._name(key)} must be {wanted} ({given})")

    def text(self, key: str, choices: tuple[str, ...] = (), default: str | None = None) -> str:
        """A text, one of `choices` if there are any."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or not value or (choices and value not in choices):
            self.fault(key, "one of " + ", ".join(choices) if choices else "text")
            return ""
        return value

    def shape(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """`shape`: a list of whole numbers that begins with 1, of one of these `lengths`."""
        value = self.data.get("shape")
        numbers = value if isinstance(value, list) else []
        if len(numbers) in lengths and all(type(n) is int and 0 < n <= 8192 for n in numbers) and numbers[0] == 1:
            return tuple(numbers)
        self.fault("shape", "a list such as [1, 144, 256, 3]")
        return (1,) * lengths[0]

    def size(self, key: str) -> tuple[int, int]:
        """A list of two whole numbers, height and width."""
        value = self.data.get(key)
        if isinstance(value, list) and len(value) == 2 and all(type(n) is int and 0 < n <= 8192 for n in value):
            return (value[0], value[1])
        self.fault(key, "height and width, such as [288, 512]")
        return (1, 1)

    def number(self, key: str) -> float | None:
        """A finite number, or None."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.fault(key, "a number or null")
            return None
        return float(value)

    def integer(self, key: str, default: int | None = None) -> int | None:
        """A whole number, or `default`."""
        value = self.data.get(key, default)
        if value is not None and type(value) is not int:
            self.fault(key, "a whole number")
            return default
        return value

    def colour(self, key: str) -> tuple[float, float, float]:
        """A number for each of three channels; one number stands for all."""
        value = self.data.get(key)
        several: list[Any] = value if isinstance(value, list) else [value] * 3
        if len(several) != 3 or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in several):
            self.fault(key, "a number, or a list of three")
            return (1.0, 1.0, 1.0)
        return (float(several[0]), float(several[1]), float(several[2]))
