"""Pictures that may train, and what the teacher says about them: composites for distil.py, cached as uint8 arrays.

    pictures.py OUT --hands GIT --gestures GIT --portraits GIT --data DATA [--count 6000]

GIT: git folders of the three collections that README.md names; DATA holds the two portraits in the public domain.
OUT gets `pictures.npy` (n, 192, 320, 3) RGB, `teacher.npy` and `pasted.npy` (n, 192, 320): P(person) x 255 as the
teacher sees the finished picture, and as it saw every person pasted into it, alone and close up.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from modelkit import measure
from modelkit.build import ROOT
from numpy.typing import NDArray

from edge_bg.lab import rooms
from edge_bg.sources.room import draw_room

Rgb = NDArray[np.uint8]
SIZE = (320, 192)
EVERY = {"hands": 4, "body": 6, "hand": 8, "portraits": 1}  # neighbours in the first three are all but the same picture


@dataclass
class Person:
    """A cut-out: RGB and alpha (uint8, h, w); `cut` tells that the picture's lower edge cuts the body off."""

    rgb: Rgb
    alpha: Rgb
    cut: bool


def blobs(git: Path, folder: str, every: int) -> Iterator[Rgb]:
    """Every `every`-th JPEG under `folder` of a repository without a work tree, RGB, longest side at most 480."""
    run = ["git", f"--git-dir={git}"]
    names = subprocess.run([*run, "ls-tree", "-r", "--name-only", "HEAD", folder], capture_output=True, check=True)
    jpegs = sorted(n for n in names.stdout.decode().splitlines() if n.lower().endswith(".jpg"))
    with subprocess.Popen([*run, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git_:
        assert git_.stdin and git_.stdout
        for name in jpegs[::every]:
            git_.stdin.write(f"HEAD:{name}\n".encode())
            git_.stdin.flush()
            length = int(git_.stdout.readline().split()[2])
            data = git_.stdout.read(length + 1)[:length]
            yield _opened(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
        git_.stdin.close()


def _opened(bgr: NDArray[np.uint8]) -> Rgb:
    scale = min(1.0, 480 / max(bgr.shape[:2]))
    return cv2.cvtColor(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


class Teacher:
    """MediaPipe's float networks, each asked twice, once in the mirror."""

    def __init__(self) -> None:
        names = ("landscape-144x256", "large-192x320", "general-256x256")
        self.nets = {n.split("-")[0]: measure.load(ROOT / "models" / f"{n}-float16.tflite", 1) for n in names}

    def ask(self, name: str, rgb: Rgb) -> NDArray[np.float32]:
        """P(person), float32, of the picture's size."""
        net = self.nets[name]
        x = measure.fit(rgb, net.size)
        both = net.run(x).copy() + net.run(np.ascontiguousarray(x[:, ::-1]))[:, ::-1]
        return cv2.resize(both / 2, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]

    def scene(self, rgb: Rgb) -> NDArray[np.float32]:
        """What the student shall learn: the mean of two sizes."""
        return (self.ask("landscape", rgb) + self.ask("large", rgb)) / 2

    def person(self, rgb: Rgb) -> Person | None:
        """The one person in a picture, seen close up, where two different networks agree on it; else None."""
        first = (self.ask("landscape", rgb) + self.ask("general", rgb)) / 2 > 0.5
        count, _, stats, _ = cv2.connectedComponentsWithStats(first.astype(np.uint8))
        if count < 2:
            return None
        x, y, w, h = stats[1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]), :4]
        if w * h < 0.02 * first.size:
            return None
        mx, my = w // 6 + 4, h // 8 + 4
        top, left = max(0, y - my), max(0, x - mx)
        close = rgb[top : y + h + my, left : x + w + mx]
        a, b = self.ask("landscape", close), self.ask("general", close)
        if measure.iou(a > 0.5, b > 0.5) < 0.9:
            return None
        alpha = (np.clip((a + b) / 2 * 1.1 - 0.05, 0, 1) * 255).astype(np.uint8)
        return Person(np.ascontiguousarray(close), alpha, bool(alpha[-2:].max() > 127))


def room(rng: np.random.Generator) -> Rgb:
    """A room nobody is in: painted one way or the other, or a mere gradient."""
    kind = rng.random()
    if kind < 0.45:
        return cv2.cvtColor(draw_room(SIZE, int(rng.integers(1 << 30))), cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
    if kind < 0.85:
        made = rooms.painted(SIZE, rng, clutter=float(rng.uniform(0.3, 2)), figures=int(rng.integers(0, 2)))
        return cv2.cvtColor(made, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
    corners = rng.integers(0, 256, (int(rng.integers(2, 7)), int(rng.integers(2, 9)), 3)).astype(np.uint8)
    return cv2.resize(corners, SIZE, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def paste(scene: Rgb, truth: NDArray[np.float32], person: Person, rng: np.random.Generator, share: float) -> None:
    """Put a person into a scene, turned, stretched and lit by chance; `share` of the scene's height it shall fill."""
    h, w = truth.shape
    tall = share * h
    fy = tall / person.alpha.shape[0]
    fx = fy * float(rng.uniform(0.75, 2.0))  # wide: upright photographs are stretched to the network's shape
    x = float(rng.uniform(0.1, 0.9)) * w
    bottom = h + 1 if person.cut or rng.random() < 0.3 else h * float(rng.uniform(0.75, 1.05))
    ph, pw = person.alpha.shape
    angle = np.deg2rad(rng.normal(0, 5))
    c, s = np.cos(angle), np.sin(angle)
    flip = -1 if rng.random() < 0.5 else 1
    m = np.array([[fx * c * flip, -fy * s], [fx * s * flip, fy * c]])
    m = np.hstack([m, (np.array([x, bottom]) - m @ np.array([pw / 2, ph]))[:, None]])
    small = max(fx, fy) < 0.6  # shrinking: average first, or thin parts break up
    src, a = person.rgb, person.alpha
    if small:
        k = 0.3 / max(fx, fy)
        src, a = cv2.GaussianBlur(src, (0, 0), k), cv2.GaussianBlur(a, (0, 0), k)  # type: ignore[assignment]
    gain = rng.uniform(0.6, 1.35) * rng.uniform(0.93, 1.07, 3)
    lit = np.clip(src * gain, 0, 255).astype(np.uint8)
    fore = cv2.warpAffine(lit, m, (w, h), borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(a, m, (w, h)).astype(np.float32) / 255
    scene[:] = (fore * alpha[..., None] + scene * (1 - alpha[..., None])).astype(np.uint8)
    np.maximum(truth, alpha, out=truth)


def occlude(scene: Rgb, truth: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A plain object before everything."""
    h, w = truth.shape
    middle = (rng.uniform(0.1, 0.9) * w, rng.uniform(0.4, 1) * h)
    box = (middle, (rng.uniform(8, 70), rng.uniform(8, 60)), rng.uniform(0, 180))
    colour = [int(v) for v in rng.integers(0, 256, 3)]
    corners = cv2.boxPoints(box).astype(np.int32)
    cv2.fillPoly(scene, [corners], colour, cv2.LINE_AA)
    hole = np.zeros(truth.shape, np.uint8)
    cv2.fillPoly(hole, [corners], 255, cv2.LINE_AA)
    truth *= 1 - hole.astype(np.float32) / 255


def composite(people: list[Person], empty: list[Rgb], rng: np.random.Generator) -> tuple[Rgb, NDArray[np.float32]]:
    """A scene of 0 to 4 people in one of the `empty` rooms, and their alpha."""
    scene = crop(empty[rng.integers(len(empty))], rng)
    truth = np.zeros(SIZE[::-1], np.float32)
    count = int(rng.choice([0, 1, 2, 3, 4], p=[0.05, 0.6, 0.2, 0.1, 0.05]))
    near = float(np.exp(rng.uniform(np.log(0.25), np.log(1.25))))
    for k in range(count):
        paste(scene, truth, people[rng.integers(len(people))], rng, near * float(rng.uniform(0.8, 1.1)) * (0.8**k))
    if rng.random() < 0.2:
        occlude(scene, truth, rng)
    if rng.random() < 0.4:
        scene = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.4, 1.2)))  # type: ignore[assignment]
    return scene, truth


def crop(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A part of a photograph, stretched to SIZE, maybe mirrored or tilted."""
    h, w = rgb.shape[:2]
    zoom = float(rng.uniform(0.45, 1.0))
    ch, cw = int(h * min(1.0, zoom * rng.uniform(0.9, 1.4))), int(w * zoom)
    y, x = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
    part = rgb[y : y + ch, x : x + cw]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((cw / 2, ch / 2), float(rng.normal(0, 8)), 1.1)
        part = cv2.warpAffine(np.ascontiguousarray(part), turn, (cw, ch), borderMode=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(measure.fit(np.ascontiguousarray(part), SIZE))


def sources(hands: Path, gestures: Path, portraits: Path, data: Path) -> tuple[list[Rgb], list[Person]]:
    """The photographs of all collections, and the people cut out of them."""
    teacher = Teacher()
    photos: list[Rgb] = []
    people: list[Person] = []
    folders = [
        *((hands, f"images/{part}", EVERY["hands"]) for part in ("train", "test")),
        (gestures, "dataset/photos/body", EVERY["body"]),
        (gestures, "dataset/photos/hand", EVERY["hand"]),
        (portraits, "images", EVERY["portraits"]),
    ]
    for git, folder, every in folders:
        before = len(people)
        for rgb in blobs(git, folder, every):
            photos.append(rgb)
            found = teacher.person(rgb)
            if found:
                people.append(found)
        print(f"{folder}: {len(photos)} photographs so far, {len(people) - before} cut-outs", flush=True)
    for name in ("astronaut.png", "grace_hopper.jpg"):
        found = teacher.person(_opened(cv2.imread(str(data / name))))
        assert found is not None
        people += [found] * 15  # whole poses of two more people: worth meeting more often
    return photos, people


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("hands", "gestures", "portraits", "data"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--count", type=int, default=6000)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(20)
    teacher = Teacher()
    photos, people = sources(a.hands, a.gestures, a.portraits, a.data)
    empty = [room(rng) for _ in range(a.count // 15)]
    a.out.mkdir(parents=True, exist_ok=True)
    shape = (a.count, SIZE[1], SIZE[0])
    make = np.lib.format.open_memmap
    pictures = make(a.out / "pictures.npy", "w+", np.uint8, (*shape, 3))
    asked, pasted = (make(a.out / f"{n}.npy", "w+", np.uint8, shape) for n in ("teacher", "pasted"))
    for k in range(a.count):
        if k % 10 < 3:  # photographs as they are: the teacher's word is all there is
            rgb = crop(photos[rng.integers(len(photos))], rng)
            alpha = teacher.scene(rgb)
            pictures[k], asked[k], pasted[k] = rgb, alpha * 255, alpha * 255
            continue
        rgb, truth = composite(people, empty, rng)
        pictures[k], asked[k], pasted[k] = rgb, teacher.scene(rgb) * 255, truth * 255
        if k % 500 == 499:
            print(f"{k + 1} of {a.count}", flush=True)


if __name__ == "__main__":
    main()
