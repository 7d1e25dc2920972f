"""Students: MediaPipe's network with fewer operators, to be trained (distil.py). None ships: see README.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from modelkit import surgery, tflite
from modelkit.graph import Array, Graph, Op

DECODER = "conv_2d_179/small"  # the first convolution of the decoder: what comes before it is the encoder


@dataclass(frozen=True)
class Student:
    """What a student does without: the named products with squeeze-excite gates, half of the tail's channels, and, if
    `thin`, half of the first layer's."""

    size: tuple[int, int]  # height, width
    gates: tuple[str, ...]
    thin: bool = False


# The gate at an eighth of the picture's size. The one at half goes with the tail; the one at a quarter is missed most.
# `lean` has its parent's encoder, `small` one of its own, `thin` its parent's but for the first layers.
STUDENTS = {
    "lean": Student((144, 256), ("mul_191",)),
    "small": Student((112, 192), ("mul_191",)),
    "thin": Student((144, 256), ("mul_191",), thin=True),
}


def graph(data: bytes, size: tuple[int, int], student: Student | None = None, weights: Path | None = None) -> Graph:
    """The float graph of the parent's file `data` at `size`, HARD_SWISH whole; made a student if one is named.

    `weights`: numpy file of trained constants by their names in the graph. ValueError for such as do not belong here.
    """
    g = tflite.read(data)
    surgery.fuse_relu(g)
    surgery.conv_before_resize(g)
    if student:
        for name in student.gates:
            leave_out(g, name)
        narrow_tail(g)
        if student.thin:
            thin_stem(g)
    surgery.resize(g, *size)
    if weights:
        with np.load(weights) as file:
            for name in file.files:
                if name not in g.consts or g.consts[name].shape != file[name].shape:
                    raise ValueError(f"{weights}: {name} is not a constant of this network")
                g.consts[name] = file[name].astype(np.float32)
    return g


def leave_out(g: Graph, name: str) -> None:
    """Let the plane of the product `name` pass its squeeze-excite gate. What the network computes changes."""
    product = g.producer(name)
    gate = g.producer(product.inputs[1]) if product and product.kind == "MUL" else None
    if product is None or gate is None or gate.kind != "LOGISTIC":
        raise ValueError(f"{name}: not a product of a plane and its gate")
    for reader in g.consumers(name):
        reader.inputs = [product.inputs[0] if i == name else i for i in reader.inputs]
    g.sort()


@dataclass(frozen=True)
class Tail:
    """The end of MediaPipe's decoder: gate * skip + up -> 1x1 -> 3x3 depthwise, plus itself -> transposed 2x2."""

    gated: Op
    low: Op  # the 1x1 convolution at a quarter of the picture's size, whose enlargement is `up`
    wide: Op
    deep: Op
    total: Op
    last: Op


def find_tail(g: Graph) -> Tail:
    """The tail of MediaPipe's network. ValueError where it is another."""

    def made(name: str, kind: str) -> Op:
        op = g.producer(name)
        if op is None or op.kind != kind:
            raise ValueError(f"{name}: {kind} expected in the tail of the decoder")
        return op

    last = next(op for op in g.ops if op.kind == "TRANSPOSE_CONV")
    total = made(last.inputs[0], "ADD")
    wide = made(total.inputs[0], "CONV_2D")
    mixed = made(wide.inputs[0], "ADD")
    low = made(made(mixed.inputs[1], "RESIZE_BILINEAR").inputs[0], "CONV_2D")
    return Tail(made(mixed.inputs[0], "MUL"), low, wide, made(total.inputs[1], "DEPTHWISE_CONV_2D"), total, last)


