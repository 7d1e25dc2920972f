"""Ranges -> scales -> a full-integer graph, in TFLite's int8 scheme (per-channel symmetric weights, int32 biases)."""

from __future__ import annotations

import numpy as np

from .catalogue import PLAIN, Pixels
from .graph import Array, Graph, Op, Quant

Ranges = dict[str, tuple[float, float]]

OUTPUT = Quant(np.float32(1 / 256), np.int64(-128))  # what LOGISTIC must have
# operators whose output has its input's scale
SAME_SCALE = ("RESIZE_BILINEAR", "RESHAPE", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "MAX_POOL_2D", "PAD")


def picture(pixels: Pixels) -> Quant:
    """The input's scale: what is stored is pixel - 128, exactly, whatever the network wants to hear."""
    return Quant(np.float32(1 / pixels.span), np.int64(pixels.grey - 128))


def affine(lo: float, hi: float) -> Quant:
    """The int8 scale and zero point that cover [lo, hi] and hold 0 exactly."""
    lo, hi = min(lo, 0.0), max(hi, 1e-6)
    scale = np.float32((hi - lo) / 255)
    zero = int(np.clip(np.round(-128 - lo / float(scale)), -128, 127))
    return Quant(scale, np.int64(zero))


def _weights(w: Array, axis: int) -> tuple[Array, Quant]:
    others = tuple(i for i in range(w.ndim) if i != axis)
    scale = (np.maximum(np.abs(w).max(axis=others), 1e-9) / 127).astype(np.float32)
    shape = [1] * w.ndim
    shape[axis] = -1
    stored = np.clip(np.round(w.astype(np.float64) / scale.astype(np.float64).reshape(shape)), -127, 127)
    return stored.astype(np.int8), Quant(scale, np.zeros(scale.shape, np.int64), axis)


def shared(graph: Graph, ranges: Ranges) -> Ranges:
    """The ranges, where CONCATENATION puts tensors side by side the widest of theirs, as int8 asks for one scale."""
    if not any(op.kind == "CONCATENATION" for op in graph.ops):
        return ranges
    leader: dict[str, str] = {}

    def root(name: str) -> str:
        while name in leader:
            name = leader[name]
        return name

    for op in graph.ops:
        joined = op.inputs if op.kind == "CONCATENATION" else op.inputs[:1] if op.kind in SAME_SCALE else []
        for name in joined:
            if root(name) != root(op.output):
                leader[root(name)] = root(op.output)
    together: dict[str, list[str]] = {}
    for name in graph.shapes:
        together.setdefault(root(name), []).append(name)
    wide: Ranges = {}
    for names in together.values():
        own = [ranges[n] for n in names if n in ranges]
        if own:
            wide |= dict.fromkeys(names, (min(lo for lo, _ in own), max(hi for _, hi in own)))
    return ranges | wide


def _picture_apart(g: Graph) -> None:
    """Give the picture a scale of its own where it is put beside something: its own scale is not to be widened."""

    def is_picture(name: str) -> bool:
        maker = g.producer(name)
        return name == g.input or (maker is not None and maker.kind in SAME_SCALE and is_picture(maker.inputs[0]))

    for op in [op for op in g.ops if op.kind == "CONCATENATION"]:
        for i, name in enumerate(op.inputs):
            if is_picture(name):
                own = f"{op.output}/picture"
                g.shapes[own] = g.shapes[name]
                g.ops.append(Op("QUANTIZE", [name], own))
                op.inputs[i] = own
    g.sort()


def quantise(graph: Graph, ranges: Ranges, pixels: Pixels = PLAIN) -> Graph:
    """The int8 twin of a float graph.

    `ranges` maps each activation to the real interval that int8 spans; tensors that an operator forces to share a
    scale (both sides of RESIZE_BILINEAR and RESHAPE, LOGISTIC's output, all of a CONCATENATION) take it from their
    source. `pixels` says what the graph takes. KeyError for an activation without a range.
    """
    g = graph.copy()
    _picture_apart(g)
    ranges = shared(g, ranges)
    q: dict[str, Quant] = {g.input: picture(pixels)}
    for op in g.ops:
        if op.kind == "LOGISTIC":
            q[op.output] = OUTPUT
        elif op.kind in SAME_SCALE:
            q[op.output] = q[op.inputs[0]]
        else:
            q[op.output] = affine(*ranges[op.output])
        if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
            axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
            weights, bias = op.inputs[1:]
            stored, wq = _weights(g.consts[weights], axis)
            scale = (wq.scale.astype(np.float64) * float(q[op.inputs[0]].scale)).astype(np.float32)
            biases = np.round(g.consts[bias].astype(np.float64) / scale.astype(np.float64)).astype(np.int32)
            own_w, own_b = op.output + "/weights", op.output + "/bias"
            g.consts[own_w], q[own_w] = stored, wq
            g.consts[own_b], q[own_b] = biases, Quant(scale, np.zeros(scale.shape, np.int64), 0)
            op.inputs[1:] = [own_w, own_b]
        elif op.kind in ("ADD", "MUL"):
            for i, name in enumerate(op.inputs):
                if name in graph.consts:
                    top = float(np.abs(graph.consts[name]).max())
                    q[name + "/int8"] = Quant(np.float32(top / 127), np.int64(0))
                    g.consts[name + "/int8"] = np.round(graph.consts[name] / np.float32(top / 127)).astype(np.int8)
                    op.inputs[i] = name + "/int8"
    g.quants = q
    g.sort()
    g.quants = {name: value for name, value in q.items() if name in g.consts or name in g.shapes}
    return g
