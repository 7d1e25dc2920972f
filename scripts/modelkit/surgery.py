"""Rewrites of a float graph that leave what it computes unchanged (to rounding), but suit the int8 kernels better."""

from __future__ import annotations

import numpy as np

from .graph import Graph, Op

CONVS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fuse_relu(g: Graph) -> None:
    """Let a convolution or an addition clamp its own output instead of a pass over memory afterwards."""
    for relu in [op for op in g.ops if op.kind == "RELU"]:
        maker = g.producer(relu.inputs[0])
        if (
            maker
            and maker.kind in (*CONVS, "ADD")
            and maker.attrs["act"] == "NONE"
            and len(g.consumers(maker.output)) == 1
        ):
            maker.attrs["act"] = "RELU"
            maker.output = relu.output
            g.ops.remove(relu)
    if any(op.kind == "RELU" for op in g.ops):
        raise ValueError("a RELU is left over")
    g.sort()


def conv_before_resize(g: Graph) -> None:
    """Run a 1x1 convolution before the bilinear enlargement that feeds it: the same numbers from a quarter of the work.

    Both are linear, one mixes channels and the other pixels, and the weights of a bilinear sample sum to one, so that
    the bias passes through as well.
    """
    for conv in [op for op in g.ops if op.kind == "CONV_2D"]:
        resize = g.producer(conv.inputs[0])
        pointwise = g.consts[conv.inputs[1]].shape[1:3] == (1, 1) and conv.attrs["stride"] == 1
        if resize and resize.kind == "RESIZE_BILINEAR" and pointwise and conv.attrs["act"] == "NONE":
            if len(g.consumers(resize.output)) != 1:
                continue
            small, big = g.shapes[resize.inputs[0]], conv.output
            name = conv.output + "/small"
            conv.inputs[0], conv.output = resize.inputs[0], name
            g.shapes[name] = (*small[:3], g.shapes[big][3])
            resize.inputs, resize.output = [name], big
    g.sort()


def hard_swish_by_parts(g: Graph) -> None:
    """x * relu6(x + 3) / 6 as ADD and MUL, with the 1/6 moved into the next convolution's weights.

    HARD_SWISH is neither on the Edge TPU's list nor in XNNPACK's int8 set; ADD with a fused RELU6 and MUL are. Where the
    six-fold tensor meets a plain one in an addition, the plain one's convolution is scaled up instead.
    """
    factor: dict[str, float] = {}

    def f(name: str) -> float:
        return factor.get(name, 1.0)

    three = g.const("hs/three", np.array([3.0], np.float32))
    new: list[Op] = []
    for op in g.ops:
        if op.kind == "HARD_SWISH":
            x, gate = op.inputs[0], op.output + "/gate"
            if f(x) != 1.0:
                raise ValueError(f"{op.output}: a scaled tensor reaches a HARD_SWISH")
            g.shapes[gate] = g.shapes[x]
            new.append(Op("ADD", [x, three], gate, {"act": "RELU6"}))
            new.append(Op("MUL", [x, gate], op.output, {"act": "NONE"}))
            factor[op.output] = 6.0
            continue
        if op.kind in (*CONVS, "TRANSPOSE_CONV"):
            if f(op.inputs[0]) != 1.0:
                _scale(g, op, 1, 1 / f(op.inputs[0]))
        elif op.kind in ("MEAN", "RESIZE_BILINEAR"):
            factor[op.output] = f(op.inputs[0])
        elif op.kind == "MUL":
            factor[op.output] = f(op.inputs[0]) * f(op.inputs[1])
        elif op.kind == "ADD":
            k = max(f(i) for i in op.inputs)
            for name in op.inputs:
                if f(name) != k:
                    if any(name in earlier.inputs for earlier in new):
                        raise ValueError(f"{name}: was read before it is scaled")
                    _scale_up(g, name, k / f(name))
                    factor[name] = k
            factor[op.output] = k
        elif f(op.inputs[0]) != 1.0:
            raise ValueError(f"{op.output}: cannot move a factor through {op.kind}")
        new.append(op)
    g.ops = new
    g.sort()


def _scale(g: Graph, op: Op, which: int, factor: float) -> None:
    """Scale one constant input of an operator, under a name of its own (constants may be shared)."""
    op.inputs[which] = g.const(
        op.inputs[which] + "*", (g.consts[op.inputs[which]] * np.float32(factor)).astype(np.float32)
    )


def _scale_up(g: Graph, name: str, factor: float) -> None:
    """Make the tensor `name` `factor` times larger at its source: a convolution without activation, maybe resized."""
    maker = g.producer(name)
    if maker and maker.kind == "RESIZE_BILINEAR":
        maker = g.producer(maker.inputs[0])
    if maker is None or maker.kind != "CONV_2D" or maker.attrs["act"] != "NONE":
        raise ValueError(f"{name}: nothing to fold a factor of {factor} into")
    _scale(g, maker, 1, factor)
    _scale(g, maker, 2, factor)
