"""Ways from a mask to an alpha that are compared: each stage of the matte alone, all of them, all but one.

A way is a name, a sentence and a function that starts it: `start(size) -> (mask, frame) -> alpha`, uint8 (H, W) or
laid out like the frame. It may bring its own look at the frame (closer, at small people) around the network's, and its
own brush for the composite (that mends colours).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.composite import Compositor
from edge_bg.composite.backgrounds import Still
from edge_bg.frame import I420, Frame, Picture, Size, from_bgr
from edge_bg.framing import Framing
from edge_bg.framing.edged import Edged
from edge_bg.framing.thorough import Thorough
from edge_bg.matte import Matte, MatteOptions

EDGES, LIGHT = "portrait-192x320", "portrait-light-192x320"  # the networks of the ways with finer edges
Alpha = NDArray[np.uint8]
Run = Callable[[Picture, Frame], Alpha]
Predict = Callable[[Frame], Picture]
Brush = Callable[[Frame, Alpha], Picture]


@dataclass(frozen=True)
class Way:
    """How alpha is made; `start` gets the frames' size and gives a function that is called frame by frame, in order.

    look:   makes, of the network's `frame -> mask`, another one that is used instead.
    brush:  gets (size, background BGR) and makes `(frame, alpha) -> composite BGR`; None blends by alpha alone.
    strict: passers-by count as room: this way claims to leave them out.
    costly: it is played only when it is named.
    """

    name: str
    about: str
    start: Callable[[Size], Run]
    look: Callable[[Any], Predict] | None = None
    brush: Callable[[Size, Picture], Brush] | None = None
    strict: bool = False
    costly: bool = False


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
            return made(mask, frame)

        return run

    return start


def framing(**options: Any) -> Callable[[Any], Predict]:
    """The framing with these options around a segmenter."""

    def look(segmenter: Any) -> Predict:
        return Framing(segmenter, **options)

    return look


def edged(every: int, network: str = EDGES) -> Callable[[Any], Predict]:
    """A network for edges beside the segmenter, asked at each `every`-th frame."""

    def look(segmenter: Any) -> Predict:
        return Edged(Framing(segmenter, crop=False, motion_gate=False), _sharp(network), every=every)

    return look


def thorough(segmenter: Any) -> Predict:
    """As a film is looked at: two networks that find people, and the sharp one on the whole picture."""
    second = Framing(_sharp("large"), motion_gate=False)
    return Thorough(Framing(segmenter, motion_gate=False), second, _sharp("portrait-288x512"))


@functools.cache
def _sharp(network: str) -> Any:
    """One for all clips."""
    from edge_bg.network.segment import Segmenter

    return Segmenter(network, threads=1)


class _Wall(Still):
    """A picture in memory as a background."""

    def __init__(self, bgr: Picture) -> None:
        super().__init__()
        self._wall = from_bgr(bgr)

    def _draw(self, size: Size) -> I420:
        return self._wall


def compositor(**options: Any) -> Callable[[Size, Picture], Brush]:
    """The compositor with these options as a brush."""

    def start(size: Size, background: Picture) -> Brush:
        made = Compositor(_Wall(background), size, **options)

        def paint(frame: Frame, alpha: Alpha) -> Picture:
            return made(frame, alpha).bgr()

        return paint

    return start


# What switches each stage off that is on by default, and on what is off by default.
OFF: dict[str, dict[str, Any]] = {
    "time": {"smoothing": 0.0, "play": 0.0},
    "edges": {"edges": "bilinear"},
    "curve": {"low": 0.0, "high": 1.0, "sharpness": 1.0},
}
ON: dict[str, dict[str, Any]] = {
    "specks": {"specks": 0.002},
    "booth": {"booth": True},
    "rules": {"booth": True, "room_edges": False},
    "key": {"key": "auto"},
}
ABOUT = {
    "specks": "specks and holes up to 0.2 % of the frame gone",
    "booth": "the empty room learned",
    "rules": "the empty room learned, without the network of its edges",
    "key": "a wall of one colour keyed",
    "time": "smoothing over time",
    "edges": "edges that follow the picture",
    "curve": "alpha curve and sharpening",
}


def stages() -> list[Way]:
    """Raw, each stage alone, all but each, all."""
    off, on = _known(OFF), _known(ON)
    nothing = {k: v for options in off.values() for k, v in options.items()}
    ways = [Way("raw", "the mask stretched bilinearly", raw)]
    for name in off:
        others = {k: v for k, v in nothing.items() if k not in off[name]}
        ways.append(Way(f"{name} alone", f"raw and {ABOUT[name]}", matte(**others)))
    ways += [Way(f"{name} alone", f"raw and {ABOUT[name]}", matte(**nothing, **on[name])) for name in on]
    ways += [Way(f"no {name}", f"all but {ABOUT[name]}", matte(**off[name])) for name in off]
    ways.append(Way("all", "the matte as it is by default", matte(), brush=compositor()))
    ways += [Way(f"all + {name}", f"the default and {ABOUT[name]}", matte(**on[name])) for name in on]
    closer = framing(motion_gate=False)
    ways += [
        Way("all + clean", "the default, the old room taken out of soft edges", matte(), brush=compositor(clean=True)),
        Way(
            "all + booth + clean",
            "the empty room learned, and taken out of soft edges",
            matte(booth=True),
            brush=compositor(clean=True),
        ),
        Way("framing alone", "raw and closer looks at the people", raw, look=closer),
        Way("all + framing", "the default and closer looks", matte(), look=closer),
        Way("all + framing + clean", "both", matte(), look=closer, brush=compositor(clean=True)),
        Way("all + gate", "the default; no look where nothing moves", matte(), look=framing(crop=False)),
        Way("all + edges", "the default, drawn finer by portrait in every frame", matte(), look=edged(1), costly=True),
        Way("all + edges / 4", "the same, portrait in every fourth frame", matte(), look=edged(4), costly=True),
        Way("all + light / 4", "the same with portrait-light", matte(), look=edged(4, LIGHT), costly=True),
        Way("film", "the default, as a film is looked at that nobody waits for", matte(), look=thorough, costly=True),
        Way(
            "all + booth + light / 4",
            "the empty room learned, and the mask drawn finer by portrait-light in every fourth frame",
            matte(booth=True),
            look=edged(4, LIGHT),
            costly=True,
        ),
        Way("film + booth", "a film, the empty room learned", matte(booth=True), look=thorough, costly=True),
        Way("all + largest", "the default, only the largest", matte(), look=framing(keep="largest"), strict=True),
    ]
    return ways


def _known(stages_: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the options that this version of the matte does not have."""
    known = {f.name for f in fields(MatteOptions)}
    some = {name: {k: v for k, v in options.items() if k in known} for name, options in stages_.items()}
    return {name: options for name, options in some.items() if options}


def choose(names: Sequence[str] | None, ways: Sequence[Way]) -> list[Way]:
    """The ways of these names, for None all that are not costly; ValueError for an unknown one."""
    if names is None:
        return [way for way in ways if not way.costly]
    unknown = [n for n in names if n not in {w.name for w in ways}]
    if unknown:
        raise ValueError(f"no way {', '.join(unknown)}; there are: {', '.join(w.name for w in ways)}")
    return [w for w in ways if w.name in names]
