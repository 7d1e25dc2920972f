"""Channel scales that give int8 activations their resolution back (cross-layer equalisation, Nagel et al. 2019).

One int8 scale serves all channels of an activation, so that a channel ten times smaller than the largest keeps 25 of
its 255 steps. Where everything between two convolutions lets a factor pass (RELU, additions, gates, means,
enlargements), each channel can be multiplied up at its source and divided out again at its reader: the network computes
the same, in float to rounding, and in int8 with every channel filling the range.
"""

from __future__ import annotations

import numpy as np

from .graph import Array, Graph, Op

Scales = dict[str, list[int]]  # group -> per channel, the factor as a power of STEP

STEP = 2.0**0.25
LIMIT = 16  # at most STEP**16 = 16 times: beyond that the weights lose what the activations gain

LINEAR = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


def groups(g: Graph) -> dict[str, list[str]]:
    """The activations that must share their channels' factors, by group name, less those bound to a factor of 1."""
    parent: dict[str, str] = {name: name for name in g.shapes}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    fixed = {g.input}
    for op in g.ops:
        acts = [i for i in op.inputs if i in g.shapes]
        if op.kind in LINEAR:
            if op.attrs.get("act", "NONE") not in ("NONE", "RELU") or op.kind == "TRANSPOSE_CONV":
                fixed.add(op.output)
        elif op.kind == "MUL" and _gate(g, op) is not None:
            plane = next(i for i in acts if i != _gate(g, op))
            parent[root(plane)] = root(op.output)
        elif op.kind in ("ADD", "MEAN", "RESIZE_BILINEAR") and len(acts) == len(op.inputs):
            if op.attrs.get("act", "NONE") not in ("NONE", "RELU"):
                fixed |= {*acts, op.output}
            for name in acts:
                parent[root(name)] = root(op.output)
        else:  # the hard swish's parts, LOGISTIC: a factor cannot pass
            fixed |= {*acts, op.output}
    bound = {root(name) for name in fixed}
    found: dict[str, list[str]] = {}
    for name in g.shapes:
        if root(name) not in bound:
            found.setdefault(root(name), []).append(name)
    return {min(members): sorted(members) for members in found.values()}


def _gate(g: Graph, mul: Op) -> str | None:
    """The gate of a squeeze-excite product: what a LOGISTIC made, one value a channel."""
    for name in mul.inputs:
        maker = g.producer(name)
        if maker is not None and maker.kind == "LOGISTIC" and g.shapes[name][1:3] == (1, 1):
            return name
    return None


def choose(g: Graph, reach: dict[str, Array]) -> Scales:
    """The factors that make every channel of a group reach as far as its largest one.

    `reach` holds each activation's largest magnitude per channel, float (channels,).
    """
    scales: Scales = {}
    for name, members in groups(g).items():
        far = np.max([reach[m] / reach[m].max() for m in members], axis=0)
        powers = np.floor(np.log(1 / np.maximum(far, 1e-6)) / np.log(STEP))
        scales[name] = [int(p) for p in np.clip(powers, 0, LIMIT)]
    return scales


def apply(g: Graph, scales: Scales) -> None:
    """Multiply each group's channels by its factors at the convolutions that write it, and out again at its readers."""
    factor = {m: STEP ** np.array(scales[name], float) for name, members in groups(g).items() for m in members}
    for op in g.ops:
        if op.kind not in LINEAR:
            continue
        weights, bias = g.consts[op.inputs[1]].astype(np.float64), g.consts[op.inputs[2]].astype(np.float64)
        into, out = factor.get(op.inputs[0]), factor.get(op.output)
        if into is not None:
            weights = weights / into  # the last axis of every kind of weights is the channel that is read
        if out is not None:
            weights = weights * (out if op.kind == "DEPTHWISE_CONV_2D" else out[:, None, None, None])
            bias = bias * out
        op.inputs[1] = g.const(op.output + "/w=", weights.astype(np.float32))
        op.inputs[2] = g.const(op.output + "/b=", bias.astype(np.float32))
    g.sort()
