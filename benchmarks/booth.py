"""What a learned booth does when its light or its camera changes while a guest with a hat and a cup is there.

    python benchmarks/booth.py [DATA] [--seed 0]

DATA, the folder of evaluation pictures, lends guests and rooms; without it the built-in portrait stands in a painted
room. 640x360, masks of `landscape` int8; figures from a second after the event on. About three minutes of one core.
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
from edge_bg.lab.clips import Camera, Clip
from edge_bg.lab.kit import Kit, enter, sway
from edge_bg.lab.stage import Actor, Held
from edge_bg.matte import Matte
from edge_bg.network.segment import Segmenter

SIZE = (640, 360)
COMES, EVENT, LATER, END = 35, 95, 30, 200  # frames: the guest comes, it happens, so long after, the end
WORSE = 0.5  # percent of the room more than the network keeps, and the room counts as not removed


def after(frame: int, late: int = 0) -> bool:
    """Whether it has happened, `late` frames ago."""
    return frame >= EVENT + late


def ramp(frame: int, frames: int) -> float:
    """0 before the event, 1 from `frames` after it on."""
    return min(1.0, max(0.0, (frame - EVENT) / frames))


EVENTS: dict[str, Camera] = {
    "nothing": Camera(),
    "brighter, x 1.35": Camera(gain=lambda f: 1.35 if after(f) else 1.0),
    "darker, x 0.6": Camera(gain=lambda f: 0.6 if after(f) else 1.0),
    "slowly darker, x 0.7 in 2 s": Camera(gain=lambda f: 1 - 0.3 * ramp(f, 60)),
    "exposure dips by a fifth": Camera(gain=lambda f: 1 - 0.2 * (ramp(f, 10) - ramp(f - 25, 10))),
    "push by 2 and 1 pixels": Camera(push=lambda f: (2, 1) if after(f) else (0, 0)),
    "push by 9 and 6": Camera(push=lambda f: (9, -6) if after(f) else (0, 0)),
    "push by 24 and 10": Camera(push=lambda f: (24, 10) if after(f) else (0, 0)),
    "darker, a second later a push": Camera(
        gain=lambda f: 0.6 if after(f) else 1.0, push=lambda f: (9, -6) if after(f, 30) else (0, 0)
    ),
}


@dataclass
class Seen:
    """What was kept in one clip: shares of the props and percent of the room, one a frame; the room's last state."""

    props: list[float]
    false: list[float]
    alone: list[float]
    state: str

    def row(self) -> list[float]:
        """Props before and after, false foreground after and that of the network alone, seconds until it is as well."""
        late = np.s_[EVENT + LATER :]
        worse = np.array(self.false[EVENT:]) > np.array(self.alone[EVENT:]) + WORSE
        calm = [i for i in range(len(worse)) if not worse[i : i + 10].any()]
        means = [np.nanmean(v) for v in (self.props[EVENT - 20 : EVENT], self.props[late], self.false[late])]
        return [*map(float, means), float(np.nanmean(self.alone[late])), (calm[0] if calm else len(worse)) / 30]


def clip(kit: Kit, room: str, camera: Camera) -> Clip:
    """An empty booth; a guest with a hat and a cup comes, and something happens."""
    who = kit.person()
    y, height = kit.framed(who, 1.25)
    actor = Actor(who, enter(sway(0.45, y + 0.08, height), COMES), (Held("hat", "head"), Held("cup", "left")))
    return kit.clip("", END, kit.room(room), [actor], camera=camera, empty=COMES)


def play(network: Callable[..., Picture], scene: Clip) -> Seen:
    """The clip through the network alone and through the learned booth."""
    matte, seen = Matte(SIZE, booth=True), Seen([], [], [], "")
    for shot in scene:
        frame = replace(shot.frame, truth=None)
        mask = network(frame)
        alpha = np.asarray(matte(mask, frame))[: SIZE[1]]
        alone = np.asarray(cv2.resize(mask, SIZE), np.uint8)
        seen.props.append(metrics.recall(alpha, shot.props))
        seen.false.append(100 * metrics.false_foreground(alpha, shot.truth))
        seen.alone.append(100 * metrics.false_foreground(alone, shot.truth))
    assert matte.booth is not None
    seen.state = matte.booth.state
    return seen


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    rooms = ("painted", "office", "street") if asked.data else ("painted",)
    print(f"rooms: {', '.join(rooms)}; mean of them, the worst in brackets\n")
    print("| event | props before | after | false, % | network alone | seconds until as well | room at the end |")
    print("| --- | --: | --: | --: | --: | --: | --- |")
    with Segmenter("landscape", threads=1) as network:
        for name, camera in EVENTS.items():
            found = []
            for number, room in enumerate(rooms):
                kit = Kit("booth", asked.seed, SIZE, asked.data, np.random.default_rng([asked.seed, number]))
                found.append(play(network, clip(kit, room, camera)))
            rows = np.array([each.row() for each in found])
            before, kept, false, alone, wait = rows.mean(axis=0)
            print(
                f"| {name} | {before:.2f} | {kept:.2f} ({rows[:, 1].min():.2f}) | {false:.2f} ({rows[:, 2].max():.2f}) "
                f"| {alone:.2f} | {wait:.2f} ({rows[:, 4].max():.2f}) | {', '.join(each.state for each in found)} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
