"""Instance normalisation for eight bits: (x - mean) / deviation, both over one picture's pixels, channel by channel.

TFLite has no such operator. `by_parts` writes it with operators that integers have; `frozen` puts what the deviation
and the mean are on calibration pictures into the convolution before it, which costs nothing and forgets what each
picture's own were.
"""

from __future__ import annotations

import numpy as np

from .graph import Array, Graph, Op

Stats = dict[str, tuple[Array, Array]]  # by the name of a normalisation: mean and variance, per channel


def relu_before_concatenation(g: Graph) -> None:
    """Clamp the parts instead of what they make side by side."""
    for relu in [op for op in g.ops if op.kind == "RELU"]:
        maker = g.producer(relu.inputs[0])
        if maker is None or maker.kind != "CONCATENATION" or len(g.consumers(maker.output)) != 1:
            continue
        for i, name in enumerate(maker.inputs):
            part = f"{relu.output}/{i}"
            g.shapes[part] = g.shapes[name]
            g.ops.append(Op("RELU", [name], part))
            maker.inputs[i] = part
        maker.output = relu.output
        g.ops.remove(relu)
    g.sort()


def frozen(g: Graph, stats: Stats) -> None:
    """Replace each normalisation by the factors and offsets that `stats` gives, in the convolution before it."""
    for norm in [op for op in g.ops if op.kind == "INSTANCE_NORM"]:
        conv = _fold(g, norm, *stats[norm.output])
        conv.output = norm.output
        g.ops.remove(norm)
    g.sort()


def _fold(g: Graph, norm: Op, mean: Array, variance: Array) -> Op:
    conv = g.producer(norm.inputs[0])
    if conv is None or conv.kind != "CONV_2D" or len(g.consumers(conv.output)) != 1:
        raise ValueError(f"{norm.output}: normalises something else than one convolution of its own")
    factor = 1 / np.sqrt(variance + norm.attrs["eps"])
    weights, bias = (g.consts[i].astype(np.float64) for i in conv.inputs[1:3])
    conv.inputs[1] = g.const(conv.output + "/w~", (weights * factor[:, None, None, None]).astype(np.float32))
    conv.inputs[2] = g.const(conv.output + "/b~", ((bias - mean) * factor).astype(np.float32))
    return conv


def by_parts(g: Graph) -> None:
    """x - MEAN(x), times RSQRT(MEAN of its square + epsilon): operators that integers have."""
    for norm in [op for op in g.ops if op.kind == "INSTANCE_NORM"]:
        x, shape = norm.inputs[0], g.shapes[norm.output]
        flat = (shape[0], 1, 1, shape[3])
        parts = {end: f"{norm.output}/{end}" for end in ("mean", "rest", "square", "variance", "more", "factor")}
        g.shapes |= {parts["rest"]: shape, parts["square"]: shape}
        g.shapes |= {parts[end]: flat for end in ("mean", "variance", "more", "factor")}
        epsilon = g.const(norm.output + "/epsilon", np.array([norm.attrs["eps"]], np.float32))
        g.ops += [
            Op("MEAN", [x], parts["mean"]),
            Op("SUB", [x, parts["mean"]], parts["rest"], {"act": "NONE"}),
            Op("MUL", [parts["rest"], parts["rest"]], parts["square"], {"act": "NONE"}),
            Op("MEAN", [parts["square"]], parts["variance"]),
            Op("ADD", [parts["variance"], epsilon], parts["more"], {"act": "NONE"}),
            Op("RSQRT", [parts["more"]], parts["factor"]),
            Op("MUL", [parts["rest"], parts["factor"]], norm.output, {"act": "NONE"}),
        ]
        g.ops.remove(norm)
    g.sort()


def merged(g: Graph) -> None:
    """One convolution instead of two that read the same and whose outputs are put side by side."""
    for cat in [op for op in g.ops if op.kind == "CONCATENATION"]:
        makers = [g.producer(name) for name in cat.inputs]
        first = makers[0]
        if first is None or any(
            m is None or m.kind != "CONV_2D" or m.inputs[0] != first.inputs[0] or m.attrs != first.attrs
            or len(g.consumers(m.output)) != 1
            for m in makers
        ):  # fmt: skip
            continue
        both = [np.concatenate([g.consts[m.inputs[i]] for m in makers if m]) for i in (1, 2)]
        names = [g.const(cat.output + end, value) for end, value in zip((".w", ".b"), both, strict=True)]
        g.ops = [op for op in g.ops if op is not cat and op not in makers]
        g.ops.append(Op("CONV_2D", [first.inputs[0], *names], cat.output, dict(first.attrs)))
    g.sort()
