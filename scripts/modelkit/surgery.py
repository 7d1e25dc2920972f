"""Rewrites of a float graph that leave what it computes unchanged (to rounding), but suit the int8 kernels better."""

from __future__ import annotations

import numpy as np

from .graph import Graph, Op

CONVS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fuse_relu(g: Graph) -> None:
    """Let a convolution or an addition clamp its own output instead of a pass over memory afterwards."""
    for relu in [op for op in g.ops if op.kind in ("RELU", "RELU6")]:
        maker = g.producer(relu.inputs[0])
        if (
            maker
            and maker.kind in (*CONVS, "ADD", "MUL")
            and maker.attrs["act"] == "NONE"
            and len(g.consumers(maker.output)) == 1
        ):
            maker.attrs["act"] = relu.kind
            maker.output = relu.output
            g.ops.remove(relu)
    if any(op.kind in ("RELU", "RELU6") for op in g.ops):
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

    HARD_SWISH is neither on the Edge TPU's list nor in XNNPACK's int8 set; ADD with a fused RELU6 and MUL are (and
    XNNPACK makes one table look-up of the two). Where the six-fold tensor meets a plain one in an addition, the plain
    one's convolution is scaled up instead.
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


def mean_before_sum(g: Graph) -> None:
    """The mean of a sum as the sum of means, and of an enlargement as the mean of what is enlarged.

    A squeeze-excite branch of the decoder asks for the mean of skip + upsampled and nobody else reads that sum: a pass
    over the whole plane is saved. Doubling a picture with half-pixel centres gives every pixel the same weight.
    """
    for mean in [op for op in g.ops if op.kind == "MEAN"]:
        add = g.producer(mean.inputs[0])
        if not add or add.kind != "ADD" or add.attrs["act"] != "NONE" or len(g.consumers(add.output)) != 1:
            continue
        parts = []
        for i, name in enumerate(add.inputs):
            maker = g.producer(name)
            small = maker.inputs[0] if maker and maker.kind == "RESIZE_BILINEAR" and maker.attrs["half_pixel"] else name
            part = f"{mean.output}/{i}"
            g.ops.append(Op("MEAN", [small], part))
            g.shapes[part] = g.shapes[mean.output]
            parts.append(part)
        g.ops.remove(mean)
        g.ops.append(Op("ADD", parts, mean.output, {"act": "NONE"}))
    g.sort()


