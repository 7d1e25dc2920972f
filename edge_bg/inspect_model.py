"""`edge-bg models inspect FILE`: what a .tflite is made of, and what takes it, operator by operator.

Reads the file itself, bounds-checked and without a runtime, so that it works with any runtime, with none, and on a
file that a runtime would refuse. It predicts; it does not compile and does not run.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edge_bg import operators as known
from edge_bg.errors import ModelError
from edge_bg.tflite import DTYPES, _Bad, read
from edge_bg.tflite import _Reader as Reader

_BYTES: Final = {"float32": 4, "int32": 4, "uint32": 4, "int64": 8, "float64": 8, "float16": 2, "int16": 2, "uint16": 2}
_INTEGER: Final = ("int8", "uint8")


@dataclass(frozen=True)
class Operator:
    """One operator. `edgetpu` and `xnnpack` are empty where it is taken, else they say why not."""

    index: int
    kind: str
    version: int
    inputs: tuple[str, ...]
    output: str
    dtype: str
    macs: int
    edgetpu: str
    xnnpack: str


@dataclass(frozen=True)
class Report:
    """All that `inspect` found. Sizes in bytes, `macs` multiply-adds of one invoke."""

    path: str
    size: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    quantisation: str
    weights: int
    activations: int
    macs: int
    operators: tuple[Operator, ...]
    edgetpu: str
    edgetpu_ready: bool
    xnnpack: str
    xnnpack_pieces: int

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)

    def text(self) -> str:
        """The report for people: a summary, then one line for each operator."""
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(o.kind for o in self.operators).most_common())
        head = [
            f"{self.path}: {self.size:,} bytes, {len(self.operators)} operators, {self.macs / 1e6:.1f} M multiply-adds",
            f"  input         {', '.join(self.inputs)}",
            f"  output        {', '.join(self.outputs)}",
            f"  quantisation  {self.quantisation}",
            f"  memory        {self.weights:,} bytes of constants, about {self.activations:,} of activations",
            f"  operators     {kinds}",
            f"  XNNPACK       {self.xnnpack}",
            f"  Edge TPU      {self.edgetpu}",
            "",
            f"{'':>4} {'operator':24} {'output':22} {'type':8} {'M MAC':>7}  remarks",
        ]
        for o in self.operators:
            notes = [f"XNNPACK: {o.xnnpack}"] if o.xnnpack else []
            notes += [f"Edge TPU: {o.edgetpu}"] if o.edgetpu else []
            name = f"{o.kind} v{o.version}"
            head.append(
                f"{o.index:4} {name:24} {o.output:22} {o.dtype:8} {o.macs / 1e6:7.2f}  {'; '.join(notes)}".rstrip()
            )
        return "\n".join(head)


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool
    channels: int  # how many scales: 0 not quantised, 1 per tensor, more per channel
    data: int  # bytes in the file

    @property
    def label(self) -> str:
        return "x".join(map(str, self.shape)) or "scalar"

    @property
    def size(self) -> int:
        return math.prod(self.shape) * _BYTES.get(self.dtype, 1)


@dataclass(frozen=True)
class _Node:
    kind: str
    custom: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    activation: int


def inspect(path: str | Path) -> Report:
    """Look into a .tflite file. Raises ModelError where there is none or it is damaged."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}", hint="`edge-bg models` lists those that are installed"
        ) from error
    read(data, str(path))  # refuses what is truncated or no TFLite at all
    try:
        return _report(path, data)
    except (_Bad, IndexError) as error:
        raise ModelError(f"{path} is damaged: {error}", hint="Copy or download the file again.") from None


def _report(path: Path, data: bytes) -> Report:
    tensors, nodes, inputs, outputs = _parse(Reader(data))
    operators = tuple(_operator(i, node, tensors) for i, node in enumerate(nodes))
    pieces, outside = _pieces(nodes, operators, tensors)
    ready, verdict = _edgetpu(operators)
    return Report(
        path=str(path),
        size=len(data),
        inputs=tuple(_door(tensors[i]) for i in inputs),
        outputs=tuple(_door(tensors[i]) for i in outputs),
        quantisation=_quantisation(nodes, tensors, inputs, outputs),
        weights=sum(t.data for t in tensors),
        activations=_peak(nodes, tensors, inputs, outputs),
        macs=sum(o.macs for o in operators),
        operators=operators,
        edgetpu=verdict,
        edgetpu_ready=ready,
        xnnpack="one piece" if pieces == 1 and not outside else f"{pieces} piece(s), outside: {outside or 'nothing'}",
        xnnpack_pieces=pieces,
    )


def _door(t: _Tensor) -> str:
    return f"{t.name} {t.label} {t.dtype}"


