"""People with soft alpha for plate_scenes.py, cut out by MODNet where MediaPipe's network agrees about them.

    plate_people.py OUT.npz --gestures GIT --portraits GIT --data DATA

DATA has the two portraits in the public domain and `models/modnet.onnx` (README.md). The colours in the soft band are
their own: those of the sure pixels beside them, so that no old room comes along.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pictures
from modelkit import measure

AGREE = 0.9  # IoU of both networks
EVERY = {"gestures": 80, "portraits": 5}


class Matting:
    """MODNet: RGB -> alpha."""

    def __init__(self, onnx: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._net = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])

    def __call__(self, rgb: Any) -> Any:
        """P(person) float32 `(h, w)` of a picture, asked at 256 pixels of the shorter side."""
        h, w = rgb.shape[:2]
        scale = 256 / min(h, w)
        size = (round(w * scale / 32) * 32, round(h * scale / 32) * 32)
        x = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        said = self._net.run(None, {"input": x.transpose(2, 0, 1)[None]})[0][0, 0]
        return cv2.resize(said, (w, h), interpolation=cv2.INTER_AREA)


def own_colours(rgb: Any, alpha: Any) -> Any:
    """The picture with the colours of the sure person continued outwards over the soft band and beyond."""
    made = rgb.astype(np.float32)
    sure = (alpha > 0.97).astype(np.float32)
    found = made * sure[..., None]
    left = 1 - sure
    for size in (5, 13, 41, 121):  # the nearest that there is
        weight = cv2.blur(sure, (size, size))
        near = (
            cv2.blur(found * left[..., None] + made * sure[..., None], (size, size))
            / np.maximum(weight, 1e-4)[..., None]
        )
        take = (left > 0) & (weight > 0.02) & (found.sum(axis=2) == 0)
        found[take] = near[take]
    inside = np.clip((alpha - 0.5) / 0.47, 0, 1)[..., None]  # hair that is half there keeps some of its own texture
    return np.clip(made * inside + np.where(found.sum(axis=2, keepdims=True) > 0, found, made) * (1 - inside), 0, 255)


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    for name in ("gestures", "portraits", "data"):
        ap.add_argument(f"--{name}", type=Path, required=True)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    matting, teacher = Matting(a.data / "models" / "modnet.onnx"), pictures.Teacher()
    photos = [
        cv2.cvtColor(cv2.imread(str(a.data / name)), cv2.COLOR_BGR2RGB)
        for name in ("astronaut.png", "grace_hopper.jpg")
    ]
    photos += list(pictures.blobs(a.portraits, "images", EVERY["portraits"]))
    photos += list(pictures.blobs(a.gestures, "dataset/photos/body", EVERY["gestures"]))
    people = []
    for rgb in photos:
        alpha = matting(rgb)
        if not 0.08 < alpha.mean() < 0.9 or measure.iou(alpha > 0.5, teacher.ask("general", rgb) > 0.5) < AGREE:
            continue
        bgr = own_colours(rgb, alpha)[..., ::-1]
        people.append(np.dstack((bgr, alpha * 255)).round().astype(np.uint8))
    held = np.empty(len(people), object)
    held[:] = people
    np.savez(a.out, people=held)
    print(f"{len(people)} of {len(photos)} photographs")


if __name__ == "__main__":
    main()
