"""Ways from a mask to an alpha that are compared: each stage of the matte alone, all of them, all but one.

A way is a name, a sentence and a function that starts it: `start(size) -> (mask, frame) -> alpha`, uint8 (H, W).
A way that asks the network itself (closer looks at small people) is started with the segmenter and gets no mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture, Size
from edge_bg.matte import Matte, MatteOptions

Alpha = NDArray[np.uint8]
Run = Callable[[Picture, Frame], Alpha]


@dataclass(frozen=True)
class Way:
    """How alpha is made; `start` gets the frames' size and gives a function that is called frame by frame, in order."""

    name: str
    about: str
    start: Callable[[Size], Run]


def raw(size: Size) -> Run:
    """The mask stretched bilinearly: what there would be without a matte."""

    def run(mask: Picture, frame: Frame) -> Alpha:
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)

    return run


def matte(**options: Any) -> Callable[[Size], Run]:
    """The matte with these options."""

    def start(size: Size) -> Run:
        made = Matte(size, **options)

        def run(mask: Picture, frame: Frame) -> Alpha:
            return np.asarray(made(mask, frame))[: frame.height]

        return run

    return start


# What switches each stage off; a stage that this version's options do not know is left out.
OFF: dict[str, dict[str, Any]] = {
    "time": {"smoothing": 0.0},
    "edges": {"edges": "bilinear"},
    "curve": {"low": 0.0, "high": 1.0, "sharpness": 1.0},
}
ABOUT = {
    "time": "smoothing over time",
    "edges": "edges that follow the picture",
    "curve": "alpha curve and sharpening",
}


def stages() -> list[Way]:
    """Raw, each stage alone, all but each, all."""
    known = {f.name for f in fields(MatteOptions)}
    off = {name: options for name, options in OFF.items() if set(options) <= known}
    ways = [Way("raw", "the mask stretched bilinearly", raw)]
    for name in off:
        others = {k: v for other, options in off.items() if other != name for k, v in options.items()}
        ways.append(Way(f"{name} alone", f"raw and {ABOUT[name]}", matte(**others)))
    if len(off) > 1:
        ways += [Way(f"no {name}", f"all but {ABOUT[name]}", matte(**off[name])) for name in off]
    ways.append(Way("all", "the matte as it is by default", matte()))
    return ways


def choose(names: Sequence[str] | None, ways: Sequence[Way]) -> list[Way]:
    """The ways of these names, all for None; ValueError for an unknown one."""
    if names is None:
        return list(ways)
    unknown = [n for n in names if n not in {w.name for w in ways}]
    if unknown:
        raise ValueError(f"no way {', '.join(unknown)}; there are: {', '.join(w.name for w in ways)}")
    return [w for w in ways if w.name in names]
