"""What a learned booth shows of the room beside a guest when something there is moved, put down or lit.

    python benchmarks/beside.py [DATA] [--seed 0] [--only WORD]

DATA, the folder of evaluation pictures, lends guests and rooms; without it the built-in portrait stands in a painted
room. 640x360, masks of `landscape` int8. Percent of the room that is shown, mean of the five seconds from the event
on; the network alone in brackets. About five minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edge_bg.frame import Picture
from edge_bg.lab import metrics
from edge_bg.lab.clips import MARGIN, Camera, Clip, Shot
from edge_bg.lab.scenes import Kit, enter, sway
from edge_bg.lab.stage import Actor
from edge_bg.matte import Matte
from edge_bg.network.segment import Segmenter

SIZE = (640, 360)
COMES, EVENT, SEEN = 35, 95, 150  # frames: the guest comes, it happens, and is looked at for so long
Change = Callable[[Picture, int], None]


def _at(x: float, y: float) -> tuple[int, int]:
    """A place in a room with its margin, from shares of the frame."""
    return MARGIN + round(x * SIZE[0]), MARGIN + round(y * SIZE[1])


def chair(room: Picture, since: int) -> None:
    """Beside the guest's legs from the start; pushed aside in half a second."""
    x = 0.58 + 0.1 * min(1.0, max(0.0, since / 15))
    for left, top, wide, high in ((0, 0.5, 0.02, 0.45), (0, 0.72, 0.13, 0.05), (0.11, 0.72, 0.02, 0.23)):
        cv2.rectangle(room, _at(x + left, top), _at(x + left + wide, top + high), (40, 70, 110), -1, cv2.LINE_AA)


def box(room: Picture, since: int) -> None:
    """Put down beside the guest, at once."""
    if since >= 0:
        cv2.rectangle(room, _at(0.57, 0.7), _at(0.72, 0.97), (90, 140, 190), -1, cv2.LINE_AA)
        cv2.rectangle(room, _at(0.63, 0.7), _at(0.66, 0.97), (140, 190, 220), -1, cv2.LINE_AA)


def screen(room: Picture, since: int) -> None:
    """Behind the guest, dark until it is switched on."""
    cv2.rectangle(room, _at(0.42, 0.2), _at(0.75, 0.55), (25, 22, 20), -1)
    if since >= 0:
        cv2.rectangle(room, _at(0.43, 0.22), _at(0.74, 0.53), (210, 160, 60), -1)
        cv2.circle(room, _at(0.66, 0.36), 24, (80, 220, 240), -1, cv2.LINE_AA)


def shadow(room: Picture, since: int) -> None:
    """Takes 0.8 of the light from the wall beside the guest."""
    if since >= 0:
        form = np.zeros(room.shape[:2], np.float32)
        cv2.ellipse(form, _at(0.68, 0.5), (70, 120), 0, 0, 360, 1, -1)
        room[...] = room * (1 - 0.8 * cv2.GaussianBlur(form, (0, 0), 6.0))[..., None]


EVENTS: dict[str, tuple[Change | None, Camera]] = {
    "a chair beside the guest is moved": (chair, Camera()),
    "a box is put down beside the guest": (box, Camera()),
    "a screen behind the guest is switched on": (screen, Camera()),
    "a shadow takes 0.8 of the light from the wall": (shadow, Camera()),
    "the camera sinks by 15 pixels a second": (None, Camera(push=lambda f: (0, min(30, max(0, f - EVENT) // 2)))),
    "the camera shakes by 2 pixels": (
        None,
        Camera(push=lambda f: ((f * 7) % 5 - 2, (f * 3) % 5 - 2) if f > EVENT else (0, 0)),
    ),
    "all brighter by 1.35, at once": (None, Camera(gain=lambda f: 1.35 if f >= EVENT else 1.0)),
    "nothing": (None, Camera()),
}


@dataclass
class Changing(Clip):
    """A clip whose room changes: `change` draws on a copy of it, told how many frames after the event it is."""

    change: Change | None = None

    def _shoot(self, index: int, grain: np.ndarray) -> Shot:
        plain = self.room
        if self.change is not None:
            self.room = plain.copy()
            self.change(self.room, index - EVENT)
        try:
            return super()._shoot(index, grain)
        finally:
            self.room = plain


def clip(kit: Kit, room: str, change: Change | None, camera: Camera) -> Clip:
    """An empty booth; a guest comes, and something happens."""
    who = kit.person()
    y, height = kit.framed(who, 1.25)
    actor = Actor(who, enter(sway(0.45, y + 0.08, height), COMES))
    made = kit.clip("", EVENT + SEEN, kit.room(room), [actor], camera=camera, empty=COMES)
    return Changing(**vars(made), change=change)


def play(network: Callable[..., Picture], scene: Clip) -> tuple[float, float]:
    """(percent of the room shown by the booth, by the network alone)."""
    matte, found = Matte(SIZE, booth=True), []
    for shot in scene:
        frame = replace(shot.frame, truth=None)
        mask = network(frame)
        alpha = np.asarray(matte(mask, frame))[: SIZE[1]]
        if shot.frame.index >= EVENT:
            alone = np.asarray(cv2.resize(mask, SIZE), np.uint8)
            found.append([100 * metrics.false_foreground(a, shot.truth) for a in (alpha, alone)])
    booth, alone_ = np.mean(found, axis=0)
    return float(booth), float(alone_)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="events with this word in their name")
    asked = parser.parse_args(arguments)
    rooms = ("painted", "office", "street") if asked.data else ("painted",)
    print(f"| what happens | {' | '.join(rooms)} |\n| --- |{' --: |' * len(rooms)}")
    with Segmenter("landscape", threads=1) as network:
        for name, (change, camera) in EVENTS.items():
            if asked.only not in name:
                continue
            cells = []
            for number, room in enumerate(rooms):
                kit = Kit("booth", asked.seed, SIZE, asked.data, np.random.default_rng([asked.seed, number]))
                booth, alone = play(network, clip(kit, room, change, camera))
                cells.append(f"{booth:.1f} ({alone:.1f})")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
