"""Graphs from TFLite files, and graphs written as TFLite files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as S

from .graph import Array, Graph, Op

KINDS = {value: name for name, value in vars(S.BuiltinOperator).items() if isinstance(value, int)}
ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}
PADDINGS = {0: "SAME", 1: "VALID"}
DTYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int8": 9}

# Versions as TFLite's own converter stamps them (tensorflow/lite/tools/versioning/op_version.cc): the lowest that an
# old runtime needs. tflite-runtime 2.14 refuses a number it does not know, the Edge TPU compiler likewise.
VERSIONS_FLOAT = {"TRANSPOSE_CONV": 3, "RESIZE_BILINEAR": 3, "DEQUANTIZE": 3}
VERSIONS_INT8 = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 3, "ADD": 2, "MUL": 2, "MEAN": 2, "LOGISTIC": 2,
    "RESIZE_BILINEAR": 3, "CONCATENATION": 2, "PAD": 2, "SUB": 2, "MAX_POOL_2D": 2, "QUANTIZE": 2, "RSQRT": 2,
}  # fmt: skip


def _name(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw


def read(data: bytes) -> Graph:
    """Read a float network: fp16 constants become float32, MediaPipe's 2x2 transposed convolution the builtin one.

    Activations are renamed to `<operator>_<tensor index in the file>`, so that names say where they come from.
    Raises ValueError for an operator that this workshop has never met.
    """
    model = S.ModelT.InitFromObj(S.Model.GetRootAsModel(bytearray(data), 0))
    sub = model.subgraphs[0]
    consts: dict[int, Array] = {}
    types = {0: np.float32, 1: np.float16, 2: np.int32}
    for i, t in enumerate(sub.tensors):
        raw = model.buffers[t.buffer].data
        if raw is not None and len(raw):
            value = np.frombuffer(bytes(raw), types[t.type]).reshape([int(n) for n in t.shape])
            consts[i] = value.astype(np.float32) if t.type == 1 else value.copy()
    names = {int(sub.inputs[0]): "image"}
    graph = Graph("image", "", [], {}, {})

    def const(index: int) -> str:
        label = f"c{index}"
        graph.consts[label] = consts[index]
        return label

    for op in sub.operators:
        code = model.operatorCodes[op.opcodeIndex]
        kind = KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        ins, out, o = [int(i) for i in op.inputs], int(op.outputs[0]), op.builtinOptions
        if kind == "DEQUANTIZE":
            consts[out] = consts[ins[0]].astype(np.float32)
            continue
        attrs: dict[str, Any] = {}
        if kind == "CUSTOM" and _name(code.customCode) == "Convolution2DTransposeBias":
            kind, attrs = "TRANSPOSE_CONV", {"stride": 2, "padding": "SAME"}
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            attrs = {
                "stride": int(o.strideH),
                "padding": PADDINGS[o.padding],
                "act": ACTIVATIONS[o.fusedActivationFunction],
            }
        elif kind in ("ADD", "MUL"):
            attrs = {"act": ACTIVATIONS[o.fusedActivationFunction]}
        elif kind == "AVERAGE_POOL_2D" or kind == "MEAN":
            whole = kind == "MEAN" or (o.filterHeight, o.filterWidth) == tuple(sub.tensors[ins[0]].shape[1:3])
            if not whole:
                raise ValueError("only pooling over the whole picture is known here")
            kind, ins = "MEAN", ins[:1]
        elif kind == "RESIZE_BILINEAR":
            attrs = {"half_pixel": bool(o.halfPixelCenters), "align": bool(o.alignCorners)}
            ins = ins[:1]
        elif kind not in ("RELU", "HARD_SWISH", "LOGISTIC"):
            raise ValueError(f"operator {kind} is not known here")
        names[out] = f"{kind.lower()}_{out}"
        graph.shapes[names[out]] = tuple(int(n) for n in sub.tensors[out].shape)
        graph.ops.append(Op(kind, [const(i) if i in consts else names[i] for i in ins], names[out], attrs))
    graph.shapes["image"] = tuple(int(n) for n in sub.tensors[sub.inputs[0]].shape)
    graph.output = names[int(sub.outputs[0])]
    graph.sort()
    return graph


class _Writer:
    def __init__(self, graph: Graph, half: bool) -> None:
        self.g, self.half = graph, half
        self.integer = bool(graph.quants)
        self.m, self.s = S.ModelT(), S.SubGraphT()
        self.m.version, self.m.buffers, self.m.operatorCodes = 3, [S.BufferT()], []
        self.s.tensors, self.s.operators, self.s.name = [], [], "main"
        self.index: dict[str, int] = {}
        self.codes: dict[tuple[str, int], int] = {}

    def tensor(self, name: str, shape: Iterable[int], dtype: str, data: Array | None = None) -> int:
        t = S.TensorT()
        t.name, t.shape, t.type, t.buffer = name, np.array(list(shape), np.int32), DTYPES[dtype], 0
        if data is not None:
            b = S.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.m.buffers.append(b)
            t.buffer = len(self.m.buffers) - 1
        if name in self.g.quants:
            q, t.quantization = self.g.quants[name], S.QuantizationParametersT()
            t.quantization.scale = np.atleast_1d(q.scale).astype(np.float32)
            t.quantization.zeroPoint = np.atleast_1d(q.zero_point).astype(np.int64)
            t.quantization.quantizedDimension = q.axis
        self.s.tensors.append(t)
        return len(self.s.tensors) - 1

    def operator(self, kind: str, ins: list[int], out: int, options: Any = None, options_type: int = 0) -> None:
        version = (VERSIONS_INT8 if self.integer else VERSIONS_FLOAT).get(kind, 1)
        if (kind, version) not in self.codes:
            c = S.OperatorCodeT()
            c.builtinCode = getattr(S.BuiltinOperator, kind)
            c.deprecatedBuiltinCode, c.version = min(c.builtinCode, 127), version
            self.m.operatorCodes.append(c)
            self.codes[kind, version] = len(self.m.operatorCodes) - 1
        o = S.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = self.codes[kind, version], ins, [out]
        o.builtinOptions, o.builtinOptionsType = options, options_type
        self.s.operators.append(o)

    def input(self, name: str) -> int:
        if name not in self.index:
            value = self.g.consts[name]
            if self.half and value.dtype == np.float32 and value.size > 1:
                packed = self.tensor(name + "/half", value.shape, "float16", value.astype(np.float16))
                self.index[name] = self.tensor(name, value.shape, "float32")
                self.operator(
                    "DEQUANTIZE", [packed], self.index[name], S.DequantizeOptionsT(), S.BuiltinOptions.DequantizeOptions
                )
            else:
                self.index[name] = self.tensor(name, value.shape, str(value.dtype), value)
        return self.index[name]

    def extra(self, name: str, values: Iterable[int], shape: tuple[int, ...] = (-1,)) -> int:
        """A small int32 constant that an operator takes as an input (a size, the axes of a mean)."""
        value = np.array(list(values), np.int32).reshape(shape)
        if name not in self.index:
            self.index[name] = self.tensor(name, value.shape, "int32", value)
        return self.index[name]

    def add(self, op: Op) -> None:
        ins = [self.input(i) for i in op.inputs]
        shape = self.g.shapes[op.output]
        a, bo = op.attrs, S.BuiltinOptions
        act = {v: k for k, v in ACTIVATIONS.items()}[a.get("act", "NONE")]
        pad = {v: k for k, v in PADDINGS.items()}[a.get("padding", "SAME")]
        opts: Any = None
        kind_of_options = 0
        if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            opts = S.Conv2DOptionsT() if op.kind == "CONV_2D" else S.DepthwiseConv2DOptionsT()
            kind_of_options = bo.Conv2DOptions if op.kind == "CONV_2D" else bo.DepthwiseConv2DOptions
            opts.strideH, opts.strideW = a["stride"] if isinstance(a["stride"], tuple) else (a["stride"],) * 2
            opts.padding, opts.fusedActivationFunction = pad, act
            opts.dilationHFactor = opts.dilationWFactor = a.get("dilation", 1)
            if op.kind == "DEPTHWISE_CONV_2D":
                opts.depthMultiplier = 1
        elif op.kind == "TRANSPOSE_CONV":
            opts, kind_of_options = S.TransposeConvOptionsT(), bo.TransposeConvOptions
            opts.strideH = opts.strideW = a["stride"]
            opts.padding = pad
            ins = [self.extra(op.output + "/shape", shape), ins[1], ins[0], ins[2]]
        elif op.kind in ("ADD", "MUL", "SUB"):
            opts = {"ADD": S.AddOptionsT, "MUL": S.MulOptionsT, "SUB": S.SubOptionsT}[op.kind]()
            kind_of_options = {"ADD": bo.AddOptions, "MUL": bo.MulOptions, "SUB": bo.SubOptions}[op.kind]
            opts.fusedActivationFunction = act
        elif op.kind == "MEAN":
            opts, kind_of_options = S.ReducerOptionsT(), bo.ReducerOptions
            opts.keepDims = True
            ins.append(self.extra("axes/height_width", [1, 2]))
        elif op.kind == "RESIZE_BILINEAR":
            opts, kind_of_options = S.ResizeBilinearOptionsT(), bo.ResizeBilinearOptions
            opts.halfPixelCenters, opts.alignCorners = a["half_pixel"], a["align"]
            ins.append(self.extra("size/" + a.get("told", "{}x{}".format(*shape[1:3])), shape[1:3]))
        elif op.kind == "RESHAPE":
            opts, kind_of_options = S.ReshapeOptionsT(), bo.ReshapeOptions
            opts.newShape = np.array(shape, np.int32)
            ins.append(self.extra("shape/" + "x".join(map(str, shape)), shape))
        elif op.kind in ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"):
            d2s = op.kind == "DEPTH_TO_SPACE"
            opts = S.DepthToSpaceOptionsT() if d2s else S.SpaceToDepthOptionsT()
            kind_of_options = bo.DepthToSpaceOptions if d2s else bo.SpaceToDepthOptions
            opts.blockSize = a["block"]
        elif op.kind == "CONCATENATION":
            opts, kind_of_options = S.ConcatenationOptionsT(), bo.ConcatenationOptions
            opts.axis, opts.fusedActivationFunction = a["axis"], 0
        elif op.kind == "MAX_POOL_2D":
            opts, kind_of_options = S.Pool2DOptionsT(), bo.Pool2DOptions
            opts.padding, opts.strideH, opts.strideW, opts.filterHeight, opts.filterWidth = pad, 2, 2, 2, 2
        elif op.kind == "PAD":
            opts, kind_of_options = S.PadOptionsT(), bo.PadOptions
            ins.append(self.extra("pads/{}x{}".format(*a["pads"]), [0, 0, *a["pads"], *a["pads"], 0, 0], (4, 2)))
        elif op.kind == "QUANTIZE":
            opts, kind_of_options = S.QuantizeOptionsT(), bo.QuantizeOptions
        elif op.kind == "HARD_SWISH":
            opts, kind_of_options = S.HardSwishOptionsT(), bo.HardSwishOptions
        elif op.kind not in ("LOGISTIC", "RSQRT", "RELU"):
            raise ValueError(f"operator {op.kind} has no writer")
        self.index[op.output] = self.tensor(op.output, shape, "int8" if self.integer else "float32")
        self.operator(op.kind, ins, self.index[op.output], opts, kind_of_options)

    def bytes(self, description: str) -> bytes:
        g = self.g
        self.index[g.input] = self.tensor(g.input, g.shapes[g.input], "int8" if self.integer else "float32")
        for op in g.ops:
            self.add(op)
        self.s.inputs, self.s.outputs = [self.index[g.input]], [self.index[g.output]]
        sig = S.SignatureDefT()
        sig.signatureKey, sig.subgraphIndex = "serving_default", 0
        sig.inputs, sig.outputs = [S.TensorMapT()], [S.TensorMapT()]
        sig.inputs[0].name, sig.inputs[0].tensorIndex = "image", self.s.inputs[0]
        sig.outputs[0].name, sig.outputs[0].tensorIndex = "mask", self.s.outputs[0]
        self.m.subgraphs, self.m.signatureDefs, self.m.description = [self.s], [sig], description
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.m.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def write(graph: Graph, *, half: bool = False, description: str = "") -> bytes:
    """The graph as a TFLite file: int8 where it carries `quants`, else float32, with `half` fp16 weights on disk."""
    return _Writer(graph, half).bytes(description)


def save(path: Path, data: bytes) -> None:
    """Write a finished model; the folder is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
