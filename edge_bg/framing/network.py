"""What framing asks of a network."""

from __future__ import annotations

from typing import Any, Protocol

from edge_bg.frame import Frame, Picture
from edge_bg.network.tensors import Region


class Looks(Protocol):
    """A segmenter that can be told where to look."""

    @property
    def info(self) -> dict[str, Any]:
        """What runs, and on what."""

    def shrink(self, frame: Frame, /) -> None:
        """Give `frame` its `small` picture."""

    def __call__(self, frame: Frame, region: Region | None = None, /) -> Picture:
        """The mask of `frame`, or of its part `region`, uint8 (h, w)."""

    def close(self) -> None:
        """Let go of the network."""
