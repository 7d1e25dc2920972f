"""The recipe of `portrait`: MODNet from its ONNX file.

Half of its normalisation is over the instance: mean and deviation of the very picture. Measured on twelve upper bodies
and 24 webcam frames, each beside MODNet in float (IoU 0.951, boundary F 0.568):

    in eight bits                                  IoU    boundary F  agreement  flicker, times float's
    by parts (norms.by_parts: MEAN, SUB, RSQRT)    0.957  0.572       0.992      1.18
    each picture's mean, the deviation frozen      0.957  0.581       0.989      1.11
    both frozen                                    0.953  0.580       0.991      1.00

So both are frozen: the differences are small, nothing but convolutions, concatenations and enlargements is left, and
the frame's light does not pump the mask.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np

from . import calibrate as C
from . import from_onnx, norms, quantise, salient, slim, surgery
from .catalogue import Variant
from .graph import Graph

TRAIN = Path(__file__).resolve().parents[1] / "train"
CHANGES = (
    "ONNX to TFLite (scripts/modelkit/from_onnx.py); in int8 each instance normalisation takes the mean and the "
    "deviation of the calibration pictures (scripts/modelkit/norms.py), not the picture's own"
)
QUANTISATION = (
    "post-training, int8 activations per tensor, int8 weights per channel, biases corrected for what rounding adds in "
    "the mean (scripts/modelkit/salient.py), no training"
)
SLIM = (
    "its decoder has a quarter of the multiply-adds (scripts/modelkit/slim.py) and was trained to say what MODNet says "
    "(scripts/train/slim.py)"
)
CALIBRATION = (
    "activation ranges, statistics of normalisations and bias corrections only (scripts/modelkit/calibration.json), "
    "read from photographs of github.com/bearpaw/clothing-co-parsing and two portraits in the public domain; no "
    "weight was trained"
)


def base(data: bytes, v: Variant) -> Graph:
    """The float graph, its normalisations whole. What it takes for grey is 127.5; 128 here is half a level more."""
    g = from_onnx.read(data, v.size)
    norms.relu_before_concatenation(g)
    for op in g.ops:
        if op.kind == "RESIZE_BILINEAR":  # no name in the file tells the size: edge_bg.network.tflite.resized
            op.attrs["told"] = op.output
    return g


def whole(g: Graph) -> Graph:
    """The float graph as a file can hold it."""
    made = g.copy()
    norms.by_parts(made)
    surgery.fuse_relu(made)
    return made


def frozen(g: Graph, numbers: dict[str, Any], weights: Path | None = None) -> Graph:
    """The graph that is quantised, still float; with the smaller decoder of slim.py and its trained `weights`."""
    made = g.copy()
    norms.frozen(made, {name: (np.array(mean), np.array(var)) for name, (mean, var) in numbers["norms"].items()})
    surgery.fuse_relu(made)
    norms.merged(made)
    if weights is not None:
        slim.apply(made, slim.PLAN, weights)
    return made


def weights_of(v: Variant) -> Path | None:
    """The trained weights of a variant, if it has any."""
    return TRAIN / f"{v.retrained}.npz" if v.retrained else None


def both(data: bytes, v: Variant, numbers: dict[str, Any]) -> tuple[Graph, Graph]:
    """The float graph and the int8 one, from the ONNX file and the calibration's numbers."""
    g = base(data, v)
    parts = frozen(g, numbers, weights_of(v))
    salient.correct(parts, numbers["biases"])
    ranges = {name: (low, high) for name, (low, high) in numbers["ranges"].items()}
    return whole(g), quantise.quantise(parts, ranges, v.pixels)


def calibrate(data: bytes, v: Variant, folder: Path, stats: dict[str, Any] | None = None) -> dict[str, Any]:
    """The numbers of `both`, from the pictures in `folder` (see CALIBRATION).

    stats: mean and variance of each normalisation, with which the weights of `v` were trained; measured without.
    """
    g, size = base(data, v), (v.size[1], v.size[0])
    pictures = [*C.framings(folder / "calibration", size, salient.PLACES), *C.portraits(folder, size)]
    if stats is None:
        names = [op.output for op in g.ops if op.kind == "INSTANCE_NORM"]
        ends = ("/mean", "/variance")
        own = salient.seen(whole(g), pictures, v.pixels, [name + end for name in names for end in ends])
        stats = {name: [[float(x) for x in own[name + end].mean(axis=0).round(6)] for end in ends] for name in names}
    parts = frozen(g, {"norms": stats}, weights_of(v))
    found = salient.numbers(parts, pictures, v.pixels)
    note = {
        "what": "norms: mean and variance of each instance normalisation, their mean over the pictures; ranges: "
        "[low, high] of each activation, its 0.003 and 99.997 percentiles, the last logits by rule; biases: what "
        "rounding adds to each convolution's output in the mean",
        "date": datetime.date.today().isoformat(),
    }
    return {"provenance": note, "norms": stats, **found}
