"""Weights that were trained with eight bits in mind (scripts/train/qat.py), kept as what an int8 file holds of them.

A file has, by the name of a convolution's output: `<name>.w`, by how much each weight's int8 code differs from that of
MediaPipe's weight (int8, hardly ever more than 1); `<name>.s`, each channel's step, and `<name>.b`, its bias (float32).
Rounded already, they give the same int8 file again: another rounding, however fine, is another draw of its noise.
The weights of a transposed convolution, which surgery.py splits, are kept as they are. All is of the equalised graph,
so that a file belongs to one set of `calibration.json`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .equalise import LINEAR
from .graph import Array, Graph, Op


def _step(op: Op, weights: Array) -> Array:
    """Each channel's int8 step, shaped to be multiplied with its weights."""
    axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
    others = tuple(i for i in range(weights.ndim) if i != axis)
    return (np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-9) / 127).astype(np.float32)


def apply(g: Graph, path: Path) -> None:
    """Give an equalised graph the weights of a file. ValueError where the file is another network's."""
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    for op in g.ops:
        if op.kind not in LINEAR:
            continue
        weights, bias = (g.consts[name] for name in op.inputs[1:3])
        found, own = kept.pop(op.output + ".w", None), kept.pop(op.output + ".b", None)
        if found is None or own is None or (found.shape, own.shape) != (weights.shape, bias.shape):
            raise ValueError(f"{path.name}: has no weights of the shape of {op.output}'s: it is another network's")
        if op.kind != "TRANSPOSE_CONV":
            found = (np.round(weights / _step(op, weights)) + found) * kept.pop(op.output + ".s")
        op.inputs[1] = g.const(op.output + "/w+", found.astype(np.float32))
        op.inputs[2] = g.const(op.output + "/b+", own)
    if kept:
        raise ValueError(f"{path.name}: {sorted(kept)[0]} is of another network")
    g.sort()


def content(before: Graph, after: dict[str, Array]) -> dict[str, Array]:
    """What a file holds: from an equalised graph, and its constants, by name, as training left them (float32)."""
    kept: dict[str, Array] = {}
    for op in before.ops:
        if op.kind in LINEAR:
            old, new, bias = before.consts[op.inputs[1]], after[op.inputs[1]], after[op.inputs[2]]
            kept[op.output + ".w"], kept[op.output + ".b"] = new, bias
            if op.kind != "TRANSPOSE_CONV":
                step = _step(op, new)
                moved = np.round(new / step) - np.round(old / _step(op, old))
                kept[op.output + ".w"], kept[op.output + ".s"] = moved.astype(np.int8), step
    return kept
