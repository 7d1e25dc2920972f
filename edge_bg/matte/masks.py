"""Masks of small pictures: 255 where something holds, else 0."""

from __future__ import annotations

from typing import Any

import cv2


def above(plane: Any, level: float) -> Any:
    """255 where `plane` is above `level`, else 0; uint8 of its shape."""
    return cv2.compare(plane, level, cv2.CMP_GT)  # type: ignore[call-overload]


def below(plane: Any, level: float) -> Any:
    """255 where `plane` is below `level`, else 0; uint8 of its shape."""
    return cv2.compare(plane, level, cv2.CMP_LT)  # type: ignore[call-overload]
