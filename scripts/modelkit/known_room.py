"""The network of the known room: weights from scripts/train/plate.py -> int8 TFLite, byte for byte the same.

    scripts/build_known_room [--check]      models/room/room-48x48-int8.tflite and its card, from known-room.npz
    ... --calibrate SCENES                  first measure the activations' ranges on scenes of plate_scenes.py

`known-room.npz` holds the weights (half precision) and `known-room.json` the ranges: nothing else is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from . import calibrate as C
from . import graph as G
from . import quantise, tflite
from .build import dump
from .catalogue import PLAIN
from .fetch import ROOT

TRAIN = ROOT / "scripts" / "train"
WEIGHTS, RANGES = TRAIN / "known-room.npz", TRAIN / "known-room.json"
OUT = ROOT / "models" / "room"
SIDE, CHANNELS, BATCH = 48, 9, 4
LIMIT = 8.0  # of the last convolution's numbers, either way


class _Maker:
    """Adds operators to a graph, one behind another."""

    def __init__(self, weights: dict[str, np.ndarray], batch: int) -> None:
        self.w = weights
        shape = (batch, SIDE, SIDE, CHANNELS)
        self.g = G.Graph("patch", "", [], {"patch": shape}, {})

    def conv(self, name: str, source: str, stride: int = 1, act: str = "RELU6") -> str:
        w = self.w[name + "/w"]
        depthwise = name.endswith(".spread")
        n, h, width, _ = self.g.shapes[source]
        channels = w.shape[3] if depthwise else w.shape[0]
        self.g.const(name + "/w", w), self.g.const(name + "/b", self.w[name + "/b"])
        attrs = {"stride": stride, "padding": "SAME", "act": act}
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self.put(
            kind, [source, name + "/w", name + "/b"], name, (n, h // stride, width // stride, channels), attrs
        )

    def put(self, kind: str, inputs: list[str], name: str, shape: tuple[int, ...], attrs: dict[str, Any]) -> str:
        self.g.ops.append(G.Op(kind, inputs, name, attrs))
        self.g.shapes[name] = shape
        return name

    def mix(self, name: str, source: str, stride: int = 1) -> str:
        return self.conv(name + ".mix", self.conv(name + ".spread", source, stride))

    def add(self, a: str, b: str, name: str) -> str:
        return self.put("ADD", [a, b], name, self.g.shapes[a], {"act": "NONE"})

    def twice(self, source: str) -> str:
        n, h, w, c = self.g.shapes[source]
        attrs = {"half_pixel": True, "align": False}
        return self.put("RESIZE_BILINEAR", [source], source + "/twice", (n, 2 * h, 2 * w, c), attrs)


def _depth(weights: dict[str, np.ndarray], part: str) -> int:
    return sum(name.startswith(part + ".") and name.endswith(".mix/b") for name in weights)


def graph(weights: dict[str, np.ndarray], batch: int = BATCH) -> G.Graph:
    """The float graph of `plate.Plate`, but for what `edge_bg.network.patches` does with its last nine channels."""
    m = _Maker(weights, batch)
    fine = m.mix("fine", m.conv("stem", "patch", 2))
    half = m.mix("down1", fine, 2)
    for k in range(_depth(weights, "middle")):
        half = m.add(half, m.mix(f"middle.{k}", half), f"middle.{k}.sum")
    low = m.mix("down2", half, 2)
    for k in range(_depth(weights, "deep")):
        low = m.add(low, m.mix(f"deep.{k}", low), f"deep.{k}.sum")
    half = m.mix("join2", m.add(half, m.twice(m.conv("up2", low, act="NONE")), "join2.sum"))
    fine = m.mix("join1", m.add(fine, m.twice(m.conv("up1", half, act="NONE")), "join1.sum"))
    m.g.output = m.conv("ends", fine, act="NONE")
    return m.g


def calibrate(weights: dict[str, np.ndarray], scenes: Path, count: int = 400) -> dict[str, list[float]]:
    """The range of every activation on patches of held-out scenes."""
    seen = np.load(scenes / "seen.npy", mmap_mode="r")
    rng = np.random.default_rng(3)
    pictures = []
    for _ in range(count):
        k = int(rng.integers(round(0.9 * len(seen)), len(seen)))
        y, x = (int(n) for n in rng.integers(0, seen.shape[1] - SIDE + 1, 2))
        pictures.append(np.ascontiguousarray(seen[k, y : y + SIDE, x : x + SIDE]))
    found = C.ranges(graph(weights, 1), pictures, 99.98) | {"ends": (-LIMIT, LIMIT)}
    return {name: [low, high] for name, (low, high) in found.items()}


def load(path: Path) -> dict[str, np.ndarray]:
    """The weights, float32, by name."""
    with np.load(path) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def build(weights: dict[str, np.ndarray], ranges: dict[str, list[float]], batch: int = BATCH) -> bytes:
    """The int8 model."""
    limits = {name: (low, high) for name, (low, high) in ranges.items()}
    integer = quantise.quantise(graph(weights, batch), limits)
    return tflite.write(integer, description="edge_bg room int8: alpha before a known room, trained here (Apache-2.0)")


def card(data: bytes, weights: dict[str, np.ndarray], old: dict[str, Any] | None) -> dict[str, Any]:
    """The card; what was measured is carried over while the bytes are the same."""
    sha, ends = hashlib.sha256(data).hexdigest(), quantise.affine(-LIMIT, LIMIT)
    return {
        "name": "room",
        "precision": "int8",
        "file": "room-48x48-int8.tflite",
        "sha256": sha,
        "input": {
            "shape": [BATCH, SIDE, SIDE, CHANNELS], "dtype": "int8",
            "channels": "Y of the frame, Y of the room; 2, 4, 4 times (frame - room) of Y, U, V: the largest, then "
            "each + 128; rough mask; 255 where the room is known; 128 + 127 times the share by which Y differs "
            "(edge_bg.matte.known.show)",
            "scale": float(quantise.picture(PLAIN).scale), "zero_point": int(quantise.picture(PLAIN).zero_point),
        },
        "output": {
            "shape": [BATCH, SIDE // 2, SIDE // 2, 9], "dtype": "int8",
            "channels": "of each square of four pixels: what is said of each, row by row; then slopes, by which "
            "channels 2 to 5 and 8 of a pixel, less 128 but for 2, count 32 / 255 each; alpha is the sum's logistic",
            "scale": float(ends.scale), "zero_point": int(ends.zero_point),
        },
        "licence": "Apache-2.0",
        "provenance": {
            "source": "trained here: scripts/train/plate.py, weights in scripts/train/known-room.npz",
            "build": "scripts/build_known_room",
            "weights": int(sum(w.size for w in weights.values())),
            "multiply_adds": graph(weights, 1).macs(),
            "quantisation": "post-training, int8 activations per tensor, int8 weights per channel",
            "calibration": "activation ranges from held-out training scenes (scripts/train/known-room.json)",
        },
        "training_data": "scenes put together by scripts/train/plate_scenes.py and frame_scenes.py: official portraits "
        "of members of the US Congress (github.com/Hainish/congress-images-225x275, public domain), participants of "
        "github.com/emrecandir9/custom-gesture-dataset (MIT), two portraits (NASA, US Navy, public domain), cut out by "
        "MODNet (github.com/ZHKKKe/MODNet, Apache-2.0), and drawn things, before drawn rooms and views of panoramas "
        "(github.com/pmndrs/drei-assets, CC0); drawn shadows, noise and errors",
        "intended_use": "matte.booth: the edges of people and of what they hold, for a camera that stands still",
        "limits": [
            "knows no people: whatever differs from the room beside somebody is kept",
            "where a thing has the room's colours, the rough mask decides",
        ],
        "measured": old["measured"] if old and old.get("sha256") == sha else None,
    }  # fmt: skip


def main() -> None:
    """Command line of scripts/build_known_room."""
    ap = argparse.ArgumentParser(prog="build_known_room", description="Build models/room and its card.")
    ap.add_argument("--check", action="store_true", help="compare with what is there, change nothing")
    ap.add_argument("--calibrate", type=Path, metavar="SCENES", help="first measure the ranges again")
    a = ap.parse_args()
    weights = load(WEIGHTS)
    if a.calibrate:
        RANGES.write_text(json.dumps(calibrate(weights, a.calibrate), indent=1) + "\n")
    data = build(weights, json.loads(RANGES.read_text()))
    path = OUT / "room-48x48-int8.tflite"
    beside = path.with_suffix(".yaml")
    old = yaml.safe_load(beside.read_text()) if beside.exists() else None
    files = {path: data, beside: dump(card(data, weights, old)).encode()}
    different = [p for p, content in files.items() if not p.exists() or p.read_bytes() != content]
    for p, content in files.items():
        print(f"{'differs' if p in different else 'same':7} {len(content):8d} {p.relative_to(ROOT)}")
        if p in different and not a.check:
            tflite.save(p, content)
    if a.check and different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
