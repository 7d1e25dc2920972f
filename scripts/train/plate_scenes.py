"""Scenes for plate.py: somebody and what they hold before a room that is known, and what a network says of it.

    plate_scenes.py OUT --people people.npz --panoramas GIT [--count 4000] [--seed 30] [--moving 0.4]

OUT gets `seen.npy` uint8 (n, SIDE, SIDE, 9), what the network is shown (`edge_bg.matte.known` says what that is), and
`truth.npy` uint8 (n, SIDE, SIDE), alpha. Of four scenes three are as a camera of 1280x720 gives them at half size, one
as small as the whole frame is looked at. The last tenth shows people and panoramas that no other shows.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
from pathlib import Path

import cv2
import numpy as np
import plate_rooms as rooms
from numpy.typing import NDArray
from plate_rooms import Floats, smooth

from edge_bg.matte.known import show
from edge_bg.network.patches import CHANNELS

SIDE = 160
HELD = 0.1
TO_YUV = np.array(((0.114, 0.587, 0.299), (0.5, -0.3313, -0.1687), (-0.0813, -0.4187, 0.5)), np.float32)


def panoramas(git: Path) -> list[Floats]:
    """The panoramas in folder hdri of a repository without a work tree, BGR, linear light."""
    run = ["git", f"--git-dir={git}"]
    names = subprocess.run([*run, "ls-tree", "--name-only", "HEAD", "hdri/"], capture_output=True, check=True)
    found = []
    for name in sorted(names.stdout.decode().split()):
        data = subprocess.run([*run, "show", f"HEAD:{name}"], capture_output=True, check=True).stdout
        found.append(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.float32))
    return found


def yuv(bgr: Floats) -> Floats:
    """Y U V as frames have them (BT.601, full range), `(h, w, 3)`, of BGR, both 0..255."""
    return np.asarray(bgr @ TO_YUV.T + np.array((0, 128, 128), np.float32), np.float32)


def blob(rng: np.random.Generator, most: float = 40) -> Floats:
    """A thing's outline, `(SIDE, SIDE)` 0..1: an ellipse, a polygon, a stick, a ring."""
    over = 3
    shape = np.zeros((SIDE * over, SIDE * over), np.uint8)
    cx, cy = rng.uniform(0, SIDE, 2) * over
    a, b = rng.uniform(3, most, 2) * over
    kind = rng.random()
    if kind < 0.35:
        thick = int(rng.uniform(2, 6) * over) if rng.random() < 0.25 else -1
        cv2.ellipse(shape, (int(cx), int(cy)), (int(a), int(b)), float(rng.uniform(0, 180)), 0, 360, 255, thick)
    elif kind < 0.75:
        points = (np.array([cx, cy]) + rng.normal(0, 1, (int(rng.integers(3, 7)), 2)) * [a, b]).astype(np.int32)
        cv2.fillPoly(shape, [cv2.convexHull(points) if rng.random() < 0.7 else points], 255)
    if kind > 0.65:
        end = rng.normal((cx, cy), 35 * over, 2)
        cv2.line(shape, (int(cx), int(cy)), (int(end[0]), int(end[1])), 255, int(rng.uniform(1, 5) * over))
    small = cv2.resize(shape, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 1.0)))  # type: ignore[return-value]


