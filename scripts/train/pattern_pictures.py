"""More pictures for slim.py: guests before strong patterns, of whom the very alpha is known.

    pattern_pictures.py OUT --people people.npz --panoramas GIT [--count 1000] [--seed 210] [--plain]

MODNet, at the size a board can hold, loses heads before book shelves, so that here it is not the teacher. Guests are
those of frame_guests.py, `--plain` busts alone, and most pictures are their rectangle, as the network looks live. OUT
is as that of matting_pictures.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import frame_guests
import numpy as np
import plate_rooms as rooms
import plate_scenes as scenes
from frame_guests import SIDE
from numpy.typing import NDArray

HELD = 0.1
SIZE = (320, 192)
TOP, BOTTOM = 128, 512  # rows of a square that a picture is made of
PATTERNS = (rooms.lattice, rooms.lattice, rooms.bricks, rooms.shelves, rooms.shelves, rooms.lights, rooms.noise)


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("people", "panoramas"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--count", type=int, default=1000)
    ap.add_argument("--seed", type=int, default=210)
    ap.add_argument("--plain", action="store_true", help="as they were photographed: no limbs, nothing held")
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(a.seed)
    people = list(np.load(a.people, allow_pickle=True)["people"])
    places = scenes.panoramas(a.panoramas)
    a.out.mkdir(parents=True, exist_ok=True)
    seen = np.lib.format.open_memmap(a.out / "seen.npy", "w+", np.uint8, (a.count, *SIZE[::-1], 3))
    said = np.lib.format.open_memmap(a.out / "said.npy", "w+", np.uint8, (a.count, *SIZE[::-1]))
    kept = round(a.count * (1 - HELD))
    for k in range(a.count):
        own = [[one for i, one in enumerate(of) if (i % 10 == 9) == (k >= kept)] for of in (people, places)]
        seen[k], said[k] = picture(own[0], own[1], a.plain, rng)
        if k % 100 == 99:
            print(f"{k + 1} of {a.count}", flush=True)


def picture(
    people: list[NDArray[np.uint8]], places: list[rooms.Floats], plain: bool, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(RGB uint8 (192, 320, 3), alpha uint8 (192, 320))."""
    while True:
        patterned = rng.random() < 0.7
        room = PATTERNS[rng.integers(len(PATTERNS))](SIDE, rng) if patterned else rooms.room(SIDE, places, rng)
        f, a = frame_guests.guests(people, room, rng, plain)
        x, y, wide, high = cv2.boundingRect((a[TOP:BOTTOM] > 0.5).astype(np.uint8))
        if wide * high > 0.06 * SIDE * (BOTTOM - TOP):
            break
    shown = np.clip(f * a[..., None] + scenes.shaded(room, a, rng) * (1 - a[..., None]), 0, 255)
    part = np.s_[TOP:BOTTOM]
    if rng.random() < 0.8:  # as the second network looks: at the people's rectangle
        around = rng.uniform(0.02, 0.25) * max(wide, high)
        left, top, right, bottom = (round(v) for v in (x - around, y - around, x + wide + around, y + high + around))
        part = np.s_[max(0, top) + TOP : min(bottom + TOP, BOTTOM), max(0, left) : min(right, SIDE)]
    both = [cv2.resize(np.asarray(v[part], np.float32), SIZE, interpolation=cv2.INTER_AREA) for v in (shown, a * 255)]
    bgr = both[0] * rng.uniform(0.5, 1.15) + rng.normal(0, rng.uniform(0, 5), both[0].shape)
    bgr = np.clip(np.rint(bgr), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        bgr = cv2.imdecode(cv2.imencode(".jpg", bgr, quality)[1], cv2.IMREAD_COLOR)
    return bgr[..., ::-1], np.rint(both[1]).astype(np.uint8)


if __name__ == "__main__":
    main()