def narrow_tail(g: Graph) -> None:
    """Put a tail of half the channels, without gate and residual, in the place of MediaPipe's. Its weights are zeros.

    The skip and what is enlarged go through 1x1 convolutions of their own, are added (RELU), go through one 3x3
    depthwise convolution and the 2x2 transposed one.
    """
    tail = find_tail(g)
    skip = tail.gated.inputs[0]
    n, h, w, c = g.shapes[skip]
    half = c // 2
    g.shapes |= {f"tail/{k}": (n, h, w, half) for k in ("skip", "up", "sum", "deep")}
    g.shapes["tail/low"] = (*g.shapes[tail.low.output][:3], half)

    def op(kind: str, source: list[str], name: str, weights: tuple[int, ...], act: str) -> None:
        constants = [
            g.const(f"{name}/w", np.zeros(weights, np.float32)),
            g.const(f"{name}/b", np.zeros(half, np.float32)),
        ]
        g.ops.append(Op(kind, source + constants, name, {"stride": 1, "padding": "SAME", "act": act}))

    op("CONV_2D", [skip], "tail/skip", (half, 1, 1, c), "NONE")
    op("CONV_2D", tail.low.inputs[:1], "tail/low", (half, 1, 1, c), "NONE")
    g.ops.append(Op("RESIZE_BILINEAR", ["tail/low"], "tail/up", {"half_pixel": True, "align": False}))
    g.ops.append(Op("ADD", ["tail/skip", "tail/up"], "tail/sum", {"act": "RELU"}))
    op("DEPTHWISE_CONV_2D", ["tail/sum"], "tail/deep", (1, 3, 3, half), "RELU")
    tail.last.inputs[:2] = ["tail/deep", g.const("tail/last/w", np.zeros((1, 2, 2, half), np.float32))]
    g.sort()


def thin_stem(g: Graph) -> None:
    """Halve the channels of the first layer; one 3x3 convolution does what a 1x1 and a depthwise one did after it.

    Kept are the eight channels that the 1x1 convolution reads most. The new convolution starts as the product of the
    two that it replaces, which is what they compute but for the RELU between them. After narrow_tail.
    """
    image, first = g.input, g.consumers(g.input)[0]
    hidden = g.consumers(first.output)[0]
    reads = {op.kind: op for op in g.consumers(hidden.output) if op.output != "tail/skip"}
    wide = reads["CONV_2D"]
    deep = g.consumers(wide.output)[0]
    mix, taps = g.consts[wide.inputs[1]][:, 0, 0], g.consts[deep.inputs[1]][0]  # (out, in), (3, 3, out)
    best = np.sort(np.argsort(-np.abs(mix).sum(0))[: mix.shape[1] // 2])
    product = taps.transpose(2, 0, 1)[..., None] * mix[:, None, None]
    bias = g.consts[deep.inputs[2]] + taps.sum((0, 1)) * g.consts[wide.inputs[2]]
    half, whole = (*g.shapes[first.output][:3], len(best)), g.shapes[deep.output]
    g.shapes |= {"stem": half, "stem/hs": half, "stem/deep": whole}

    def conv(source: str, name: str, weights: Array, bias: Array, act: str) -> Op:
        constants = [g.const(f"{name}/w", np.ascontiguousarray(weights)), g.const(f"{name}/b", bias)]
        return Op("CONV_2D", [source, *constants], name, {"stride": 2, "padding": "SAME", "act": act})

    old = [g.consts[name] for name in first.inputs[1:]]
    g.ops += [
        conv(image, "stem", old[0][best], old[1][best], "NONE"),
        Op("HARD_SWISH", ["stem"], "stem/hs"),
        conv("stem/hs", "stem/deep", product[..., best], bias, "RELU"),
    ]
    for reader in g.consumers(deep.output):
        reader.inputs = ["stem/deep" if name == deep.output else name for name in reader.inputs]
    skip = g.producer("tail/skip")
    assert skip is not None
    skip.inputs[:2] = ["stem/hs", g.const("tail/thin/w", np.ascontiguousarray(g.consts[skip.inputs[1]][..., best]))]
    g.sort()
