"""More scenes for plate.py: whole frames, of which a network that ships says who is there, in all its errors.

    frame_scenes.py OUT --people people.npz --panoramas GIT [--count 700] [--seed 90]

Where `plate_scenes.py` draws the errors of the rough mask, here a picture of 1280x720, at half size, is shown to
`landscape`, and its mask is joined with what differs from the room by the very rules of `edge_bg.matte`. OUT gets
`seen.npy` and `truth.npy` as of `plate_scenes.py`: `PER` squares of each frame, most with an outline in them. The last
tenth shows people and panoramas that no other shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import plate_rooms as rooms
import plate_scenes as scenes
from frame_guests import BOTTOM, SIDE, TOP, guests, shadow
from numpy.typing import NDArray
from plate_rooms import Floats

from edge_bg.matte import curve
from edge_bg.matte.booth import _DOUBT
from edge_bg.matte.known import show
from edge_bg.matte.masks import above, below
from edge_bg.matte.plate import KNOWN, Plate
from edge_bg.matte.room import Room
from edge_bg.matte.trust import REACH, WIDE, attached, believed, near_to
from edge_bg.network.patches import CHANNELS
from edge_bg.network.runtime import Engine

FRAME, LOOK, CELLS = (640, 360), (256, 144), (128, 72)
CUT, PER = 160, 6
HELD = 0.1
CURVE = curve(0.15, 0.85)
Planes = NDArray[np.uint8]


class Said:
    """What the network that ships says of a picture: BGR uint8 of any size -> mask uint8 (72, 128)."""

    def __init__(self, model: Path) -> None:
        self._engine = Engine(model.read_bytes(), "landscape")

    def __call__(self, bgr: Planes) -> Planes:
        rgb = cv2.cvtColor(cv2.resize(bgr, LOOK, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        fed = self._engine.input()
        fed[...] = (rgb.astype(np.int16) - 128).astype(np.int8)[None]
        del fed
        self._engine.invoke()
        return cells((self._engine.output().reshape(LOOK[::-1]).astype(np.int16) + 128).astype(np.uint8))


def cells(plane: Any) -> Planes:
    """As small as the matte works."""
    return np.asarray(cv2.resize(plane, CELLS, interpolation=cv2.INTER_AREA), np.uint8)


def shot(bgr: Floats, noise: float, rng: np.random.Generator) -> Planes:
    """The frame of a square picture, as a camera of so much noise delivers it, BGR uint8 (360, 640, 3)."""
    width, height = FRAME
    seen = bgr[TOP:BOTTOM] + rng.normal(0, noise, (height, width, 1)) + rng.normal(0, noise * 0.5, (height, width, 3))
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def yuv(bgr: Planes) -> Planes:
    """Y, U and V, uint8 (3, h, w)."""
    made = np.rint(np.clip(scenes.yuv(bgr.astype(np.float32)), 0, 255)).astype(np.uint8)
    return np.ascontiguousarray(made.transpose(2, 0, 1))


def unknown(a: Floats, rng: np.random.Generator) -> Planes:
    """uint8 (72, 128), 255 where the room is not known."""
    made = np.zeros(CELLS[::-1], np.uint8)
    if rng.random() < 0.2:
        for _ in range(int(rng.integers(1, 4))):
            made = cv2.max(made, above(cells(scenes.blob(rng, 120)[TOP:BOTTOM] * 255), 127))
        if rng.random() < 0.3:  # learned while they stood there
            around = np.ones((int(rng.integers(3, 13)),) * 2, np.uint8)
            made = cv2.max(made, cv2.dilate(above(cells(a[TOP:BOTTOM] * 255), 30), around))
    return np.asarray(made, np.uint8)


def joined(now: Planes, plate: Plate, mask: Planes, bias: Planes, noise: float) -> tuple[Planes, Any]:
    """(the mask by the rules of `edge_bg.matte.booth`, the tables of the light), of one frame's cells."""
    walls = Room(np.ascontiguousarray(plate.coarse.astype(np.uint8).transpose(1, 2, 0)))
    walls._noise[...] = noise
    walls.unseen = cv2.bitwise_not(plate.known)
    walls.draw_edges()
    evidence = walls.evidence(np.ascontiguousarray(now.transpose(1, 2, 0)), below(cv2.dilate(mask, WIDE), 40))
    mask = believed(mask, cv2.max(above(evidence, 15), walls.blind))
    held = attached(evidence, near_to(mask))
    least = np.full_like(bias, _DOUBT)
    doubt, seen = cv2.max(bias, least), cv2.max(cv2.dilate(held, WIDE), walls.blind)
    made = cv2.max(cv2.subtract(mask, cv2.subtract(doubt, seen)), held)
    sure = above(cv2.subtract(mask, cv2.subtract(doubt, least)), 200)
    light = plate.light(now, below(cv2.dilate(mask, WIDE), 40))
    return cv2.max(made, cv2.erode(sure, REACH)), light  # type: ignore[return-value]


