"""The operators and tensors of a .tflite file, bounds-checked, with the few options that a limit depends on."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Final

from edge_bg.errors import ModelError
from edge_bg.network import operators as known
from edge_bg.network.tflite import DTYPES
from edge_bg.network.tflite import _Reader as Reader

_BYTES: Final = {"float32": 4, "int32": 4, "uint32": 4, "int64": 8, "float64": 8, "float16": 2, "int16": 2, "uint16": 2}
_FEW: Final = 64  # constants of at most so many numbers are read: axes, paddings, strides

# option -> (field of the operator's options in TFLite's schema.fbs, layout, what it is when left out)
_OPTIONS: Final[dict[str, dict[str, tuple[int, str, int]]]] = {
    "AVERAGE_POOL_2D": {"activation": (5, "b", 0)},
    "MAX_POOL_2D": {"activation": (5, "b", 0)},
    "CONCATENATION": {"activation": (1, "b", 0)},
    "CONV_2D": {"dilation_w": (4, "i", 1), "dilation_h": (5, "i", 1)},
    "DEPTHWISE_CONV_2D": {"dilation_w": (5, "i", 1), "dilation_h": (6, "i", 1)},
    "FULLY_CONNECTED": {"format": (1, "b", 0)},
    "PACK": {"axis": (1, "i", 0)},
    "STRIDED_SLICE": {"ellipsis": (2, "i", 0), "new_axis": (3, "i", 0)},
}


@dataclass(frozen=True)
class Tensor:
    """A tensor: `channels` is how many scales it has (0: not quantised, 1: per tensor, more: per channel), `data` its
    bytes in the file, `values` the numbers of a short int32 constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool
    channels: int
    data: int
    values: tuple[int, ...] = ()
    zeros: bool = False

    @property
    def label(self) -> str:
        """The shape in words."""
        return "x".join(map(str, self.shape)) or "scalar"

    @property
    def size(self) -> int:
        """Bytes it takes in memory."""
        return math.prod(self.shape) * _BYTES.get(self.dtype, 1)


@dataclass(frozen=True)
class Node:
    """An operator of the file; `inputs` and `outputs` are indices of tensors, `options` as in `_OPTIONS`."""

    kind: str
    custom: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """The first subgraph of a file; `inputs` and `outputs` are the tensors that go in and come out."""

    tensors: list[Tensor]
    nodes: list[Node]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def taken(self, node: Node) -> list[Tensor]:
        """What an operator reads, constants too."""
        return [self.tensors[i] for i in node.inputs]

    def macs(self, node: Node) -> int:
        """Multiply-adds of one run of an operator; 0 for what is no convolution."""
        ins, out = [t.shape for t in self.taken(node)], self.tensors[node.outputs[0]].shape
        if node.custom == "Convolution2DTransposeBias":
            return math.prod(ins[0][1:3]) * math.prod(ins[1])
        if node.kind not in known.CONVOLUTIONS:
            return 0
        if node.kind == "FULLY_CONNECTED":
            return math.prod(ins[1]) * (math.prod(out) // max(1, ins[1][0]))
        if node.kind == "TRANSPOSE_CONV":
            return math.prod(ins[2][1:3]) * math.prod(ins[1])
        return math.prod(out[1:3]) * math.prod(ins[1])

    def peak(self) -> int:
        """The most bytes of activations alive at once, in the order of the file: what an arena needs at least."""
        last = {i: k for k, n in enumerate(self.nodes) for i in n.inputs}
        last |= dict.fromkeys(self.outputs, len(self.nodes))
        weights = {n.outputs[0] for n in self.nodes if n.kind == "DEQUANTIZE" and self.tensors[n.inputs[0]].constant}
        alive = {i for i in self.inputs if not self.tensors[i].constant}
        peak = 0
        for k, node in enumerate(self.nodes):
            alive |= {i for i in node.outputs if i not in weights}
            peak = max(peak, sum(self.tensors[i].size for i in alive))
            alive = {i for i in alive if last.get(i, -1) > k}
        return peak


def parse(r: Reader) -> Network:
    """The first subgraph; field numbers are those of TFLite's schema.fbs. Raises ModelError where it is damaged."""
    model = r.follow(0)
    codes = []
    for table in r.tables(model, 1):
        code = max(r.scalar(table, 0, "b"), r.scalar(table, 3, "i"))
        custom = r.text(table, 1) if r.field(table, 1) else ""
        codes.append((known.NAMES.get(code, f"operator {code}"), custom, r.scalar(table, 2, "i", 1)))
    buffers = [r.vector(table, 0, 1) for table in r.tables(model, 4)]
    sub = r.tables(model, 2)[0]
    tensors = [_tensor(r, table, buffers) for table in r.tables(sub, 0)]
    nodes = []
    for table in r.tables(sub, 3):
        name, custom, version = codes[r.scalar(table, 0, "I")]
        ins = tuple(int(n) for n in r.numbers(table, 1, "i"))
        outs = tuple(int(n) for n in r.numbers(table, 2, "i"))
        at = r.field(table, 4)
        found = {k: (r.scalar(r.follow(at), *how) if at else how[2]) for k, how in _OPTIONS.get(name, {}).items()}
        nodes.append(Node(name, custom, version, tuple(i for i in ins if i >= 0), outs, found))
    count = len(tensors)
    if any(not 0 <= i < count for n in nodes for i in (*n.inputs, *n.outputs)):
        raise ModelError("an operator names a tensor that is not there: the file is damaged")
    doors = [tuple(int(n) for n in r.numbers(sub, where, "i")) for where in (1, 2)]
    return Network(tensors, nodes, doors[0], doors[1])


def _tensor(r: Reader, table: int, buffers: list[tuple[int, int]]) -> Tensor:
    buffer = r.scalar(table, 2, "I")
    start, size = buffers[buffer] if buffer < len(buffers) else (0, 0)
    kind = r.scalar(table, 1, "b")
    dtype = DTYPES.get(kind, f"type {kind}")
    at = r.field(table, 4)
    values: tuple[int, ...] = ()
    if dtype == "int32" and 0 < size <= 4 * _FEW and size % 4 == 0:
        values = struct.unpack(f"<{size // 4}i", r.data[start : start + size])
    return Tensor(
        name=r.text(table, 3),
        shape=tuple(int(n) for n in r.numbers(table, 0, "i")),
        dtype=dtype,
        constant=size > 0,
        channels=r.vector(r.follow(at), 2, 4)[1] if at else 0,
        data=size,
        values=values,
        zeros=size > 0 and not r.data[start : start + size].strip(b"\0"),
    )
