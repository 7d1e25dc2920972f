"""What a booth's photo of 12 megapixels costs, step by step, beside a PNG encode and an invoke, all in one run.

    python benchmarks/photo.py [PICTURE] [--size 4056x3040] [--rounds 3]

PICTURE is a photograph of somebody; without it the built-in guest stands in a painted room. Each step is the best of
the rounds. The limit is 2.5 times one PNG encode of the finished photo (the booth's own: Pillow, level 1) and one
invoke for each tile that the network looks at. Beside the time that passes stands the processor's, of all threads:
other work on the machine lengthens it less.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edge_bg.assets import asset_path
from edge_bg.booth import encode
from edge_bg.booth.library import Item
from edge_bg.booth.printing import Look, backdrop, compose
from edge_bg.composite import Place
from edge_bg.composite.light import Light
from edge_bg.config.kinds import ImageBackground
from edge_bg.network.segment import Segmenter
from edge_bg.sources.synthetic import Synthetic
from edge_bg.still import Cutter, read_photo

LIMIT = 2.5


def taken(picture: Path | None, size: tuple[int, int]) -> np.ndarray:
    """RGB uint8 of `size` (width, height)."""
    if picture is not None:
        return np.asarray(cv2.resize(read_photo(picture).rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    with Synthetic(size, realtime=False, frames=1) as scene:
        return next(iter(scene)).rgb()


def now() -> Any:
    """Milliseconds: on the clock, and of the processor."""
    return 1000 * np.array([time.perf_counter(), time.process_time()])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?")
    parser.add_argument("--size", default="4056x3040")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    wide, high = (int(side) for side in asked.size.split("x"))
    rgb = taken(asked.picture, (wide, high))
    item = Item("scene", "Scene", "image", ImageBackground(path=asset_path("backdrop.jpg")))
    look = Look(item, None, Place(), wrap=0.4, match=0.5)
    best: dict[str, Any] = {}

    def timed(name: str, work: Callable[..., Any], *given: Any) -> Any:
        begun = now()
        made = work(*given)
        best[name] = np.minimum(best.get(name, 1e9), now() - begun)
        return made

    looks: list[Any] = []
    invoke = Segmenter.invoke

    def counted(network: Segmenter) -> bool:
        begun = now()
        done = invoke(network)
        looks.append(now() - begun)
        return done

    Segmenter.invoke = counted  # type: ignore[method-assign]
    tiles: Any = 1e9
    with Cutter() as cutter:
        cutter(rgb[::8, ::8].copy())  # loads what is loaded once
        for _ in range(asked.rounds):
            looks.clear()
            cut = timed("cut out", cutter, rgb)
            tiles = np.minimum(tiles, sum(looks))
            behind = timed("background", backdrop, item, (wide, high), cut, None)
            photo = timed("put together", compose, cut, look, behind, Light.of_rgb(rgb))
            timed("JPEG", encode.jpeg, photo)
            timed("cut-out's PNG", encode.png, cut.rgba())
            timed("one PNG encode", encode.png, photo)
    print(f"{wide}x{high}, best of {asked.rounds}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| step | ms | of the processor |\n| --- | --: | --: |")
    for name, took in best.items():
        print(f"| {name} | {took[0]:.0f} | {took[1]:.0f} |")
    png, shown = best["one PNG encode"], sum(best[name] for name in ("cut out", "background", "put together", "JPEG"))
    print(f"\n{len(looks)} looks of the networks: {tiles[0]:.0f} and {tiles[1]:.0f} ms of it. PNG encodes beside them:")
    for name, all_of_it in (
        ("until the finer photo is shown", shown), ("with the cut-out's PNG", shown + best["cut-out's PNG"])
    ):  # fmt: skip
        encodes = (all_of_it - tiles) / png
        print(f"{name}: {encodes[0]:.2f}, by the processor's time {encodes[1]:.2f}; the limit is {LIMIT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
