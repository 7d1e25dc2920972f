"""What closer looks give: people of known heights, somebody who comes near and leaves again, a newcomer far from who is
there, passers-by under a rule, and what a rule costs the guests.

    python benchmarks/framing.py DATA [--only heights,walk,newcomer,passers,guests]

DATA is the folder of evaluation pictures, whose people are pasted into painted rooms, streets and offices at 1280x720.
About ten minutes of one core.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edge_bg.frame import Frame, Picture
from edge_bg.framing import Framing
from edge_bg.framing.keep import Keeper
from edge_bg.framing.motion import Motion
from edge_bg.framing.window import Canvas
from edge_bg.lab import metrics
from edge_bg.lab.clips import Shot
from edge_bg.lab.kit import Kit, enter, sway
from edge_bg.lab.scenes import clips
from edge_bg.lab.stage import Actor, Pose, place
from edge_bg.matte import Matte
from edge_bg.network.segment import Segmenter
from edge_bg.network.tensors import Region

SIZE = (1280, 720)
ROOMS = ("painted", "street", "office")


class Counting(Segmenter):
    """The network, and how often it ran."""

    runs = 0

    def __call__(self, frame: Frame, region: Region | None = None) -> Picture:
        """The mask, as always."""
        self.runs += 1
        return super().__call__(frame, region)


@dataclass
class Bench:
    """The network and where people come from."""

    data: Path
    network: Counting = field(default_factory=lambda: Counting("landscape", threads=1))

    def kit(self, name: str, seed: int) -> Kit:
        """People and rooms by chance."""
        return Kit(name, seed, SIZE, self.data, np.random.default_rng([seed, 5]))

    def play(self, kit: Kit, frames: int, room: str, actors: list[Actor]) -> Iterator[tuple[Shot, Picture, Picture]]:
        """(shot, frame without the truth, framing's mask) of each frame."""
        framing = Framing(self.network)
        for shot in kit.clip("", frames, kit.room(room), actors):
            frame = replace(shot.frame, truth=None)
            framing.shrink(frame)
            yield shot, frame, framing(frame)

    def alone(self, path: Callable[[float], Pose], seed: int, frames: int, room: str) -> np.ndarray:
        """IoU of one person, (frames, 3): the network on the whole frame, framing, framing and the matte."""
        kit, matte, rows = self.kit("alone", seed), Matte(SIZE), []
        for shot, frame, mask in self.play(kit, frames, room, [Actor(kit.person(), path)]):
            alphas = self.network(frame), mask, np.asarray(matte(mask, frame))[: SIZE[1]]
            rows.append([metrics.iou(np.asarray(cv2.resize(a, SIZE)), shot.truth) for a in alphas])
        return np.array(rows)


def heights(bench: Bench) -> None:
    """People of 10, 15 and 25 % of the frame's height, six each, who shift from foot to foot."""
    for height in (0.10, 0.15, 0.25):
        tries = np.array(
            [bench.alone(sway(0.3 + 0.05 * n, 0.85, height), n, 36, ROOMS[n % len(ROOMS)]) for n in range(6)]
        )
        late = tries[:, 20:].mean((0, 1))
        seen = [int(np.argmax(each[:, 1] > 0.5)) for each in tries]
        worst = tries[:, 20:, 1].mean(1).min()
        print(
            f"{height:.0%} of the height, frames 20 to 35: whole {late[0]:.2f}, framing {late[1]:.2f} (worst of six "
            f"{worst:.2f}), and matte {late[2]:.2f}; seen from frame {', '.join(map(str, seen))}",
            flush=True,
        )


def walk(bench: Bench) -> None:
    """From 10 to 80 % of the height and back in six seconds."""
    frames = 180

    def path(frame: float) -> Pose:
        near = 0.5 - 0.5 * math.cos(2 * math.pi * frame / frames)
        step = frame * 0.3
        x, y = 0.3 + 0.3 * frame / frames, 0.7 + 0.3 * near - 0.004 * abs(math.sin(step))
        return Pose(x, y, 0.1 * 8**near, 1.5 * math.sin(step))

    tall = np.array([path(frame).height for frame in range(frames)])
    tries = np.array([bench.alone(path, seed, frames, "painted") for seed in range(3)])
    for low, high in ((0.1, 0.15), (0.15, 0.3), (0.3, 0.5), (0.5, 0.81)):
        for way, half in (("coming", np.s_[: frames // 2]), ("going", np.s_[frames // 2 :])):
            some = tries[:, half][:, (tall[half] >= low) & (tall[half] < high)]
            lost = int((some[..., 1] < 0.3).sum())
            whole, framed, matted = some.mean((0, 1))
            print(
                f"walks, {way}, {low:.0%} to {high:.0%}: whole {whole:.2f}, framing {framed:.2f}, and matte "
                f"{matted:.2f}; lost in {lost} of {some.shape[0] * some.shape[1]} frames",
                flush=True,
            )


def newcomer(bench: Bench) -> None:
    """Somebody of 30 % is there; from frame 45 somebody of 15, 30 or 60 % walks in at the other side, in 20 frames."""
    start, frames, fast = 45, 90, 0
    for height in (0.15, 0.3, 0.6):
        for seed, (there, comes) in enumerate(((0.8, 0.2), (0.2, 0.8), (0.8, 0.2))):
            kit = bench.kit("newcomer", seed)
            path = enter(sway(comes, 0.9, height), start, 20, -0.2 if comes < 0.5 else 0.2)
            actors = [Actor(kit.person(), sway(there, 0.9, 0.3)), Actor(kit.person(), path)]
            shares: list[list[float]] = [[], []]
            for _, frame, mask in bench.play(kit, frames, "painted", actors):
                if frame.index < start:
                    bench.network.runs = 0
                    continue
                shown = np.asarray(cv2.resize(mask, SIZE))
                for share, actor in zip(shares, actors, strict=True):
                    share += part(shown, actor, frame.index)
            first, late = ([f"{np.mean(share[-10:]):.2f}" for share in shares], shares[1])
            after = next((n for n, share in enumerate(late) if share >= 0.5), None)
            fast += after is not None and after <= 30
            runs = bench.network.runs / (frames - start)
            print(
                f"newcomer of {height:.0%}: seen after {after} frames; shown at the end: first {first[0]}, newcomer "
                f"{first[1]}; {runs:.2f} runs of the network a frame",
                flush=True,
            )
    print(f"newcomers seen within a second: {fast} of 9")


def passers(bench: Bench) -> None:
    """Two people walk past behind a guest, ten tries of the clip of that name: what rules leave of them."""
    rules = {"everyone": {}, "largest": {"keep": "largest"}, "zone": {"keep": "zone", "zone": [0, 0.95, 1, 1]}}
    left: dict[str, list[float]] = {name: [] for name in rules}
    guest: dict[str, list[float]] = {name: [] for name in rules}
    for seed in range(10):
        framings = {name: Framing(bench.network, **options) for name, options in rules.items()}
        shares: dict[str, list[float]] = {name: [] for name in rules}
        recalls: dict[str, list[float]] = {name: [] for name in rules}
        for shot in clips(seed, SIZE, names=["passers"], data=bench.data, frames=80)[0]:
            frame = replace(shot.frame, truth=None)
            bench.network.shrink(frame)
            for name, framing in framings.items():
                mask = np.asarray(cv2.resize(framing(frame), SIZE))
                recalls[name].append(metrics.recall(mask, shot.truth > 127))
                if np.count_nonzero(shot.ignore) > 500:
                    shares[name].append(float(mask[shot.ignore].mean()) / 255)
        for name in rules:
            left[name].append(float(np.mean(shares[name])))
            guest[name].append(float(np.mean(recalls[name])))
    for seeds in (slice(0, 4), slice(4, 10)):  # the rules were made on the first four
        for name in rules:
            each = ", ".join(f"{x:.2f}" for x in left[name][seeds])
            print(
                f"passers, seeds {seeds.start} to {seeds.stop - 1}, {name}: {np.mean(left[name][seeds]):.3f} of them "
                f"is shown ({each}), {np.mean(guest[name][seeds]):.3f} of the guest",
                flush=True,
            )


def guests(bench: Bench) -> None:
    """What rules take of what the network shows of guests: one alone in 18 clips, three side by side in four."""
    strip, floor = [(0, 0.95), (1, 0.95), (1, 1), (0, 1)], [(0, 0.6), (1, 0.6), (1, 1), (0, 1)]
    alone = [(name, seed) for name in ("portrait", "still", "props", "lamp", "switch", "fast") for seed in range(3)]
    for rule, zone, names in (
        ("largest", None, alone),
        ("zone", strip, alone),
        ("zone", floor, [("group", seed) for seed in range(4)]),
    ):
        costs = []
        for name, seed in names:
            framing, motion, canvas = Framing(bench.network), Motion(3.0, SIZE), Canvas.of(SIZE)
            keeper, cost, before = Keeper(rule, zone, canvas.cells), [], None
            for shot in clips(seed, SIZE, names=[name], data=bench.data, frames=150)[0]:
                frame = replace(shot.frame, truth=None)
                bench.network.shrink(frame)
                mask = framing(frame)
                if mask is not before:
                    whole = canvas.fit(mask)
                    kept = keeper(whole)
                keeper.watch(motion.since(motion.thumb(frame)))
                before = mask
                own = np.asarray(cv2.resize(shot.truth, canvas.cells, interpolation=cv2.INTER_AREA)) > 127
                if whole[own].sum() > 255 * 100:
                    cost.append(1 - float(kept[own].sum()) / float(whole[own].sum()))
            costs.append(cost)
        each = ", ".join(f"{name} {seed} {np.mean(c):.1%}" for (name, seed), c in zip(names, costs, strict=True))
        late = np.concatenate([cost[30:] for cost in costs])
        print(
            f"guests, {rule}: {np.mean([np.mean(cost) for cost in costs]):.2%} of them is taken, mean of {len(costs)} "
            f"clips ({each}); after the first second more than a tenth in {(late > 0.1).sum()} of {len(late)} frames, "
            f"at most {late.max():.0%}",
            flush=True,
        )


def part(mask: Picture, actor: Actor, index: int) -> list[float]:
    """[the part of the actor's own pixels that `mask` shows], [] while they are out of the picture."""
    layer = place(actor, index, SIZE)
    own = None if layer is None else np.asarray(layer.alpha) > 0.5
    if layer is None or own is None or np.count_nonzero(own) < 60:
        return []
    left, top, right, bottom = layer.box
    return [float((mask[top:bottom, left:right][own] > 127).mean())]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default=",".join(SECTIONS))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    bench = Bench(args.data)
    for name in args.only.split(","):
        SECTIONS[name](bench)


SECTIONS = {each.__name__: each for each in (heights, walk, newcomer, passers, guests)}

if __name__ == "__main__":
    main()
