"""What a booth asks of the running loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from edge_bg.composite import Compositor
from edge_bg.config import Config
from edge_bg.matte import Matte
from edge_bg.sources.valve import Valve


class Machine(Protocol):
    """The running loop, as far as the booth turns its knobs."""

    config: Config
    path: Path | None
    compositor: Compositor
    matte: Matte
    valve: Valve | None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""

    def health(self) -> dict[str, Any]:
        """How it fares."""

    def apply(self, new: Config) -> list[str]:
        """Go over to another config."""
