"""Channel scales that give int8 activations their resolution back (cross-layer equalisation, Nagel et al. 2019).

One int8 scale serves all channels of an activation, so that a channel ten times smaller than the largest keeps 25 of
its 255 steps. Where everything between two convolutions lets a factor pass (RELU, additions, gates, means,
enlargements), each channel can be multiplied up at its source and divided out again at its reader: the network computes
the same, in float to rounding, and in int8 with every channel filling the range.

A channel that runs from -1 to 9 wastes almost half of a range that has to hold 0 in the middle. Where only sums, means
and enlargements lie between a plain convolution and the 1x1 convolutions that read it, its middle is taken off at the
source and added again by the readers' biases.
"""

from __future__ import annotations

import numpy as np

from .graph import Array, Graph, Op

# group -> per channel, the factor as a power of STEP; name of a convolution + CENTRE -> per channel, what is taken off
Scales = dict[str, list[float]]

STEP = 2.0**0.25
FINE = 2  # powers of STEP are chosen in halves
CENTRE = "/centre"
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
    """What each channel loses at its middle, and the factors that make every channel of a group reach as far as its
    largest one.

    `reach` holds each activation's smallest and largest value per channel, float (2, channels).
    """
    scales: Scales = {}
    off = _centres(g, reach)
    shifts = _shifts(g, off)
    far_of = {name: np.abs(ends - shifts.get(name, 0.0)).max(axis=0) for name, ends in reach.items()}
    for name, members in groups(g).items():
        far = np.max([far_of[m] / far_of[m].max() for m in members], axis=0)
        powers = np.floor(np.log(1 / np.maximum(far, 1e-6)) / np.log(STEP) * FINE) / FINE
        scales[name] = [float(p) for p in np.clip(powers, 0, LIMIT)]
    return scales | {name + CENTRE: [float(x) for x in np.round(values, 4)] for name, values in off.items()}


def _movable(g: Graph) -> dict[str, list[str]]:
    """By plain convolution, the activations that its channels' middles move: itself and every sum, mean and enlargement
    behind it. Left out where somebody reads one of them for whom 0 is not just a number (padding, gates, hard swishes).
    """

    def plain(op: Op) -> bool:
        return op.attrs.get("act", "NONE") == "NONE" and all(i in g.shapes for i in op.inputs)

    def follow(name: str, moved: list[str]) -> bool:
        moved.append(name)
        for op in g.consumers(name):
            if op.kind == "CONV_2D":
                takes = g.consts[op.inputs[1]].shape[1:3] == (1, 1)
            else:
                takes = op.kind in ("ADD", "MEAN", "RESIZE_BILINEAR") and plain(op) and follow(op.output, moved)
            if not takes:
                return False
        return True

    found: dict[str, list[str]] = {}
    for op in g.ops:
        moved: list[str] = []
        source = op.kind == "CONV_2D" and op.attrs.get("act", "NONE") == "NONE" and op.output != g.output
        if source and follow(op.output, moved):
            found[op.output] = list(dict.fromkeys(moved))
    return found


def _centres(g: Graph, reach: dict[str, Array]) -> dict[str, Array]:
    """What to take off each movable convolution's channels, so that they and the sums behind them lie about 0."""
    ends = {name: values.astype(np.float64) for name, values in reach.items()}
    off: dict[str, Array] = {}
    for name, moved in _movable(g).items():
        planes = [m for m in moved if g.producer(m).kind in ("CONV_2D", "ADD")]  # type: ignore[union-attr]
        widths = [np.percentile(ends[m][1] - ends[m][0], 75) / 2 for m in planes]
        tried = np.linspace(-1, 1, 81)[:, None] * np.abs(ends[name]).max()
        cost = sum(
            (np.maximum(np.abs(ends[m][0] - tried), np.abs(ends[m][1] - tried)) / width) ** 2
            for m, width in zip(planes, widths, strict=True)
        )
        off[name] = tried[np.argmin(cost, axis=0), 0]
        for m in moved:
            ends[m] = ends[m] - off[name]
    return off


def _shifts(g: Graph, off: dict[str, Array]) -> dict[str, Array]:
    """How far each activation's channels lie lower when `off` is taken off at its convolutions."""
    shifts: dict[str, Array] = {}
    for op in g.ops:
        if op.output in off:
            shifts[op.output] = off[op.output]
        elif op.kind in ("ADD", "MEAN", "RESIZE_BILINEAR"):
            parts = [shifts[i] for i in op.inputs if i in shifts]
            if parts:
                shifts[op.output] = np.sum(parts, axis=0)
    return shifts


def apply(g: Graph, scales: Scales) -> None:
    """Take each channel's middle off and multiply it by its factor at the convolutions that write it, and undo both at
    its readers."""
    factor = {m: STEP ** np.array(scales[name], float) for name, members in groups(g).items() for m in members}
    off = {name.removesuffix(CENTRE): np.array(x, float) for name, x in scales.items() if name.endswith(CENTRE)}
    shifts = _shifts(g, off)
    for op in g.ops:
        if op.kind not in LINEAR:
            continue
        weights, bias = g.consts[op.inputs[1]].astype(np.float64), g.consts[op.inputs[2]].astype(np.float64)
        into, out = factor.get(op.inputs[0]), factor.get(op.output)
        if op.inputs[0] in shifts:
            bias = bias + weights[:, 0, 0, :] @ shifts[op.inputs[0]]
        if op.output in off:
            bias = bias - off[op.output]
        if into is not None:
            weights = weights / into  # the last axis of every kind of weights is the channel that is read
        if out is not None:
            weights = weights * (out if op.kind == "DEPTHWISE_CONV_2D" else out[:, None, None, None])
            bias = bias * out
        op.inputs[1] = g.const(op.output + "/w=", weights.astype(np.float32))
        op.inputs[2] = g.const(op.output + "/b=", bias.astype(np.float32))
    g.sort()