def hair(root: Floats, rng: np.random.Generator) -> Floats:
    """Strands that start at the outline of `root`, as alpha `(SIDE, SIDE)`."""
    over = 3
    strands = np.zeros((SIDE * over, SIDE * over), np.uint8)
    ys, xs = np.where((root > 0.3) & (root < 0.9))
    if not len(ys):
        return np.zeros((SIDE, SIDE), np.float32)
    k = int(rng.integers(len(ys)))
    near = np.flatnonzero((ys - ys[k]) ** 2 + (xs - xs[k]) ** 2 < rng.uniform(8, 40) ** 2)
    main, spread, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.7), rng.uniform(4, 30)
    for _ in range(int(rng.integers(10, 120))):
        i = int(rng.choice(near))
        angle, at, points = main + rng.normal(0, spread), np.array([xs[i], ys[i]], np.float64), []
        for _ in range(8):
            points.append(at * over)
            at = at + length * rng.uniform(0.5, 1.2) / 8 * np.array([np.cos(angle), np.sin(angle)])
            angle += rng.normal(0, 0.25)
        line = np.rint(np.array(points) * 8).astype(np.int32)
        cv2.polylines(strands, [line], False, int(rng.uniform(60, 255)), int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    return cv2.resize(strands, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255  # type: ignore[no-any-return]


def somebody(people: list[NDArray[np.uint8]], far: bool, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(BGR, alpha) of a part of somebody, mostly with an outline in it; `far`: all of them, small."""
    bgra = people[rng.integers(len(people))]
    h = bgra.shape[0]
    ys, xs = np.where((bgra[..., 3] > 20) & (bgra[..., 3] < 235))
    scale = rng.uniform(0.15, 0.45) if far else rng.uniform(0.6, 1.7)
    scale *= 300 / h
    k = int(rng.integers(len(ys)))
    at = (xs[k] + rng.normal(0, 30), ys[k] + rng.normal(0, 30))
    turn = rng.normal(0, 0.15)
    flip = -1 if rng.random() < 0.5 else 1
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    m = np.array([[flip * c, -s], [flip * s, c]])
    m = np.hstack([m, (np.array([SIDE / 2, SIDE / 2]) - m @ np.array(at))[:, None]])
    source = cv2.GaussianBlur(bgra, (0, 0), 0.35 / scale) if scale < 0.7 else bgra
    seen = cv2.warpAffine(source, m, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return seen[..., :3].astype(np.float32), seen[..., 3].astype(np.float32) / 255


def limbs(a: Floats, rng: np.random.Generator) -> Floats:
    """Arms and legs, as alpha `(SIDE, SIDE)`: bent, thick, from the body and mostly back to it, a gap between."""
    over = 3
    made = np.zeros((SIDE * over, SIDE * over), np.uint8)
    ys, xs = np.where(a > 0.9)
    if len(ys) < 200:
        return np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        i, j = rng.integers(len(ys), size=2)
        ends = np.array(((xs[i], ys[i]), (xs[j], ys[j])), np.float64)
        if rng.random() < 0.4:
            ends[1] = rng.uniform(0, SIDE, 2)
        along = ends[1] - ends[0]
        side = np.array((-along[1], along[0])) / max(1.0, float(np.hypot(*along)))
        bend = ends.mean(axis=0) + side * rng.normal(0, 45) + rng.normal(0, 6, 2)
        points = np.rint(np.array((ends[0], bend, ends[1])) * over).astype(np.int32)
        for start, end in itertools.pairwise(points):
            cv2.line(made, start.tolist(), end.tolist(), 255, int(rng.uniform(6, 26) * over))
    small = cv2.resize(made, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 1.0)))  # type: ignore[return-value]


def foreground(
    people: list[NDArray[np.uint8]], room: Floats, far: bool, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """(BGR, alpha, what of it a network sees)."""
    if rng.random() < 0.75:
        f, a = somebody(people, far, rng)
        f = np.clip(f * rng.uniform(0.4, 1.3) * rng.uniform(0.9, 1.1, 3) + rng.uniform(-15, 15), 0, 255)
    else:
        f, a = np.ones((SIDE, SIDE, 3), np.float32) * rooms.colour(rng), blob(rng, 60)
    missed = np.zeros((SIDE, SIDE), np.float32)
    if rng.random() < 0.35:  # other clothes: black, white, striped, with a texture, of the room's colours
        kind = rng.random()
        cloth = rooms.room(SIDE, [], rng) if kind < 0.5 else np.ones((SIDE, SIDE, 3), np.float32) * rooms.colour(rng)
        if kind > 0.85:  # striped, and one of its colours is the wall's
            stripes = rooms.lattice(SIDE, rng)
            share = np.clip((stripes - stripes.min()) / max(1.0, float(np.ptp(stripes))), 0, 1).mean(2, keepdims=True)
            cloth = cloth * share + cv2.GaussianBlur(room, (0, 0), 4.0) * (1 - share)
        elif kind > 0.7:  # of the wall's hue, as dark as a shadow, or of all its colours
            cloth = cv2.GaussianBlur(room, (0, 0), 6.0) * rng.uniform(0.5, 1.05) + rng.normal(0, 4, 3)
        folds = f.mean(axis=2, keepdims=True) / max(1.0, float(f.mean()))
        where = cv2.GaussianBlur((np.mgrid[:SIDE, :SIDE][0] > rng.uniform(-60, SIDE)).astype(np.float32), (0, 0), 1.0)
        f = f * (1 - where[..., None]) + cloth * np.clip(0.6 + 0.4 * folds, 0.4, 1.5) * where[..., None]
        missed = where * rng.uniform(0.2, 1.0) if kind > 0.7 and rng.random() < 0.5 else missed
    if not far and rng.random() < 0.45:
        limb = limbs(a, rng)
        skin = f[a > 0.9].mean(axis=0) * rng.uniform(0.6, 1.2) if (a > 0.9).any() else rooms.colour(rng)
        cloth = rooms.room(SIDE, [], rng) if rng.random() < 0.5 else np.ones_like(f) * skin
        cloth = cloth * (1 + smooth(SIDE, 12, 0.1, rng))[..., None]
        f = f * (1 - limb[..., None]) + cloth * limb[..., None]
        a = a + limb * (1 - a)
    if rng.random() < 0.35:
        strands = hair(a, rng)
        dark = (
            rooms.colour(rng) if rng.random() < 0.4 else f[a > 0.5].mean(axis=0) if (a > 0.5).any() else f.mean((0, 1))
        )
        share = (strands * (1 - a))[..., None]
        f = f * (1 - share) + dark * share
        a = a + strands * (1 - a)
    if rng.random() < 0.1:
        a = a * 0
    seen = a * (1 - missed)
    for _ in range(int(rng.integers(0, 4))):
        m = blob(rng, 12 if far else 40)
        thing = (
            rooms.room(SIDE, [], rng)
            if rng.random() < 0.4
            else np.ones((SIDE, SIDE, 3), np.float32) * rooms.colour(rng)
        )
        f = f * (1 - m[..., None]) + thing * m[..., None]
        a = a + m * (1 - a)
        if rng.random() < 0.5:
            seen = np.maximum(seen, m)
    return np.clip(f, 0, 255), a, seen


def passing(f: Floats, a: Floats, seen: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Somebody who moves while the shutter is open: blurred along a line, in their own colours."""
    length, angle = rng.uniform(2, 14), rng.uniform(0, np.pi)
    steps = np.linspace(-0.5, 0.5, 9) * length
    total = [np.zeros_like(plane) for plane in (f, a, seen)]
    for step in steps:
        m = np.array([[1, 0, step * np.cos(angle)], [0, 1, step * np.sin(angle)]])
        for into, plane in zip(total, (f * a[..., None], a, seen), strict=True):
            into += cv2.warpAffine(plane, m, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) / len(steps)
    share = total[1][..., None]
    return np.where(share > 0.004, total[0] / np.maximum(share, 0.004), f), total[1], total[2]


def shaded(room: Floats, a: Floats, rng: np.random.Generator) -> Floats:
    """The room in today's light, with somebody's shadow on it, as a share of what was learned.

    Of four scenes one is as after a lamp was switched: what was learned is off by much, here more and there less.
    """
    much = 2.5 if rng.random() < 0.25 else 0.7
    light = np.exp(much * (rng.normal(0, 0.03) + smooth(SIDE, 3, 0.03, rng)))[..., None]
    light = light * np.exp(rng.normal(0, 0.01 * much, 3))
    if rng.random() < 0.6:
        form = np.roll(a, rng.integers(-30, 30, 2), (0, 1)) if rng.random() < 0.7 else blob(rng, 60)
        form = cv2.GaussianBlur(form, (0, 0), float(rng.uniform(2, 14)))
        depth = rng.uniform(0.4, 0.8) if rng.random() < 0.12 else rng.uniform(0.05, 0.45)
        light = light * (1 - depth * form[..., None])
    if rng.random() < 0.3:  # just beside them, and most in gaps
        near = cv2.GaussianBlur(a, (0, 0), float(rng.uniform(3, 12)))
        light = light * (1 - rng.uniform(0.1, 0.5) * near[..., None])
    return np.asarray(room * light, np.float32)


def coarse(seen: Floats, far: bool, rng: np.random.Generator) -> Floats:
    """What a network of 256x144 would say, after the matte's small working picture: shifted, blurred, and wrong."""
    step = 1.0 if far else 5.0
    push = [smooth(SIDE, 6, float(rng.uniform(0, 0.9 * step)), rng) for _ in range(2)]
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    c = cv2.remap(seen, x + push[0], y + push[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    for _ in range(int(rng.integers(0, 3))):
        near = cv2.GaussianBlur(cv2.dilate(c, np.ones((25, 25), np.uint8)), (0, 0), 3.0)
        m = cv2.GaussianBlur(blob(rng, 5 * step), (0, 0), 2.0) * near
        c = np.maximum(c, m) if rng.random() < 0.5 else c * (1 - m)
    if rng.random() < 0.2:  # a plant, a poster, a coat: somebody is seen where nobody is
        c = np.maximum(c, cv2.GaussianBlur(blob(rng, 12 * step), (0, 0), 2.0) * rng.uniform(0.5, 1))
    if rng.random() < 0.5:  # gaps are filled: the bend of an arm, the ear of a cup
        wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(rng.uniform(0.5, 4.5) * step) + 1,) * 2)
        c = cv2.morphologyEx(c, cv2.MORPH_CLOSE, wide)
    if rng.random() < 0.15:  # all too fat or too thin
        wide = np.ones((int(rng.uniform(1, 3.5) * step),) * 2, np.uint8)
        c = cv2.dilate(c, wide) if rng.random() < 0.6 else cv2.erode(c, wide)
    if rng.random() < 0.06:
        c = c * 0
    c = cv2.GaussianBlur(c, (0, 0), float(rng.uniform(0.3, 1.0) * step))
    if rng.random() < 0.7:
        c = np.clip((c - 0.5) * rng.uniform(1, 4) + rng.uniform(0.35, 0.65), 0, 1)
    cells = round(SIDE / (step if not far else rng.uniform(1, 2)))
    small = cv2.resize(c, (cells, cells), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def scene(
    people: list[NDArray[np.uint8]], places: list[Floats], moving: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """(what the network is shown `(SIDE, SIDE, CHANNELS)`, alpha)."""
    far = rng.random() < 0.25
    room = rooms.room(SIDE, places, rng)
    f, a, seen = foreground(people, room, far, rng)
    if moving and rng.random() < moving:
        f, a, seen = passing(f, a, seen, rng)
    picture = np.clip(f * a[..., None] + shaded(room, a, rng) * (1 - a[..., None]), 0, 255)
    if not far and rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.8)))
    if not far and rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture.astype(np.uint8), quality)[1], cv2.IMREAD_COLOR)
    spread = rng.uniform(0, 1.5 if far else 4)
    now = yuv(picture.astype(np.float32)) + rng.normal(0, spread, (SIDE, SIDE, 3)) * (1, 0.7, 0.7)
    # The room as it is known: not quite in place, learned from few frames, in parts from frames with somebody in them.
    moved = rng.normal(0, 1.2 if rng.random() < 0.1 else 0.35, 2) * (0.4 if far else 1)
    m = np.array([[1, 0, moved[0]], [0, 1, moved[1]]])
    known = yuv(cv2.warpAffine(room, m, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE))
    known = known + rng.normal(0, spread * 0.25, known.shape)
    sure = np.full((SIDE, SIDE), 1.0, np.float32)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            sure = np.minimum(sure, 1 - (blob(rng, 50) > 0.5) * rng.uniform(0.3, 1.0))
        if rng.random() < 0.3:
            sure = np.minimum(sure, cv2.dilate((a < 0.3).astype(np.float32), np.ones((5, 5), np.uint8)))
    planes = [
        np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (now, known, coarse(seen, far, rng) * 255, sure * 255)
    ]
    now, known = (np.ascontiguousarray(p.transpose(2, 0, 1)) for p in planes[:2])
    return np.dstack(show(now, known, planes[2], planes[3])), a


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("people", "panoramas"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--count", type=int, default=4000)
    ap.add_argument("--seed", type=int, default=30)
    ap.add_argument("--moving", type=float, default=0.4, help="share of scenes in which somebody moves")
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(a.seed)
    people = list(np.load(a.people, allow_pickle=True)["people"])
    places = panoramas(a.panoramas)
    a.out.mkdir(parents=True, exist_ok=True)
    make = np.lib.format.open_memmap
    seen = make(a.out / "seen.npy", "w+", np.uint8, (a.count, SIDE, SIDE, CHANNELS))
    truth = make(a.out / "truth.npy", "w+", np.uint8, (a.count, SIDE, SIDE))
    kept = round(a.count * (1 - HELD))
    for k in range(a.count):
        own = [[one for i, one in enumerate(of) if (i % 10 == 9) == (k >= kept)] for of in (people, places)]
        shown, alpha = scene(own[0], own[1], a.moving, rng)
        seen[k], truth[k] = shown, np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)
        if k % 500 == 499:
            print(f"{k + 1} of {a.count}", flush=True)


if __name__ == "__main__":
    main()