def _parse(r: Reader) -> tuple[list[_Tensor], list[_Node], tuple[int, ...], tuple[int, ...]]:
    """Tensors, operators and doors of the first subgraph; field numbers are those of TFLite's schema.fbs."""
    model = r.follow(0)
    codes = []
    for table in r.tables(model, 1):
        code = max(r.scalar(table, 0, "b"), r.scalar(table, 3, "i"))
        at = r.field(table, 1)
        codes.append(
            (known.NAMES.get(code, f"operator {code}"), r.text(table, 1) if at else "", r.scalar(table, 2, "i", 1))
        )
    sizes = [r.vector(table, 0, 1)[1] for table in r.tables(model, 4)]
    sub = r.tables(model, 2)[0]
    tensors = []
    for table in r.tables(sub, 0):
        buffer = r.scalar(table, 2, "I")
        at = r.field(table, 4)
        channels = r.vector(r.follow(at), 2, 4)[1] if at else 0
        size = sizes[buffer] if buffer < len(sizes) else 0
        kind = r.scalar(table, 1, "b")
        shape = tuple(int(n) for n in r.numbers(table, 0, "i"))
        tensors.append(_Tensor(r.text(table, 3), shape, DTYPES.get(kind, f"type {kind}"), size > 0, channels, size))
    nodes = []
    for table in r.tables(sub, 3):
        name, custom, version = codes[r.scalar(table, 0, "I")]
        ins = tuple(int(n) for n in r.numbers(table, 1, "i"))
        outs = tuple(int(n) for n in r.numbers(table, 2, "i"))
        at = r.field(table, 4)
        activation = 0
        if at and name in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"):
            activation = r.scalar(r.follow(at), 1 if name == "CONCATENATION" else 5, "b")
        nodes.append(_Node(name, custom, version, tuple(i for i in ins if i >= 0), outs, activation))
    count = len(tensors)
    if any(not 0 <= i < count for n in nodes for i in (*n.inputs, *n.outputs)):
        raise ModelError("an operator names a tensor that is not there: the file is damaged")
    doors = [tuple(int(n) for n in r.numbers(sub, field, "i")) for field in (1, 2)]
    return tensors, nodes, doors[0], doors[1]


def _operator(index: int, node: _Node, tensors: list[_Tensor]) -> Operator:
    out = tensors[node.outputs[0]]
    acts = [tensors[i] for i in node.inputs if not tensors[i].constant]
    return Operator(
        index=index,
        kind=node.custom or node.kind,
        version=node.version,
        inputs=tuple(tensors[i].label for i in node.inputs),
        output=out.label,
        dtype=out.dtype,
        macs=_macs(node, tensors),
        edgetpu=_why_not_edgetpu(node, acts, out),
        xnnpack=_why_not_xnnpack(node, acts, out),
    )


