"""Pictures for slim.py, and what MODNet says of each: its student learns to say the same, cheaper.

    matting_pictures.py OUT --people people.npz --gestures GIT --portraits GIT --panoramas GIT --data DATA

People with soft alpha (plate_people.py) before real places and painted rooms, and photographs as they were taken, all
in other light; README.md says which collections. OUT gets `seen.npy` (n, 192, 320, 3) RGB and `said.npy` (n, 192, 320),
MODNet's alpha x 255. The last tenth (`lessons.HELD`) shows people, photographs and places that no other shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import lessons
import numpy as np
import onnxruntime
import pictures

EVERY = {"gestures": 12, "portraits": 1}
PHOTOGRAPHS = 3  # of ten


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("people", "gestures", "portraits", "panoramas", "data"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    ap.add_argument("--count", type=int, default=3000)
    ap.add_argument("--seed", type=int, default=17)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(a.seed)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    modnet = onnxruntime.InferenceSession(
        str(a.data / "models" / "modnet.onnx"), options, providers=["CPUExecutionProvider"]
    )
    people = []
    for bgra in np.load(a.people, allow_pickle=True)["people"]:
        rgb, alpha = np.ascontiguousarray(bgra[..., 2::-1]), np.ascontiguousarray(bgra[..., 3])
        people.append(pictures.Person(rgb, alpha, bool(alpha[-2:].max() > 127)))
    photos = list(pictures.blobs(a.portraits, "images", EVERY["portraits"]))
    photos += list(pictures.blobs(a.gestures, "dataset/photos/body", EVERY["gestures"]))
    rng.shuffle(photos)  # type: ignore[arg-type]
    rng.shuffle(people)  # type: ignore[arg-type]
    places = lessons.panoramas(a.panoramas)
    a.out.mkdir(parents=True, exist_ok=True)
    w, h = pictures.SIZE
    seen = np.lib.format.open_memmap(a.out / "seen.npy", "w+", np.uint8, (a.count, h, w, 3))
    said = np.lib.format.open_memmap(a.out / "said.npy", "w+", np.uint8, (a.count, h, w))
    kept = round(a.count * (1 - lessons.HELD))
    for k in range(a.count):
        if k in (0, kept):
            own = [[one for i, one in enumerate(of) if (i % 10 == 9) == (k > 0)] for of in (photos, people, places)]
        if k % 10 < PHOTOGRAPHS:
            rgb = pictures.crop(own[0][rng.integers(len(own[0]))], rng)
        else:
            rgb = lessons.scene(own[1], own[2], rng)
        seen[k] = rgb = lessons.light(rgb, rng)
        x = rgb.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        said[k] = np.rint(modnet.run(None, {"input": x})[0][0, 0] * 255)
        if k % 500 == 499:
            print(f"{k + 1} of {a.count}", flush=True)


if __name__ == "__main__":
    main()
