"""What several people cost: the network takes several looks a frame where they are small and far apart."""

from __future__ import annotations

import math
import time
from typing import Any, Final

import cv2
import numpy as np

from edge_bg import frame as f
from edge_bg.framing import Framing
from edge_bg.network.card import ModelCard
from edge_bg.network.segment import Segmenter
from edge_bg.sources.room import draw_room
from edge_bg.sources.synthetic import Synthetic

PEOPLE: Final = ((0.02, 0.55), (0.42, 0.5), (0.82, 0.6))  # where each stands and is cut off, in parts of the frame
HEIGHT: Final = 0.34  # of the frame
_WALK: Final = 0.03  # of the width, to and fro: nobody stands still, so no mask is used again


class _Counted(Segmenter):
    """A network whose runs are counted."""

    runs = 0

    def invoke(self) -> bool:
        """Run it."""
        self.runs += 1
        return super().invoke()


def group(size: f.Size, frames: int, people: int = len(PEOPLE)) -> list[f.Frame]:
    """`frames` frames of up to three people, small and far apart, each of whom sways on their own."""
    width, height = size
    high = int(height * HEIGHT) // 4 * 4
    wide = high * 3 // 4 // 4 * 4
    room = f.from_bgr(draw_room(size, 5))
    sources = [Synthetic((wide, high), seed=n, realtime=False) for n in range(people)]
    out = []
    for source in sources:
        source.open()
    for index, several in zip(range(frames), zip(*sources, strict=False), strict=False):
        data = room.copy()
        for person, (left, top) in zip(several, PEOPLE, strict=False):
            step = _WALK * math.sin(index / 6 + left * 9)
            _paste(data, person, int((0.05 + 0.9 * left + step) * (width - wide)) // 2 * 2, int(top * height) // 2 * 2)
        out.append(f.Frame(data, index / 30, index))
    for source in sources:
        source.close()
    return out


def _paste(data: f.I420, person: f.Frame, left: int, top: int) -> None:
    assert person.truth is not None
    half = cv2.resize(person.truth, (person.width // 2, person.height // 2), interpolation=cv2.INTER_AREA)
    for plane, part, alpha, cell in zip(
        f.planes(data), f.planes(person.data), (person.truth, half, half), (1, 2, 2), strict=True
    ):
        at = plane[top // cell : (top + person.height) // cell, left // cell : (left + person.width) // cell]
        share = np.asarray(alpha, np.float32)[: at.shape[0], : at.shape[1]] / 255
        at[:] = np.rint(part[: at.shape[0], : at.shape[1]] * share + at * (1 - share)).astype(np.uint8)


def several(card: ModelCard, size: f.Size, frames: int = 90) -> dict[str, Any]:
    """Network runs and CPU milliseconds of mask making a frame, once looks have settled: one person, and three."""
    rows = []
    for people, looks in ((1, 4), (len(PEOPLE), 4), (len(PEOPLE), 1)):
        scene, settled = group(size, frames, people), frames // 3
        network = _Counted(card, threads=1)
        with Framing(network, looks=looks) as framing:
            for number, frame in enumerate(scene):
                if number == settled:
                    network.runs, start = 0, time.process_time()
                framing.shrink(frame)
                framing(frame)
            spent, count = time.process_time() - start, frames - settled
        rows.append({"people": people, "looks": looks, "runs": network.runs / count, "ms": 1e3 * spent / count})
    return {"size": list(size), "rows": rows}
