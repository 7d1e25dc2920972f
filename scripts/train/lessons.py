"""Lessons for a network of smaller pictures: what it sees, and what its parent says of the very same picture, larger.

    lessons.py OUT --size 96x192 --hands GIT --gestures GIT --portraits GIT --panoramas GIT --data DATA [--count 24000]

The pictures are those of pictures.py (see README.md) in another mixture: photographs as they were taken, and people
cut out and put, large and near, into views of real places (panoramas) and into painted rooms. Each is seen in other
light, with a camera's noise; only then is it made small for the student and less small for the parent. OUT gets
`seen.npy` (n, h, w, 3) RGB and `said.npy` (n, h, w), the parent's P(person) x 255 at the student's size. The last tenth
of them (`HELD`) shows people, photographs and places that no other lesson shows.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pictures
from modelkit import measure
from modelkit.build import ROOT
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
HELD = 0.1
PARENT = "landscape-144x256-float16.tflite"


def panoramas(git: Path) -> list[NDArray[np.float32]]:
    """The panoramas (equirectangular, linear light, RGB) in folder hdri of a repository without a work tree."""
    run = ["git", f"--git-dir={git}"]
    names = subprocess.run([*run, "ls-tree", "--name-only", "HEAD", "hdri/"], capture_output=True, check=True)
    found = []
    for name in sorted(names.stdout.decode().split()):
        data = subprocess.run([*run, "show", f"HEAD:{name}"], capture_output=True, check=True).stdout
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
        found.append(np.ascontiguousarray(bgr[..., ::-1]).astype(np.float32))
    return found


def view(panorama: NDArray[np.float32], rng: np.random.Generator) -> Rgb:
    """What a camera in the middle of a panorama sees: pictures.SIZE, stretched a little, exposed by chance."""
    w, h = pictures.SIZE
    half = np.tan(np.deg2rad(rng.uniform(45, 110)) / 2)
    tall = half * h / w * rng.uniform(0.9, 2.0)  # as upright pictures are stretched
    x, y = np.meshgrid(np.linspace(-half, half, w), np.linspace(-tall, tall, h))
    pitch, yaw = np.deg2rad(rng.normal(0, 8)), rng.uniform(-np.pi, np.pi)
    down, ahead = y * np.cos(pitch) + np.sin(pitch), np.cos(pitch) - y * np.sin(pitch)
    ph, pw = panorama.shape[:2]
    u = ((np.arctan2(x, ahead) + yaw) / (2 * np.pi) % 1 * pw).astype(np.float32)
    v = ((np.arctan2(down, np.hypot(x, ahead)) / np.pi + 0.5) * ph).astype(np.float32)
    seen = cv2.remap(panorama, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    exposed = seen * (0.25 * np.exp(rng.normal(0, 0.5)) / max(float(np.median(seen)), 1e-4))
    return np.rint(np.clip(exposed, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def scene(people: list[pictures.Person], places: list[NDArray[np.float32]], rng: np.random.Generator) -> Rgb:
    """0 to 3 people, the first one near, in a real place or a painted room."""
    made = view(places[rng.integers(len(places))], rng) if rng.random() < 0.7 else pictures.room(rng)
    made = np.ascontiguousarray(made)
    if rng.random() < 0.5:
        made = cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.5, 3)))  # type: ignore[assignment]
    alpha = np.zeros(made.shape[:2], np.float32)
    near = float(np.exp(rng.uniform(np.log(0.5), np.log(1.3))))
    for k in range(int(rng.choice([0, 1, 2, 3], p=[0.06, 0.74, 0.14, 0.06]))):
        share = near * float(rng.uniform(0.8, 1.1)) * 0.75**k
        pictures.paste(made, alpha, people[rng.integers(len(people))], rng, share)
    if rng.random() < 0.15:
        pictures.occlude(made, alpha, rng)
    if rng.random() < 0.3:
        made = cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.4, 1.0)))  # type: ignore[assignment]
    return made


def light(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """The picture in other light, through another camera; one in four as it is."""
    if rng.random() < 0.25:
        return rgb
    x = np.arange(256, dtype=np.float32) / 255
    x = x ** np.exp(rng.uniform(-0.5, 0.5))
    x = (x - 0.5) * np.exp(rng.uniform(-0.25, 0.25)) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.12:
        x = x * rng.uniform(0.15, 1)
    tables = np.clip(x[:, None] * np.exp(rng.uniform(-0.1, 0.1, 3)), 0, 1) * 255
    lit = cv2.LUT(rgb, np.rint(tables).astype(np.uint8)[:, None])
    if rng.random() < 0.06:
        lit = np.repeat(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.5:
        noise = np.empty(lit.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, 0, rng.uniform(0.5, 4.0) ** 2)
        lit = np.clip(lit + noise, 0, 255).astype(np.uint8)
    return lit  # type: ignore[return-value]


def ask(net: measure.Net, rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """P(person) x 255 that `net` sees in a picture of any size, at `size` (width, height)."""
    said = cv2.resize(net.run(measure.fit(rgb, net.size)), size, interpolation=cv2.INTER_AREA)
    return np.rint(said * 255).astype(np.uint8)


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    ap.add_argument("--size", required=True, help="of the student, HEIGHTxWIDTH")
    for name in ("hands", "gestures", "portraits", "panoramas", "data"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--count", type=int, default=24000)
    ap.add_argument("--seed", type=int, default=3)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(a.seed)
    h, w = (int(n) for n in a.size.split("x"))
    parent = measure.load(ROOT / "models" / PARENT, 1)
    photos, people = pictures.sources(a.hands, a.gestures, a.portraits, a.data)
    places = panoramas(a.panoramas)
    a.out.mkdir(parents=True, exist_ok=True)
    make = np.lib.format.open_memmap
    seen = make(a.out / "seen.npy", "w+", np.uint8, (a.count, h, w, 3))
    said = make(a.out / "said.npy", "w+", np.uint8, (a.count, h, w))
    kept = round(a.count * (1 - HELD))
    for k in range(a.count):
        if k in (0, kept):  # one in ten of everything, always the same, is for the held-out lessons alone
            own = [[one for i, one in enumerate(of) if (i % 10 == 9) == (k > 0)] for of in (photos, people, places)]
        rgb = pictures.crop(own[0][rng.integers(len(own[0]))], rng) if k % 10 < 3 else scene(own[1], own[2], rng)
        rgb = light(rgb, rng)
        seen[k], said[k] = measure.fit(rgb, (w, h)), ask(parent, rgb, (w, h))
        if k % 2000 == 1999:
            print(f"{k + 1} of {a.count}", flush=True)


if __name__ == "__main__":
    main()