def transpose_conv_as_pixels(g: Graph) -> None:
    """A 2x2 transposed convolution of stride 2 as a 1x1 convolution to four channels and DEPTH_TO_SPACE.

    XNNPACK computes one output channel as if it were eight, four times over: 6.6 M instructions on a Cortex-A72 for
    0.6 M multiply-adds. Two neighbouring pixels at a time (a view of the same bytes) fill the kernel's eight columns.
    """
    for op in [op for op in g.ops if op.kind == "TRANSPOSE_CONV"]:
        w, b = g.consts[op.inputs[1]], g.consts[op.inputs[2]]
        if w.shape[:3] != (1, 2, 2) or op.attrs["stride"] != 2:
            raise ValueError("only one channel, 2x2, stride 2")
        c = w.shape[3]
        n, h, wide, _ = g.shapes[op.inputs[0]]
        weights = np.zeros((8, 1, 1, 2 * c), np.float32)
        weights[:4, 0, 0, :c] = weights[4:, 0, 0, c:] = w.reshape(4, c)
        name = op.output
        bias = np.full(8, b[0], np.float32)
        plain = {"stride": 1, "padding": "SAME", "act": "NONE"}
        constants = [g.const(f"{name}/w", weights), g.const(f"{name}/b", bias)]
        steps = [
            Op("RESHAPE", [op.inputs[0]], f"{name}/pairs"),
            Op("CONV_2D", [f"{name}/pairs", *constants], f"{name}/logits", plain),
            Op("RESHAPE", [f"{name}/logits"], f"{name}/quads"),
            Op("DEPTH_TO_SPACE", [f"{name}/quads"], name, {"block": 2}),
        ]  # fmt: skip
        g.shapes |= {f"{name}/pairs": (n, h, wide // 2, 2 * c), f"{name}/logits": (n, h, wide // 2, 8)}
        g.shapes |= {f"{name}/quads": (n, h, wide, 4)}
        g.ops.remove(op)
        g.ops += steps
    g.sort()


def first_conv_in_pairs(g: Graph) -> None:
    """The 3x3 convolution of stride 2 over three channels as a 3x2 one over pairs of pixels (six channels).

    The int8 kernels take channels eight at a time: 9 taps of 3 channels cost 72 columns, 6 taps of 6 cost 48. The
    pairs are a view of the same bytes, and padding falls on the same pixels.
    """
    conv = g.consumers(g.input)[0]
    n, h, wide, c = g.shapes[g.input]
    w = g.consts[conv.inputs[1]]
    if len(g.consumers(g.input)) != 1 or w.shape[1:] != (3, 3, c) or conv.attrs["stride"] != 2 or wide % 2:
        raise ValueError("not a 3x3 convolution of stride 2 on the input")
    pairs = np.zeros((w.shape[0], 3, 4, c), np.float32)
    pairs[:, :, :3] = w
    g.shapes["image/pairs"] = (n, h, wide // 2, 2 * c)
    g.ops.append(Op("RESHAPE", [g.input], "image/pairs"))
    conv.inputs[:2] = ["image/pairs", g.const("image/pairs/w", pairs.reshape(w.shape[0], 3, 2, 2 * c))]
    conv.attrs["stride"] = (2, 1)
    g.sort()


def wide_gates(g: Graph, columns: int = 256) -> None:
    """Multiply a plane by its squeeze-excite gate in long rows instead of one pixel's channels at a time.

    The gate's convolution repeats its channels until a row has `columns` values; the plane is viewed accordingly.
    """
    for mul in [op for op in g.ops if op.kind == "MUL"]:
        gates = [i for i in mul.inputs if g.shapes[i][1:3] == (1, 1)]
        planes = [i for i in mul.inputs if i not in gates]
        if len(gates) != 1 or len(planes) != 1:
            continue
        gate, plane = gates[0], planes[0]
        n, h, w, c = g.shapes[plane]
        times = max(k for k in range(1, max(2, columns // c + 1)) if w % k == 0)
        logistic = g.producer(gate)
        conv = g.producer(logistic.inputs[0]) if logistic else None
        if times == 1 or conv is None or conv.kind != "CONV_2D" or len(g.consumers(gate)) != 1:
            continue
        assert logistic is not None
        conv.inputs[1] = g.const(f"{conv.inputs[1]}/wide", np.tile(g.consts[conv.inputs[1]], (times, 1, 1, 1)))
        conv.inputs[2] = g.const(f"{conv.inputs[2]}/wide", np.tile(g.consts[conv.inputs[2]], times))
        g.shapes[conv.output] = g.shapes[gate] = (n, 1, 1, c * times)
        rows, product = f"{mul.output}/rows", f"{mul.output}/product"
        g.shapes[rows] = g.shapes[product] = (n, h, w // times, c * times)
        g.ops.append(Op("RESHAPE", [plane], rows))
        g.ops.append(Op("RESHAPE", [product], mul.output))
        mul.inputs, mul.output = [rows, gate], product
    g.sort()


def resize(g: Graph, height: int, width: int) -> None:
    """Give a fully convolutional network another input size (multiples of 16), with the same weights."""
    _, h, w, _ = g.shapes[g.input]
    if height % 16 or width % 16:
        raise ValueError(f"{height}x{width}: both must be multiples of 16")
    for name, (n, y, x, c) in g.shapes.items():
        if (y, x) != (1, 1):
            g.shapes[name] = (n, y * height // h, x * width // w, c)
