"""What a finished model is worth: IoU with hand-drawn masks, agreement with its float parent, flicker on video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

Mask = NDArray[np.float32]
Picture = NDArray[np.uint8]


def fit(rgb: Picture, size: tuple[int, int]) -> Picture:
    """Stretch a picture to `size` (width, height), as MediaPipe does and as the cards say.

    Measured against black bars on `people` and the 4:3 webcam clips: IoU 0.908 instead of 0.772, and half the flicker.
    """
    smaller = rgb.shape[1] > size[0]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)  # type: ignore[return-value]


@dataclass
class Net:
    """A loaded model: `run` takes an RGB picture of the model's size and gives P(person), float32 (h, w) in [0, 1]."""

    run: Callable[[Picture], Mask]
    size: tuple[int, int]


def load(model: Path | bytes, threads: int = 2) -> Net:
    """Load one of our models, int8 or float."""
    it = Interpreter(model_content=model if isinstance(model, bytes) else model.read_bytes(), num_threads=threads)
    it.allocate_tensors()
    i, o = it.get_input_details()[0], it.get_output_details()[0]
    integer = i["dtype"] == np.int8

    def run(rgb: Picture) -> Mask:
        x = (rgb.astype(np.int16) - 128).astype(np.int8) if integer else rgb.astype(np.float32) / 255
        it.set_tensor(i["index"], x[None])
        it.invoke()
        y = it.get_tensor(o["index"])[0, :, :, 0].astype(np.float32)
        return (y + 128) / 256 if integer else y

    return Net(run, (int(i["shape"][2]), int(i["shape"][1])))


def people_masks(net: Net, folder: Path, limit: int | None = None) -> list[NDArray[np.bool_]]:
    """The person of every picture in `folder`, at the picture's own size, P > 0.5."""
    out = []
    for path in sorted(folder.glob("*.jpg"))[:limit]:
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        out.append(
            cv2.resize(net.run(fit(rgb, net.size)), (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR) > 0.5
        )
    return out


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; two empty masks agree fully."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def truth(folder: Path, limit: int | None = None) -> list[NDArray[np.bool_]]:
    """The hand-drawn masks of `people/masks`."""
    return [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) > 127 for p in sorted(folder.glob("*.png"))[:limit]]


def clip_masks(net: Net, path: Path) -> list[Mask]:
    """P(person) of every frame of a clip."""
    cap, out = cv2.VideoCapture(str(path)), []
    while True:
        ok, bgr = cap.read()
        if not ok:
            break
        out.append(net.run(fit(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), net.size)).copy())
    cap.release()
    return out


def flicker(masks: list[Mask]) -> float:
    """1000 x the mean change of a pixel from one frame to the next."""
    return 1000 * float(np.mean([np.abs(b - a).mean() for a, b in pairwise(masks)]))


@dataclass
class Reference:
    """What the float parent says about the same data, and what its own figures are: computed once, compared often."""

    people: list[NDArray[np.bool_]]
    clips: dict[str, list[Mask]]
    truth: list[NDArray[np.bool_]]

    def iou(self) -> float:
        """Mean IoU with the hand-drawn masks."""
        return float(np.mean([iou(a, b) for a, b in zip(self.people, self.truth, strict=True)]))

    def flicker(self) -> float:
        """Mean over the clips."""
        return float(np.mean([flicker(masks) for masks in self.clips.values()]))


def reference(net: Net, data: Path, limit: int | None = None) -> Reference:
    """Run a network over `people` and `webcam`."""
    clips = {p.stem: clip_masks(net, p) for p in sorted((data / "webcam").glob("*.mkv"))}
    people = people_masks(net, data / "people" / "images", limit)
    return Reference(people, clips, truth(data / "people" / "masks", limit))


def measure(net: Net, data: Path, parent: Reference, limit: int | None = None) -> dict[str, float]:
    """The figures of a card.

    `iou` with the hand-drawn masks and its difference to the float parent's, `agreement`: mean IoU with the parent's
    masks (the lower of people and webcam), `flicker`: 1000 x the mean change of a pixel between frames.
    """
    own = reference(net, data, limit)
    people = float(np.mean([iou(a, b) for a, b in zip(own.people, parent.people, strict=True)]))
    webcam = float(
        np.mean(
            [
                np.mean([iou(a > 0.5, b > 0.5) for a, b in zip(masks, parent.clips[clip], strict=True)])
                for clip, masks in own.clips.items()
            ]
        )
    )
    return {
        "iou": round(own.iou(), 4),
        "iou_vs_float": round(own.iou() - parent.iou(), 4),
        "agreement": round(min(people, webcam), 4),
        "agreement_people": round(people, 4),
        "agreement_webcam": round(webcam, 4),
        "flicker": round(own.flicker(), 3),
        "flicker_of_float": round(parent.flicker(), 3),
    }
