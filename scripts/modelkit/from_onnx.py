"""A float graph from an ONNX file: NCHW becomes NHWC, sizes that the file computes become numbers.

Takes what MODNet and U2-Netp hold and refuses everything else by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from .catalogue import Pixels
from .graph import Array, Graph, Op

ALIASES = ("Reshape", "Expand")  # between a mean and the product it scales: (1, 1, 1, c) here all the while


def read(data: bytes, size: tuple[int, int]) -> Graph:
    """The graph for pictures of `size` (height, width), in the file's own numbers (see `normalised`).

    Its input is called `image`, as in every graph here. An INSTANCE_NORM that follows its half of a convolution is
    left as an operator of its own (attribute `eps`), to be rewritten by norms.py. Raises ValueError for an operator or
    an option that this workshop has never met.
    """
    return _Reader(onnx.load_model_from_string(data), size).graph()


def _attrs(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _computed(node: onnx.NodeProto, given: list[Array]) -> Array:
    """What a node says of constants: the sums by which a file finds out its sizes."""
    attrs, kind = _attrs(node), node.op_type
    if kind == "Constant":
        return numpy_helper.to_array(attrs["value"])
    if kind == "Cast":
        return given[0]
    if kind == "Concat":
        return np.concatenate(given, axis=attrs["axis"])
    if kind == "Gather":
        return np.take(given[0], given[1], axis=attrs.get("axis", 0))
    if kind == "Unsqueeze":
        return np.expand_dims(given[0], tuple(attrs["axes"]))
    if kind == "Slice" and given[0].ndim == 1:
        return given[0][int(given[1][0]) : int(given[2][0])]
    raise ValueError(f"{node.output[0]}: {kind} of constants is not known here")


class _Reader:
    def __init__(self, model: onnx.ModelProto, size: tuple[int, int]) -> None:
        self.file = model.graph
        self.known = {i.name: numpy_helper.to_array(i) for i in self.file.initializer}
        self.names = {self.file.input[0].name: "image"}
        self.g = Graph("image", "", [], {"image": (1, *size, 3)}, {})
        self.parts: dict[str, tuple[str, int, int]] = {}  # slices of channels: tensor, first, last

    def graph(self) -> Graph:
        for node in self.file.node:
            if node.op_type == "Shape" and node.input[0] not in self.known:
                n, h, w, c = self.g.shapes[self.name(node.input[0])]
                self.known[node.output[0]] = np.array([n, c, h, w], np.int64)
            elif all(i in self.known for i in node.input if i):
                self.known[node.output[0]] = _computed(node, [self.known[i] for i in node.input if i])
            else:
                self.add(node, _attrs(node))
        self.g.output = self.name(self.file.output[0].name)
        self.g.sort()
        return self.g

    def name(self, tensor: str) -> str:
        return self.names[tensor]

    def put(
        self, node: onnx.NodeProto, kind: str, inputs: list[str], shape: tuple[int, ...], attrs: dict[str, Any]
    ) -> None:
        name = f"{kind.lower()}_{node.output[0]}"
        self.names[node.output[0]] = name
        self.g.shapes[name] = shape
        self.g.ops.append(Op(kind, inputs, name, attrs))

    def shape(self, node: onnx.NodeProto) -> tuple[int, ...]:
        return self.g.shapes[self.name(node.input[0])]

    def add(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        method = getattr(self, "op_" + node.op_type, None)
        if method is None:
            raise ValueError(f"{node.output[0]}: operator {node.op_type} is not known here")
        method(node, attrs)

    def op_Conv(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        weights, source = self.known[node.input[1]], self.name(node.input[0])
        bias = self.known[node.input[2]] if len(node.input) > 2 else np.zeros(len(weights), np.float32)
        stride, dilation, side = attrs["strides"][0], attrs["dilations"][0], weights.shape[2]
        before = attrs["pads"][0]
        if len({*attrs["pads"]}) > 1 or before not in (0, dilation * (side - 1) // 2) or (before == 0) != (side == 1):
            raise ValueError(f"{node.output[0]}: padding {attrs['pads']} of a {side}x{side} convolution")
        n, h, w, c = self.g.shapes[source]
        depthwise = attrs["group"] > 1
        if depthwise and (attrs["group"] != c or len(weights) != c):
            raise ValueError(f"{node.output[0]}: a convolution of {attrs['group']} groups")
        padding = "SAME"
        if stride > 1:  # SAME would pad at the end alone
            padded = f"pad_{node.output[0]}"
            self.g.shapes[padded] = (n, h + 2 * before - 1, w + 2 * before - 1, c)
            self.g.ops.append(Op("PAD", [source], padded, {"pads": (before, before - 1)}))
            source, padding = padded, "VALID"
        own = {"stride": stride, "padding": padding, "act": "NONE"} | ({"dilation": dilation} if dilation > 1 else {})
        order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
        stem = f"{'depthwise_conv_2d' if depthwise else 'conv_2d'}_{node.output[0]}"
        w_name = self.g.const(stem + ".w", np.ascontiguousarray(weights.transpose(order)))
        b_name = self.g.const(stem + ".b", bias)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        self.put(node, kind, [source, w_name, b_name], (n, h // stride, w // stride, len(weights)), own)

    def op_MatMul(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        weights = self.known[node.input[1]]
        w_name = self.g.const(f"matmul_{node.output[0]}.w", np.ascontiguousarray(weights.T[:, None, None, :]))
        b_name = self.g.const(f"matmul_{node.output[0]}.b", np.zeros(weights.shape[1], np.float32))
        own = {"stride": 1, "padding": "SAME", "act": "NONE"}
        self.put(node, "CONV_2D", [self.name(node.input[0]), w_name, b_name], (1, 1, 1, weights.shape[1]), own)

    def op_Relu(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        self.put(node, "RELU", [self.name(node.input[0])], self.shape(node), {})

    def op_Clip(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        if (float(self.known[node.input[1]]), float(self.known[node.input[2]])) != (0.0, 6.0):
            raise ValueError(f"{node.output[0]}: only clipping to 0..6 is known here")
        self.put(node, "RELU6", [self.name(node.input[0])], self.shape(node), {})

    def op_Sigmoid(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        self.put(node, "LOGISTIC", [self.name(node.input[0])], self.shape(node), {})

    def op_MaxPool(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        n, h, w, c = self.shape(node)
        if (
            (attrs["kernel_shape"], attrs["strides"], attrs.get("pads", [0] * 4)) != ([2, 2], [2, 2], [0] * 4)
            or h % 2
            or w % 2
        ):
            raise ValueError(f"{node.output[0]}: only halving by 2x2 of an even size is known here")
        self.put(node, "MAX_POOL_2D", [self.name(node.input[0])], (n, h // 2, w // 2, c), {})

    def op_Resize(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        if (attrs["mode"], attrs["coordinate_transformation_mode"]) != (b"linear", b"pytorch_half_pixel"):
            raise ValueError(f"{node.output[0]}: only bilinear resizing with half-pixel centres is known here")
        n, h, w, c = self.shape(node)
        if len(node.input) > 3:
            high, wide = (int(x) for x in self.known[node.input[3]][2:])
        else:
            high, wide = (int(n * f) for n, f in zip((h, w), self.known[node.input[2]][2:], strict=True))
        if (high, wide) == (h, w):
            self.names[node.output[0]] = self.name(node.input[0])
            return
        self.put(
            node,
            "RESIZE_BILINEAR",
            [self.name(node.input[0])],
            (n, high, wide, c),
            {"half_pixel": True, "align": False},
        )

    def op_GlobalAveragePool(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        n, _, _, c = self.shape(node)
        self.put(node, "MEAN", [self.name(node.input[0])], (n, 1, 1, c), {})

    def _alias(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        if self.shape(node)[1:3] != (1, 1):
            raise ValueError(f"{node.output[0]}: {node.op_type} of a picture")
        self.names[node.output[0]] = self.name(node.input[0])

    op_Reshape = op_Expand = _alias

    def op_Add(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        self.put(node, "ADD", [self.name(i) for i in node.input], self.shape(node), {"act": "NONE"})

    def op_Mul(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        self.put(node, "MUL", [self.name(i) for i in node.input], self.shape(node), {"act": "NONE"})

    def op_Slice(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        starts, ends, axes = (self.known[i].tolist() for i in node.input[1:4])
        if axes != [1]:
            raise ValueError(f"{node.output[0]}: only slices of channels are known here")
        channels = self.shape(node)[3]
        self.parts[node.output[0]] = (self.name(node.input[0]), starts[0], min(ends[0], channels))

    def part(self, node: onnx.NodeProto) -> tuple[str, Array, Array, tuple[int, ...]]:
        """The slice that a normalisation reads: a name for its convolution, that one's weights and bias, its input."""
        whole, first, last = self.parts[node.input[0]]
        conv = self.g.producer(whole)
        if conv is None or conv.kind != "CONV_2D":
            raise ValueError(f"{node.output[0]}: normalises half of something that is no convolution")
        weights, bias = (self.g.consts[i][first:last] for i in conv.inputs[1:3])
        return whole, weights, bias, (*self.g.shapes[whole][:3], last - first)

    def op_BatchNormalization(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        whole, weights, bias, shape = self.part(node)
        gain, offset, mean, variance = (self.known[i].astype(np.float64) for i in node.input[1:5])
        factor = gain / np.sqrt(variance + attrs["epsilon"])
        self._conv(node, whole, weights * factor[:, None, None, None], (bias - mean) * factor + offset, shape)

    def op_InstanceNormalization(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        if not (np.all(self.known[node.input[1]] == 1) and np.all(self.known[node.input[2]] == 0)):
            raise ValueError(f"{node.output[0]}: an instance normalisation with a gain or an offset")
        whole, weights, bias, shape = self.part(node)
        self._conv(node, whole, weights, bias, shape)
        self.put(node, "INSTANCE_NORM", [self.name(node.output[0])], shape, {"eps": float(attrs["epsilon"])})

    def _conv(self, node: onnx.NodeProto, whole: str, weights: Array, bias: Array, shape: tuple[int, ...]) -> None:
        conv = self.g.producer(whole)
        assert conv is not None
        stem = f"conv_2d_{node.output[0]}"
        w_name = self.g.const(stem + ".w", weights.astype(np.float32))
        b_name = self.g.const(stem + ".b", bias.astype(np.float32))
        self.put(node, "CONV_2D", [conv.inputs[0], w_name, b_name], shape, dict(conv.attrs))

    def op_Concat(self, node: onnx.NodeProto, attrs: dict[str, Any]) -> None:
        if attrs["axis"] != 1:
            raise ValueError(f"{node.output[0]}: only channels are put side by side here")
        inputs = [self.name(i) for i in node.input]
        shapes = [self.g.shapes[i] for i in inputs]
        self.put(node, "CONCATENATION", inputs, (*shapes[0][:3], sum(s[3] for s in shapes)), {"axis": 3})


def normalised(g: Graph, mean: tuple[float, ...], std: tuple[float, ...], pixels: Pixels) -> None:
    """Let the graph take what `pixels` says instead of (pixel - mean) / std, pixels 0..255, by its first layers.

    What a convolution pads with is then the grey in every channel, not `mean`: the outermost ring differs by a few
    levels. Raises ValueError where something but a convolution reads the input.
    """
    factor = pixels.span / np.array(std)
    offset = (pixels.grey - np.array(mean)) / np.array(std)
    readers = g.consumers(g.input)
    for pad in [op for op in readers if op.kind == "PAD"]:
        readers.remove(pad)
        readers += g.consumers(pad.output)
    for op in readers:
        if op.kind != "CONV_2D":
            raise ValueError(f"{op.output}: {op.kind} reads the picture")
        weights, bias = (g.consts[i].astype(np.float64) for i in op.inputs[1:3])
        bias = bias + (weights * offset).sum(axis=(1, 2, 3))
        op.inputs[1] = g.const(op.output + "/w/pixels", (weights * factor).astype(np.float32))
        op.inputs[2] = g.const(op.output + "/b/pixels", bias.astype(np.float32))
    g.sort()
