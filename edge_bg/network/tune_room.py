"""Whether a board has time for the network that finds the edges before a learned room; `edge-bg tune` asks."""

from __future__ import annotations

from dataclasses import replace

from edge_bg.frame import Size
from edge_bg.network.tune import MARGIN, Candidate, median_ms


def edges_ms(size: Size, seconds: float = 1.0) -> float:
    """Median ms of the network of a learned room's edges, on as many patches as it ever looks at in a frame."""
    import numpy as np

    from edge_bg.frame.tiles import Grid
    from edge_bg.matte.known import KnownRoom

    grid = Grid.of(size)
    cell, (width, height) = grid.side // 2, (side // 2 for side in grid.padded)
    rng = np.random.default_rng(0)
    now, room = (list(rng.integers(0, 256, (3, height, width), np.uint8)) for _ in range(2))
    rough, out = np.full((height, width), 128, np.uint8), np.zeros((height, width), np.uint8)
    everywhere, same = np.full((height // cell, width // cell), 255, np.uint8), [np.arange(256, dtype=np.uint8)] * 3
    known = KnownRoom()
    return median_ms(lambda: known(everywhere, now, room, rough, np.full_like(rough, 255), cell, same, out), seconds)


def holds_edges(best: Candidate, ms: float, rate: float, cores: int) -> bool:
    """Whether `rate` frames a second are held with `best` and `ms` more in the matte, with the usual margin."""
    return replace(best, rest=best.rest + ms).rate(cores) * MARGIN >= rate
