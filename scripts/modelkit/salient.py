"""The recipe of `objects`: U2-Netp from its ONNX file.

Eight bits suit the network, but for one thing: some channels are all but constant (one is 226 wherever one looks), so
that what rounding does to them and to their weights is no noise, it moves whole layers (IoU with the float network
0.93). So each convolution's bias takes back what rounding adds to its output in the mean (Nagel et al. 2019,
"Data-Free Quantization Through Weight Equalization and Bias Correction"): 0.99.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from . import calibrate as C
from . import from_onnx, quantise, surgery, tflite
from .catalogue import Pixels, Variant
from .graph import Graph
from .measure import Picture, fit

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # mean and deviation, pixels 0..255
LOGIT = 8.0  # where a logistic function has arrived at 0 or 1
ROWS = 2000  # places of an activation that are looked at, in each picture
PLACES = 14  # pictures of DATA/calibration, each seen twice

CHANGES = (
    "ONNX to TFLite (scripts/modelkit/from_onnx.py): only the first of seven outputs; the mean and the deviation of "
    "the pixels are in the first layer's weights; the map is not stretched to 0..1 afterwards"
)
QUANTISATION = (
    "post-training, int8 activations per tensor, int8 weights per channel, biases corrected for what rounding adds in "
    "the mean (scripts/modelkit/salient.py), no training"
)
CALIBRATION = (
    "activation ranges and bias corrections only (scripts/modelkit/calibration.json), read from photographs of "
    "github.com/bearpaw/clothing-co-parsing, two public-domain portraits and three pictures of scikit-image "
    "(coffee, chelsea, rocket: CC0); no weight was trained"
)

Rows = dict[str, NDArray[np.float32]]


def base(data: bytes, v: Variant) -> Graph:
    """The float graph that ships."""
    g = from_onnx.read(data, v.size)
    surgery.fuse_relu(g)
    from_onnx.normalised(g, *IMAGENET, v.pixels)
    return g


def both(data: bytes, v: Variant, numbers: dict[str, Any]) -> tuple[Graph, Graph]:
    """The float graph that ships and the int8 one, from the ONNX file and the calibration's numbers."""
    whole = base(data, v)
    parts = whole.copy()
    correct(parts, numbers["biases"])
    ranges = {name: (low, high) for name, (low, high) in numbers["ranges"].items()}
    return whole, quantise.quantise(parts, ranges, v.pixels)


def calibrate(data: bytes, v: Variant, folder: Path) -> dict[str, Any]:
    """The numbers of `both`, from the pictures in `folder` (see CALIBRATION)."""
    g, size = base(data, v), (v.size[1], v.size[0])
    pictures = [*C.framings(folder / "calibration", size, PLACES), *C.portraits(folder, size), *others(size)]
    note = {
        "what": "ranges: [low, high] of each activation, its 0.003 and 99.997 percentiles, the last logits by rule; "
        "biases: what rounding adds to each convolution's output in the mean",
        "date": datetime.date.today().isoformat(),
    }
    return {"provenance": note, **numbers(g, pictures, v.pixels)}


def numbers(g: Graph, pictures: list[Picture], pixels: Pixels) -> dict[str, Any]:
    """The ranges of a float graph's activations and the corrections of its biases, as calibration.json has them."""
    rows = seen(g, pictures, pixels)
    ranges = {name: tuple(np.percentile(x, [0.003, 99.997]).round(5).tolist()) for name, x in rows.items()}
    ranges[C.source(g, g.producer(g.output).inputs[0])] = (-LOGIT, LOGIT)  # type: ignore[union-attr]
    biases = corrections(g, quantise.quantise(g, ranges, pixels), rows)
    kept = {op.output: list(ranges[op.output]) for op in g.ops if op.kind not in quantise.SAME_SCALE}
    return {"ranges": kept, "biases": {k: [float(x) for x in np.round(b, 5)] for k, b in biases.items()}}


def others(size: tuple[int, int]) -> list[Picture]:
    """Three pictures of things, as scikit-image carries them (all CC0)."""
    from skimage import data

    return [fit(np.ascontiguousarray(rgb[..., :3]), size) for rgb in (data.coffee(), data.chelsea(), data.rocket())]


def seen(g: Graph, pictures: list[Picture], pixels: Pixels, names: list[str] | None = None) -> Rows:
    """Some places of every activation, or of those in `names`, over all pictures: float32 (places, channels)."""
    it = Interpreter(model_content=tflite.write(g), num_threads=1, experimental_preserve_all_tensors=True)
    it.allocate_tensors()
    ids = {d["name"]: d["index"] for d in it.get_tensor_details()}
    rng = np.random.default_rng(0)
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names or [op.output for op in g.ops]}
    for picture in pictures:
        it.set_tensor(ids[g.input], ((picture.astype(np.float32) - pixels.grey) / np.float32(pixels.span))[None])
        it.invoke()
        for name, kept in found.items():
            x = it.get_tensor(ids[name])
            rows = x.reshape(-1, x.shape[-1])
            kept.append(rows if len(rows) < ROWS else rows[rng.integers(0, len(rows), ROWS)])
    return {name: np.concatenate(kept) for name, kept in found.items()}


def corrections(g: Graph, integer: Graph, rows: Rows) -> dict[str, NDArray[np.float64]]:
    """What rounding adds to the output of each convolution of `integer` in the mean, per channel, by its name."""
    found = {}
    for op in g.ops:
        if op.kind != "CONV_2D" or op.inputs[0] not in rows:
            continue
        x, q = rows[op.inputs[0]].astype(np.float64), integer.quants[op.inputs[0]]
        codes = np.clip(np.round(x / q.scale) + q.zero_point, -128, 127)
        rounded = ((codes - q.zero_point) * q.scale).mean(axis=0)
        step = integer.quants[op.output + "/weights"].scale[:, None, None, None].astype(np.float64)
        stored = integer.consts[op.output + "/weights"] * step
        found[op.output] = (stored * rounded - g.consts[op.inputs[1]] * x.mean(axis=0)).sum(axis=(1, 2, 3))
    return found


def correct(g: Graph, biases: dict[str, Any]) -> None:
    """Take from each bias what rounding will add."""
    for op in g.ops:
        if op.output in biases:
            moved = g.consts[op.inputs[2]] - np.array(biases[op.output])
            op.inputs[2] = g.const(op.output + "/b-", moved.astype(np.float32))
    g.sort()
