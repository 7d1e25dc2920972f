"""A frame, and cards whose twins run on a real delegate: a small library built from the public C interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_bg import frame as frames
from edge_bg.errors import DelegateError
from edge_bg.frame import Frame
from edge_bg.network.card import ModelCard
from edge_bg.network.delegates import LIBRARY_VARIABLE, Spec, open_engine


@pytest.fixture
def card(twin_folder: Path) -> Callable[[str], ModelCard]:
    return lambda name: ModelCard.load(twin_folder / f"{name}.yaml")


@pytest.fixture
def edgetpu(tiny: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny delegate stands where libedgetpu would be."""
    monkeypatch.setenv(LIBRARY_VARIABLE, tiny)
    return tiny


def bright_left() -> Frame:
    """A frame whose left half is bright: the tiny delegate calls that the person."""
    data = frames.filled((256, 144), (20, 128, 128))
    data[:144, :128] = 230
    return Frame(data, 0.0, 0)


def accelerated(mask: np.ndarray[Any, Any]) -> bool:
    """Whether this mask of `bright_left` was made by the tiny delegate."""
    return bool((mask[:, :127] == 255).all() and (mask[:, 129:] == 0).all())


def refused(card: ModelCard, entry: object, match: str) -> None:
    with pytest.raises(DelegateError, match=match):
        open_engine(card, Spec.parse(entry), 1, timeout=60)