def scene(
    people: list[Planes], places: list[Floats], said: Said, rng: np.random.Generator
) -> list[tuple[Planes, Planes]]:
    """`PER` squares: (what the network is shown `(CUT, CUT, CHANNELS)`, alpha `(CUT, CUT)`)."""
    room = rooms.room(SIDE, places, rng)
    f, a = guests(people, room, rng)
    if rng.random() < 0.3:
        f, a, _ = scenes.passing(f, a, a, rng)
    light = shadow(rng) if rng.random() < 0.2 else np.float32(1)
    picture = np.clip(f * a[..., None] + scenes.shaded(room, a, rng) * light * (1 - a[..., None]), 0, 255)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.8)))
    spread = rng.uniform(0, 4)
    now = shot(picture, spread, rng)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        now = cv2.imdecode(cv2.imencode(".jpg", now, quality)[1], cv2.IMREAD_COLOR)
    moved = rng.normal(0, 1.2 if rng.random() < 0.1 else 0.35, 2)
    m = np.array([[1, 0, moved[0]], [0, 1, moved[1]]])
    known = shot(cv2.warpAffine(room, m, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), spread * 0.25, rng)
    mask, bias = said(now), said(known)
    planes, behind = yuv(now), yuv(known)
    small = [np.stack([cells(plane) for plane in each]) for each in (planes, behind)]
    plate = Plate(small[1], small[1])
    plate.looks[unknown(a, rng) == 0] = KNOWN
    rough, tables = joined(small[0], plate, mask, bias, rng.uniform(0.5, 2.5))
    if rng.random() < 0.4:
        rough = cv2.LUT(cv2.GaussianBlur(rough, (3, 3), 0), CURVE)
    elif rng.random() < 0.8:
        rough = cv2.LUT(rough, CURVE)
    large = cv2.resize(rough, FRAME, interpolation=cv2.INTER_LINEAR)
    sure = cv2.resize(plate.known, FRAME, interpolation=cv2.INTER_NEAREST)
    lit = [cv2.LUT(plane, table) for plane, table in zip(behind, tables, strict=True)]
    shown = np.dstack(show(list(planes), lit, large, sure))
    return cut(shown, np.rint(np.clip(a[TOP:BOTTOM], 0, 1) * 255).astype(np.uint8), large, rng)


def cut(shown: Planes, truth: Planes, rough: Planes, rng: np.random.Generator) -> list[tuple[Planes, Planes]]:
    """Squares, nine of ten with an outline, or something that the rough mask misses, in them."""
    (width, height), made = FRAME, []
    ys, xs = np.where(((truth > 8) & (truth < 247)) | (np.abs(truth.astype(int) - rough) > 80))
    for _ in range(PER):
        if len(ys) and rng.random() < 0.9:
            k = rng.integers(len(ys))
            y, x = ys[k] + rng.integers(-60, 61) - CUT // 2, xs[k] + rng.integers(-60, 61) - CUT // 2
        else:
            y, x = rng.integers(0, height - CUT), rng.integers(0, width - CUT)
        y, x = int(np.clip(y, 0, height - CUT)), int(np.clip(x, 0, width - CUT))
        made.append((shown[y : y + CUT, x : x + CUT], truth[y : y + CUT, x : x + CUT]))
    return made


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("people", "panoramas"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--model", type=Path, default=Path("models/landscape-144x256-int8.tflite"))
    ap.add_argument("--count", type=int, default=700, help="frames")
    ap.add_argument("--seed", type=int, default=90)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(a.seed)
    people = list(np.load(a.people, allow_pickle=True)["people"])
    places, said = scenes.panoramas(a.panoramas), Said(a.model)
    a.out.mkdir(parents=True, exist_ok=True)
    make = np.lib.format.open_memmap
    seen = make(a.out / "seen.npy", "w+", np.uint8, (a.count * PER, CUT, CUT, CHANNELS))
    truth = make(a.out / "truth.npy", "w+", np.uint8, (a.count * PER, CUT, CUT))
    kept = round(a.count * (1 - HELD))
    for k in range(a.count):
        own = [[one for i, one in enumerate(of) if (i % 10 == 9) == (k >= kept)] for of in (people, places)]
        for n, (shown, alpha) in enumerate(scene(own[0], own[1], said, rng)):
            seen[k * PER + n], truth[k * PER + n] = shown, alpha
        if k % 100 == 99:
            print(f"{k + 1} of {a.count}", flush=True)


if __name__ == "__main__":
    main()
