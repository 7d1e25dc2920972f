"""Three networks, one mask, for films that nobody waits for: two find people, `portrait` looks at the whole picture,
two of three decide who is there, and `portrait` draws the edges.

    segmenter = Thorough(Framing(Segmenter("landscape")), Framing(Segmenter("large")), Segmenter("portrait-288x512"))
    mask = segmenter(frame)

Live, the sharp network is asked now and then about the people's rectangle, at a size that a board can hold. Here it has
the time to see the whole picture, which is what it was made for: before lattice and book shelves it then loses nobody,
while the fast ones lose heads and trousers (docs/lab/two-networks.md).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from edge_bg.frame import Frame, Picture, Size
from edge_bg.framing import Framing
from edge_bg.framing.edged import UNIT, Edged
from edge_bg.framing.window import Box, Canvas
from edge_bg.loop.stats import Stats
from edge_bg.matte.agreed import agreed_each
from edge_bg.network.segment import Segmenter

FINE: Final = 2  # times the live canvas's cells each way: as fine as what the sharp network says
FAR: Final = 0.5  # of the frame's height: people who are smaller are looked at closely
AGREED: Final = 0.3  # least IoU of the majority and the sharp one about somebody for the sharp one to be heard
REACH: Final = 1.5  # how far from the majority's outline it decides, of half a body's thickness


class Thorough(Edged):
    """A segmenter for the pipeline that takes the time a film gives it.

    framing: finds the people; asked for every frame.
    second:  finds them once more, with another network; asked where the sharp one is. Closed with this.
    sharp:   the network for edges; closed with this.
    every:   frames from one look of the second and the sharp one to the next.

    A mask is uint8 `(h, w)`, 255 = person, twice as fine as framing's canvas each way, and covers exactly the frame.
    """

    def __init__(
        self, framing: Framing, second: Framing, sharp: Segmenter, *, every: int = 1, stats: Stats | None = None
    ) -> None:
        super().__init__(framing, sharp, every=every, stats=stats)
        self.second = second

    @property
    def info(self) -> dict[str, Any]:
        """What the networks run on: the first one's, `second`, and `edges`, the sharp one's."""
        return {**super().info, "second": self.second.info}

    def shrink(self, frame: Frame) -> None:
        """Nothing: each network shrinks the frame to its own size."""

    def close(self) -> None:
        """Close all three networks. Idempotent."""
        super().close()
        self.second.close()

    def _drawn_on(self, size: Size) -> Canvas:
        across, down = Canvas.of(size).cells
        return Canvas(size, (FINE * across, FINE * down))

    def _also(self, frame: Frame) -> Picture | None:
        return self._canvas.fit(self.second(frame))

    def _around(self, found: Picture) -> Box | None:
        box = super()._around(found)
        far = box is not None and box.size[1] < FAR * self._canvas.cells[1]
        return box if box is None or far else self._canvas.whole

    def _of_all(self, fast: Picture, second: Picture | None, sharp: Picture) -> Picture:
        assert second is not None
        majority = np.median(np.stack((fast, second, sharp)), axis=0).astype(np.float32)
        return np.asarray(np.rint(agreed_each(majority * UNIT, sharp * UNIT, AGREED, REACH, FINE) * 255), np.uint8)


__all__ = ["Thorough"]