def _macs(node: _Node, tensors: list[_Tensor]) -> int:
    if node.custom == "Convolution2DTransposeBias":
        picture, weights = tensors[node.inputs[0]].shape, tensors[node.inputs[1]].shape
        return math.prod(picture[1:3]) * math.prod(weights)
    if node.kind not in known.CONVOLUTIONS:
        return 0
    weights, out = tensors[node.inputs[1]].shape, tensors[node.outputs[0]].shape
    if node.kind == "FULLY_CONNECTED":
        return math.prod(weights) * (math.prod(out) // max(1, weights[0]))
    if node.kind == "TRANSPOSE_CONV":
        return math.prod(tensors[node.inputs[2]].shape[1:3]) * math.prod(weights)
    return math.prod(out[1:3]) * math.prod(weights)


def _why_not_edgetpu(node: _Node, acts: list[_Tensor], out: _Tensor) -> str:
    if node.custom == "edgetpu-custom-op":
        return ""
    if node.kind == "CUSTOM":
        return "a custom operator"
    if node.kind not in known.EDGETPU:
        instead = known.EDGETPU_INSTEAD.get(node.kind)
        return "not on the published list" + (f": {instead}" if instead else "")
    if any(t.dtype not in _INTEGER for t in (*acts, out)):
        return f"{out.dtype}, only 8-bit integers are taken"
    if node.version > known.EDGETPU_NEWEST.get(node.kind, node.version):
        return f"version {node.version}, the newest taken is {known.EDGETPU_NEWEST[node.kind]}"
    if any(len(t.shape) > 3 and t.shape[0] != 1 for t in (*acts, out)):
        return "the batch is larger than 1"
    if node.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION") and node.activation:
        return "a fused activation"
    return ""


def _why_not_xnnpack(node: _Node, acts: list[_Tensor], out: _Tensor) -> str:
    if node.kind == "CUSTOM":
        return "" if node.custom in known.XNNPACK_CUSTOM else "a custom operator"
    if node.kind == "DEQUANTIZE" and not acts:
        return ""  # constant weights: the delegate unpacks them itself
    integer = any(t.dtype in _INTEGER for t in (*acts, out))
    if node.kind in (known.XNNPACK_INTEGER if integer else known.XNNPACK_FLOAT):
        return ""
    return f"no {out.dtype} {node.kind}" if node.kind in known.XNNPACK_FLOAT else f"no {node.kind}"


def _pieces(nodes: list[_Node], operators: tuple[Operator, ...], tensors: list[_Tensor]) -> tuple[int, str]:
    """How many pieces XNNPACK gets, grouped as TFLite does: all that can run now, then all that others can, and on."""
    made = {t for n in nodes for t in n.outputs}
    ready = {i for i in range(len(tensors)) if i not in made}
    waiting, pieces, taken = list(range(len(nodes))), 0, True
    idle = 0
    while waiting and idle < 2:
        moved, again = 0, True
        while again:
            again = False
            for k in list(waiting):
                if (operators[k].xnnpack == "") == taken and ready.issuperset(nodes[k].inputs):
                    waiting.remove(k)
                    ready.update(nodes[k].outputs)
                    moved, again = moved + 1, True
        pieces += bool(taken and moved)
        idle = 0 if moved else idle + 1
        taken = not taken
    outside = Counter(o.kind for o in operators if o.xnnpack)
    return pieces, ", ".join(f"{n} {kind}" for kind, n in outside.most_common())


def _edgetpu(operators: tuple[Operator, ...]) -> tuple[bool, str]:
    """Whether nothing known speaks against the compiler taking all of it, and the verdict in words."""
    compiled = [o for o in operators if o.kind == "edgetpu-custom-op"]
    rest = len(operators) - len(compiled)
    if compiled:
        return True, "compiled" + (f": {rest} operator(s) are left to the CPU" if rest else ": all of it")
    refused = [o for o in operators if o.edgetpu]
    resize = next((o for o in operators if o.kind.startswith("RESIZE_") and not o.edgetpu), None)
    doubt = (
        f"; a RESIZE may stay on the CPU, depending on its size: the first is operator {resize.index}" if resize else ""
    )
    if not refused:
        return True, f"every operator is listed{doubt}. Whether it maps only edgetpu_compiler can tell"
    first = refused[0]
    return False, (
        f"stops at operator {first.index} ({first.kind}: {first.edgetpu}): it and all that need it, "
        f"up to {len(operators) - first.index} of {len(operators)}, stay on the CPU{doubt}"
    )


def _quantisation(nodes: list[_Node], tensors: list[_Tensor], ins: tuple[int, ...], outs: tuple[int, ...]) -> str:
    used = {i for n in nodes for i in (*n.inputs, *n.outputs)}
    activations = Counter(tensors[i].dtype for i in used if not tensors[i].constant)
    weights = [tensors[n.inputs[1]] for n in nodes if n.kind in known.CONVOLUTIONS and len(n.inputs) > 1]
    doors = {tensors[i].dtype for i in (*ins, *outs)}
    if any(n.custom == "edgetpu-custom-op" for n in nodes) and not activations["float32"]:
        return "8-bit integers (compiled for the Edge TPU)"
    if not activations["float32"] and (activations["int8"] or activations["uint8"]):
        kind = "int8" if activations["int8"] >= activations["uint8"] else "uint8"
        how = "per channel" if any(t.channels > 1 for t in weights) else "per tensor"
        return f"full integer, {kind} activations, weights {how}"
    if activations["int8"] or activations["uint8"]:
        where = "float in and out" if doors == {"float32"} else "mixed in and out"
        return f"integer inside, {where} ({activations['float32']} float tensors)"
    half = any(t.constant and t.dtype == "float16" for t in tensors)
    return "float32 with 16-bit weights" if half else "float32"


def _peak(nodes: list[_Node], tensors: list[_Tensor], ins: tuple[int, ...], outs: tuple[int, ...]) -> int:
    """The most bytes of activations alive at once, in the order of the file: what an arena needs at least."""
    last = {i: k for k, n in enumerate(nodes) for i in n.inputs}
    last |= dict.fromkeys(outs, len(nodes))
    fed_by_constants = {n.outputs[0] for n in nodes if n.kind == "DEQUANTIZE" and tensors[n.inputs[0]].constant}
    alive = {i for i in ins if not tensors[i].constant}
    peak = 0
    for k, node in enumerate(nodes):
        alive |= {i for i in node.outputs if i not in fed_by_constants}
        peak = max(peak, sum(tensors[i].size for i in alive))
        alive = {i for i in alive if last.get(i, -1) > k}
    return peak
