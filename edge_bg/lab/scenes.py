"""What happens in each labelled clip. A scene is a function from a `Kit` (people, rooms, chance) to a `Clip`."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_bg.assets import asset_path
from edge_bg.frame import Size
from edge_bg.lab import clothes, cutouts, rooms
from edge_bg.lab.album import STAND, Album
from edge_bg.lab.clips import Camera, Clip
from edge_bg.lab.data import Item, labelled
from edge_bg.lab.kit import Kit, Path_, enter, sway
from edge_bg.lab.patterned import PATTERNED
from edge_bg.lab.stage import Actor, Held, Pose


def _portrait(kit: Kit) -> Clip:
    who = cutouts.portrait()
    y, height = kit.framed(who)
    return kit.clip("the built-in portrait sways before a painted room", 90, kit.room("painted"),
                    [Actor(who, sway(0.5, y, height))])  # fmt: skip


def _still(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who)
    dim = Camera(read_noise=4.0, shot_noise=0.12, gain=lambda _: 0.55)
    return kit.clip("somebody stands all but still in a dim, noisy office", 90, kit.room("office"),
                    [Actor(who, sway(0.5, y, height, by=0.002, lean=0.2))], camera=dim)  # fmt: skip


def _booth(kit: Kit) -> Clip:
    first, second = kit.person(), kit.person()
    (y1, h1), (y2, h2) = kit.framed(first), kit.framed(second, 1.25)
    actors = [
        Actor(second, enter(sway(0.7, y2, h2, period=90), 75, side=0.3), (Held("sign", "right"),), seed=kit.seed),
        Actor(
            first, enter(sway(0.32, y1 + 0.08, h1), 60), (Held("hat", "head"), Held("cup", "left")), seed=kit.seed + 1
        ),
    ]
    exposure = Camera(gain=lambda f: 1.0 - 0.05 * min(1.0, max(0.0, (f - 65) / 20)))
    return kit.clip("an empty booth; two guests come in with a hat, a cup and a sign", 160, kit.room("office"), actors,
                    empty=60, camera=exposure)  # fmt: skip


def _props(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who, 1.2)
    held = (Held("glasses", "eyes"), Held("balloon", "left", 70), Held("sign", "right", 95))
    actors = [Actor(who, enter(sway(0.5, y, height), 45), held, seed=kit.seed)]
    return kit.clip("an empty booth; a guest with glasses takes a balloon, then a sign", 150,
                    kit.room("painted", clutter=0.7), actors, empty=45)  # fmt: skip


def _lamp(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who)
    lamp = Camera(bands=0.05, gain=lambda f: 1 + 0.06 * math.sin(f / 23), cast=(0.86, 0.98, 1.06), jpeg=80)
    return kit.clip("a lamp flickers in bands, exposure drifts, the webcam compresses", 90,
                    kit.room("painted", clutter=1.5), [Actor(who, sway(0.45, y, height))], camera=lamp)  # fmt: skip


def _switch(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who, 1.2)
    events = {"switch": 100, "bump": 140}

    def gain(frame: int) -> float:
        return 1.0 if frame < events["switch"] else 0.62

    def push(frame: int) -> tuple[int, int]:
        return (0, 0) if frame < events["bump"] else (9, -6)

    actors = [Actor(who, enter(sway(0.4, y, height), 45), (Held("cup", "right"),), seed=kit.seed)]
    about = "a learned booth: at 100 the light is switched, at 140 the camera is bumped"
    camera = Camera(gain=gain, push=push)
    return kit.clip(about, 190, kit.room("office"), actors, empty=45, events=events, camera=camera)


def _wall(kit: Kit) -> Clip:
    green = (60, 200, 40)
    room = kit.room("painted")
    rooms.hang(room, green, kit.rng)
    first, second = kit.person(), clothes.dyed(kit.person(), green)
    (y1, h1), (y2, h2) = kit.framed(first), kit.framed(second, 1.25)
    actors = [
        Actor(first, sway(0.3, y1 + 0.08, h1)),
        Actor(second, sway(0.7, y2 + 0.06, h2, period=90)),
    ]
    return kit.clip("two guests before a green cloth, one of them in a shirt of its colour", 90, room, actors)


def _fast(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who, 1.1)

    def path(frame: float) -> Pose:
        phase = 2 * math.pi * frame / 45
        return Pose(0.5 + 0.2 * math.sin(phase), y - 0.04 * abs(math.sin(2 * phase)), height, 9 * math.sin(phase))

    return kit.clip("somebody dances: up to 36 pixels a frame at 720p, with motion blur", 90,
                    kit.room("street"), [Actor(who, path)])  # fmt: skip


def _small(kit: Kit) -> Clip:
    def walk(x: float, y: float, height: float, speed: float) -> Path_:
        return lambda f: Pose(x + speed * f, y - 0.004 * abs(math.sin(f * 0.3)), height, 1.5 * math.sin(f * 0.3))

    actors = [
        Actor(kit.person(), walk(0.6, 0.86, 0.13, -0.0012)),
        Actor(kit.person(), walk(0.38, 0.91, 0.22, 0.001)),
    ]
    about = "two people far away, 13 % and 22 % of the frame's height"
    return kit.clip(about, 90, kit.room("painted", clutter=0.5), actors)


def _group(kit: Kit) -> Clip:
    actors = []
    for x, height, period in ((0.2, 0.85, 80), (0.78, 0.8, 65), (0.5, 0.95, 95)):
        who = kit.person()
        y = 1.02 if who.standing else 1.04
        actors.append(Actor(who, sway(x, y, height, period=period)))
    return kit.clip("three people side by side before a cluttered wall with figures", 90,
                    kit.room("painted", clutter=2.5, figures=2), actors)  # fmt: skip


def _passers(kit: Kit) -> Clip:
    who = kit.person()
    y, height = kit.framed(who, 1.2)

    def across(start: float, side: int, height: float) -> Path_:
        def path(frame: float) -> Pose:
            x = start + side * 0.011 * frame
            return Pose(x, 0.93 - 0.004 * abs(math.sin(frame * 0.33)), height, 1.2 * math.sin(frame * 0.33))

        return path

    actors = [
        Actor(kit.person(), across(-0.1, 1, 0.5), passer=True),
        Actor(kit.person(), across(1.15, -1, 0.55), passer=True),
        Actor(who, sway(0.55, y, height)),
    ]
    return kit.clip("a guest in front, two passers-by behind", 100, kit.room("street"), actors)


def _people(kit: Kit) -> Clip:
    folder = kit.data / "people" if kit.data is not None else None
    photos = labelled(folder) if folder is not None and (folder / "images").is_dir() else []
    chosen = [photos[int(n)] for n in kit.rng.permutation(len(photos))]
    items = [item for item in chosen[: _ALBUM + 5] if item.read()[1].any()][:_ALBUM]
    if not items:
        items = [Item("portrait", asset_path("portrait.png"), None)]
    room = np.zeros((1, 1, 3), np.uint8)
    return Album(kit.name, "photographs of one person each, as they are, six frames of each", kit.size,
                 STAND * len(items), room, [], kit.seed, items=items)  # fmt: skip


_ALBUM = 40  # photographs

SCENES: dict[str, Callable[[Kit], Clip]] = {
    "portrait": _portrait, "still": _still, "booth": _booth, "props": _props, "lamp": _lamp, "switch": _switch,
    "wall": _wall, "fast": _fast, "small": _small, "group": _group, "passers": _passers, "people": _people,
}  # fmt: skip


def clips(
    seed: int = 0,
    size: Size = (1280, 720),
    *,
    names: Sequence[str] | None = None,
    data: str | Path | None = None,
    frames: int | None = None,
) -> list[Clip]:
    """The labelled clips in `SCENES`, or those of `names`, which may be of `PATTERNED`, too; `frames` cuts each short.

    `data` is the folder of evaluation pictures (with `people/` and `webcam/`). Without it the built-in portrait plays
    all the parts and every room is painted. Raises ValueError for an unknown name.
    """
    known = SCENES | PATTERNED
    unknown = [n for n in names or () if n not in known]
    if unknown:
        raise ValueError(f"no clip {', '.join(unknown)}; there are: {', '.join(known)}")
    folder = Path(data) if data is not None else None
    made = []
    for name in names if names is not None else SCENES:
        own = zlib.crc32(name.encode()) ^ seed
        clip = known[name](Kit(name, own, size, folder, np.random.default_rng(own)))
        clip.frames = clip.frames if frames is None else min(clip.frames, frames)
        made.append(clip)
    return made
