"""Million instructions a frame of the matte before a room it has learned, with and without the network of the edges.

    benchmarks/arm64/count --cpu cortex-a76 room.py [--frames 8]

1280x720: somebody who fills a third of the frame sways before a painted room, with a camera's noise. Of the whole it
says how much is the network's own `invoke`, and on how many patches.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import cv2
import numpy as np
from insn import measure, read, results

from edge_bg.frame import Frame, from_bgr
from edge_bg.lab.rooms import painted
from edge_bg.matte import Matte
from edge_bg.matte.booth import LEARN

SIZE = (1280, 720)


def somebody(sway: float) -> Any:
    """(colours (H, W, 3), alpha (H, W, 1) of 0..1) of a bust that fills a third of the frame."""
    width, height = SIZE
    shape = np.zeros((height, width), np.uint8)
    x = round(width / 2 + sway)
    cv2.ellipse(shape, (x, 220), (115, 150), 0, 0, 360, 255, -1)
    cv2.ellipse(shape, (x, 720), (370, 330), 0, 180, 360, 255, -1)
    cv2.rectangle(shape, (x + 330, 300), (x + 420, 430), 255, -1)  # what they hold
    rows = np.linspace(60, 160, height, dtype=np.float32)[:, None, None]
    colours = rows + np.array((20, 0, 60), np.float32) * (np.arange(width)[None, :, None] // 40 % 2)
    return colours, cv2.GaussianBlur(shape, (0, 0), 1.2)[..., None].astype(np.float32) / 255


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    room = painted(SIZE, rng).astype(np.float32)

    def frame(bgr: Any, number: int) -> Frame:
        noisy = bgr + rng.standard_normal(bgr.shape, np.float32) * 2
        return Frame(from_bgr(np.clip(noisy, 0, 255).astype(np.uint8)), number / 30, number)

    nobody = np.zeros((144, 256), np.uint8)
    empty = [frame(room, number) for number in range(4)]
    pairs = []
    sways = [12 * np.sin(2 * np.pi * number / 30) for number in range(args.frames)]
    for number, sway in enumerate([*range(-960, 0, 80), *sways]):  # who comes at once is a lamp or a push
        colours, alpha = somebody(sway)
        mask = cv2.resize((alpha * 255).astype(np.uint8), (256, 144), interpolation=cv2.INTER_AREA)
        pairs.append((mask, frame(colours * alpha + room * (1 - alpha), number)))
    print(f"somebody on {100 * float((pairs[-1][0] > 127).mean()):.0f} % of the frame", flush=True)
    for name, edges in (("rules alone", False), ("with the network", True)):
        matte = Matte(SIZE, booth=True, room_edges=edges)
        for number in range(LEARN + 5):
            matte(nobody, empty[number % len(empty)])
        for pair in pairs[: -args.frames]:
            matte(*pair)
        assert matte.booth is not None and matte.booth.state == "known"
        invokes = _counted(matte.booth.detail.network.network)
        turns = itertools.cycle(pairs[-args.frames :])
        measure(name, lambda m=matte, t=turns: m(*next(t)), calls=args.frames, warm=args.frames)
        assert matte.booth.state == "known"
        if edges:
            each = [sum(i) / args.frames / 2 for i in zip(*invokes, strict=True)]
            print(f"of which invoke {each[0] / 1e6:.1f} M, on {each[1]:.0f} patches")
            results["invoke of the room"] = {"median": each[0]}


def _counted(network: Any) -> list[tuple[int, int]]:
    """(instructions, patches) of every invoke from now on."""
    found: list[tuple[int, int]] = []
    invoke = network._engine.invoke

    def counted() -> None:
        before = read()
        invoke()
        found.append((read() - before, network.batch))

    network._engine.invoke = counted
    return found


if __name__ == "__main__":
    main()
