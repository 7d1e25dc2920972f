"""Reading ONNX: the same numbers as ONNX's own reference, for every operator that the two networks hold."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the workshop needs ai-edge-litert (tflite-runtime has no schema)")
pytest.importorskip("flatbuffers")
onnx = pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from modelkit import from_onnx, surgery, tflite
from modelkit.catalogue import Pixels
from modelkit.graph import Graph
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.models.running import run

RNG = np.random.default_rng(4)
SIZE = (12, 20)


class Maker:
    """An ONNX file in the making: `node` adds an operator, arrays among its inputs become constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.consts: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: object, **attrs: object) -> str:
        names = []
        for i in inputs:
            if isinstance(i, np.ndarray):
                self.consts.append(numpy_helper.from_array(i, f"c{len(self.consts)}"))
                i = self.consts[-1].name
            names.append(str(i))
        self.nodes.append(helper.make_node(kind, names, [f"n{len(self.nodes)}"], **attrs))
        return f"n{len(self.nodes) - 1}"

    def conv(self, x: str, inp: int, out: int, side: int = 3, stride: int = 1, dilation: int = 1, group: int = 1) -> str:
        w = RNG.normal(size=(out, inp // group, side, side)).astype(np.float32) / np.float32(side)
        pad = dilation * (side - 1) // 2
        return self.node(
            "Conv", x, w, RNG.normal(size=out).astype(np.float32), kernel_shape=[side, side], pads=[pad] * 4,
            strides=[stride] * 2, dilations=[dilation] * 2, group=group,
        )  # fmt: skip

    def half_as(self, x: str, y: str) -> str:
        """x enlarged to the size of y, as PyTorch writes it: the size worked out from y's shape."""
        pair = [self.node("Gather", self.node("Shape", y), np.array(i), axis=0) for i in (2, 3)]
        sides = self.node("Concat", *[self.node("Unsqueeze", p, axes=[0]) for p in pair], axis=0)
        first = self.node("Slice", self.node("Shape", x), np.array([0]), np.array([2]), np.array([0]))
        size = self.node("Concat", first, self.node("Cast", sides, to=TensorProto.INT64), axis=0)
        none = np.zeros(0, np.float32)
        how = {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}
        return self.node("Resize", x, none, none, size, **how)

    def model(self, output: str) -> onnx.ModelProto:
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("picture", output)]
        graph = helper.make_graph(self.nodes, "g", ends[:1], ends[1:], self.consts)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])


def net() -> onnx.ModelProto:
    m = Maker()
    a = m.node("Clip", m.conv("picture", 3, 8, stride=2), np.array(0, np.float32), np.array(6, np.float32))
    b = m.node("Relu", m.conv(a, 8, 8, group=8))
    c = m.node("Relu", m.conv(m.node("MaxPool", b, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), 8, 4, dilation=2))
    d = m.node("Add", m.node("Concat", m.half_as(c, a), m.conv(a, 8, 4, side=1), axis=1), b)
    mean = m.node("Reshape", m.node("GlobalAveragePool", d), np.array([1, 8]))
    gate = m.node("Sigmoid", m.node("MatMul", m.node("Relu", m.node("MatMul", mean, RNG.normal(size=(8, 3)).astype("f"))),
                                    RNG.normal(size=(3, 8)).astype("f")))  # fmt: skip
    gate = m.node("Expand", m.node("Reshape", gate, np.array([1, 8, 1, 1])), m.node("Shape", d))
    e = m.node("Mul", d, gate)
    return m.model(m.node("Sigmoid", m.conv(e, 8, 1, side=5)))


def test_every_operator_says_what_onnx_says() -> None:
    model = net()
    x = RNG.normal(size=(1, *SIZE, 3)).astype(np.float32)
    wanted = ReferenceEvaluator(model).run(None, {"picture": x.transpose(0, 3, 1, 2)})[0]
    g = from_onnx.read(model.SerializeToString(), SIZE)
    surgery.fuse_relu(g)
    assert not {"RELU", "RELU6"} & {op.kind for op in g.ops}
    np.testing.assert_allclose(run(g, x), wanted.transpose(0, 2, 3, 1), atol=1e-5)


def test_the_normalisation_of_the_pixels_goes_into_the_first_layer() -> None:
    mean, std = (123.0, 116.0, 103.0), (58.0, 57.0, 57.5)
    g = from_onnx.read(net().SerializeToString(), SIZE)
    surgery.fuse_relu(g)
    moved = g.copy()
    from_onnx.normalised(moved, mean, std, Pixels(115, 255.0))
    pixels = RNG.integers(0, 256, (1, *SIZE, 3)).astype(np.float32)
    wanted, found = run(g, (pixels - mean).astype("f") / np.float32(std)), run(moved, (pixels - 115) / np.float32(255))
    assert np.abs(wanted - found)[:, 4:, 4:].mean() < 0.02, "the outermost ring is padded with another grey"


def test_what_is_not_known_is_refused_by_name() -> None:
    m = Maker()
    tanh = m.node("Tanh", "picture")
    with pytest.raises(ValueError, match="operator Tanh"):
        from_onnx.read(m.model(tanh).SerializeToString(), SIZE)
    m = Maker()
    grouped = m.conv("picture", 3, 6, group=3)
    with pytest.raises(ValueError, match="3 groups"):
        from_onnx.read(m.model(grouped).SerializeToString(), SIZE)
