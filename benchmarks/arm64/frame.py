"""Million instructions a frame, stage by stage, from source frame in memory to composited frame in memory.

    benchmarks/arm64/count --cpu both frame.py [--size 1280x720] [--frames 6] [--json OUT]

Each stage is edge_bg's own; beside it a loop as peers write it (BGR frames, float32 NumPy blend, `cv2.imencode`).
One thread. The scene is the synthetic source's: a person over clutter, moving, with sensor noise.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
from insn import measure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reference_loop import ReferenceLoop

from edge_bg.assets import asset_path
from edge_bg.composite import (
    BlurBackground,
    ColorBackground,
    Compositor,
    ImageBackground,
    TransparentBackground,
)
from edge_bg.frame import Frame, Picture, to_bgr
from edge_bg.matte import Matte
from edge_bg.network.card import find
from edge_bg.network.segment import Segmenter
from edge_bg.sinks.http import jpeg_encoder
from edge_bg.sources.synthetic import Synthetic

BUDGET, JPEG_BUDGET = 55.0, 18.0


def cycle(call: Callable[..., object], arguments: list[tuple[object, ...]]) -> Callable[[], object]:
    """A callable without arguments that goes through `arguments`, one set a call."""
    turns = itertools.cycle(arguments)
    return lambda: call(*next(turns))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("--json")
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    size = (width, height)
    with Synthetic(size, realtime=False, frames=args.frames, noise=2.0) as source:
        frames = [frame.copy() for frame in source]
    print(f"{width}x{height}, {len(frames)} frames", flush=True)
    out: dict[str, float] = {}

    def stage(name: str, call: Callable[..., object], arguments: list[tuple[object, ...]]) -> float:
        out[name] = measure(name, cycle(call, arguments), calls=len(arguments), warm=2)
        return out[name]

    def look(segmenter: Segmenter, frame: Frame) -> tuple[Picture, Frame]:
        """The mask of a frame as the source gave it, and that frame with its small pictures, as in the loop."""
        fresh = replace(frame)
        segmenter.shrink(fresh)
        return segmenter(fresh), fresh

    backdrop = str(asset_path("backdrop.jpg"))
    matte = Matte(size)
    pairs: list[tuple[Picture, Frame]] = []
    for precision in ("int8", "float16"):
        card = find(f"landscape-144x256-{precision}")
        with Segmenter(card, threads=1) as segmenter:
            pairs = pairs or [look(segmenter, frame) for frame in frames]
            arguments = [(segmenter, frame) for frame in frames]
            whole = stage(f"segment {precision} (shrink + prepare + invoke)", look, arguments)
            engine = segmenter._engine
            assert engine is not None
            invoke = stage(f"  of which invoke {precision}", engine.invoke, [()] * 3)
            out[f"  of which the rest {precision}"] = whole - invoke
    stage("matte", matte, pairs)
    alphas = [matte(mask, frame) for mask, frame in pairs]
    composited: list[Frame] = []
    backgrounds = {
        "image": ImageBackground(backdrop),
        "color": ColorBackground(),
        "blur": BlurBackground(),
        "transparent": TransparentBackground(),
    }
    for kind, background in backgrounds.items():
        with Compositor(background, size) as compositor:
            stage(f"composite on {kind}", compositor, list(zip(frames, alphas, strict=True)))
            if kind == "image":
                composited = [compositor(frame, alpha).copy() for frame, alpha in zip(frames, alphas, strict=True)]
                for precision in ("int8", "float16"):
                    with Segmenter(find(f"landscape-144x256-{precision}"), threads=1) as segmenter:

                        def loop(frame: Frame, segmenter: Segmenter = segmenter) -> Frame:
                            mask, fresh = look(segmenter, frame)
                            return compositor(fresh, matte(mask, fresh))

                        stage(f"WHOLE FRAME, {precision}, image background", loop, [(frame,) for frame in frames])
    with Compositor(ImageBackground(backdrop), size, clean=True) as compositor:
        stage("composite on image, clean", compositor, list(zip(frames, alphas, strict=True)))
    encoder = jpeg_encoder(args.quality)
    stage(f"JPEG from I420 planes, quality {args.quality}", encoder, [(frame,) for frame in composited])

    pictures = [to_bgr(frame.data) for frame in frames]
    shown = [to_bgr(frame.data) for frame in composited]
    reference = ReferenceLoop(size, (256, 144), cv2.imread(backdrop))
    soft = [mask.astype("float32") / 255 for mask, _ in pairs]
    stage("reference: prepare (BGR)", reference.prepare, [(picture,) for picture in pictures])
    big = [reference.upsample(mask) for mask in soft]
    stage("reference: upsample the mask", reference.upsample, [(mask,) for mask in soft])
    stage("reference: composite (float32 NumPy, BGR)", reference.composite, list(zip(pictures, big, strict=True)))
    stage("reference: imencode of BGR", reference.encode, [(picture, args.quality) for picture in shown])

    frame_cost = out["WHOLE FRAME, int8, image background"]
    jpeg = out[f"JPEG from I420 planes, quality {args.quality}"]
    rest = frame_cost - out["  of which invoke int8"] + jpeg
    peers = sum(cost for name, cost in out.items() if name.startswith("reference"))
    print(f"\nframe, int8: {frame_cost:.1f} M (aim: at most {BUDGET:.0f} on a Cortex-A72)")
    print(f"JPEG: {jpeg:.1f} M (aim: at most {JPEG_BUDGET:.0f})")
    print(f"all but invoke, JPEG included: {rest:.1f} M; the reference's: {peers:.1f} M ({rest / peers:.2f} of it)")
    if args.json:
        Path(args.json).write_text(
            json.dumps({"cpu": os.environ.get("INSN_CPU"), "size": size, "minsn": out}, indent=1)
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
