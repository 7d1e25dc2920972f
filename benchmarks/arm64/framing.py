"""Million instructions that framing adds to a frame: everything but the network's own calls, beside those.

    benchmarks/arm64/count --cpu both framing.py

Labelled clips of the built-in portrait at 1280x720, the last 8 of 28 frames: a guest near by (the whole frame or most
of it is looked at), one small person (one closer look), two far apart (two looks in turn), and a picture that stands
still. One thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np
from insn import read

from edge_bg.frame import Frame, Picture
from edge_bg.framing import Framing
from edge_bg.lab import cutouts
from edge_bg.lab.kit import Kit, sway
from edge_bg.lab.stage import Actor
from edge_bg.network.segment import Segmenter
from edge_bg.network.tensors import Region

SIZE = (1280, 720)
WARM, FRAMES = 20, 28


def counted(call: Callable[..., Any], *args: object) -> tuple[Any, int]:
    """What the call returns, and the instructions it took."""
    before = read()
    result = call(*args)
    return result, read() - before


class Counting(Segmenter):
    """The network, its runs and what they cost."""

    spent = runs = 0

    def __call__(self, frame: Frame, region: Region | None = None) -> Picture:
        """The mask, as always."""
        mask, cost = counted(super().__call__, frame, region)
        self.spent, self.runs = self.spent + cost, self.runs + 1
        return mask


def scenes() -> dict[str, tuple[list[Actor], dict[str, Any]]]:
    """Who is there, and framing's options."""
    who = cutouts.portrait()
    near = [Actor(who, sway(0.5, 1.04, 0.86))]
    small = [Actor(who, sway(0.5, 0.9, 0.2))]
    pair = [Actor(who, sway(x, 0.9, 0.2)) for x in (0.12, 0.88)]
    return {
        "near by": (near, {}),
        "near by, largest": (near, {"keep": "largest"}),
        "small": (small, {}),
        "two, far apart": (pair, {}),
        "two, zone": (pair, {"keep": "zone", "zone": [0, 0.5, 1, 1]}),
        "stands still": (near, {"crop": False}),
    }


def main() -> None:
    network = Counting("landscape", threads=1)
    for name, (actors, options) in scenes().items():
        kit = Kit(name, 0, SIZE, None, np.random.default_rng(0))
        framing, own, spent, runs = Framing(network, **options), [], [], []
        picture = None
        for shot in kit.clip("", FRAMES, kit.room("painted"), actors):
            picture = shot.frame.data if picture is None or name != "stands still" else picture
            frame = replace(shot.frame, data=picture, truth=None, small=None, half=None)
            framing.shrink(frame)
            network.spent = network.runs = 0
            cost = counted(framing, frame)[1]
            if frame.index >= WARM:
                own.append(cost - network.spent)
                spent.append(network.spent)
                runs.append(network.runs)
        print(
            f"{name:18s} framing {mean(own) / 1e6:6.2f} M, at most {max(own) / 1e6:5.2f}; "
            f"network {mean(spent) / 1e6:6.2f} M in {mean(runs):4.2f} runs a frame",
            flush=True,
        )


if __name__ == "__main__":
    main()
