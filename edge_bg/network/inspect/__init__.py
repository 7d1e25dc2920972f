"""`edge-bg models inspect FILE`: what a .tflite is made of, and what takes it, operator by operator.

Reads the file itself, bounds-checked and without a runtime, so that it works with any runtime, with none, and on a
file that a runtime would refuse. It predicts; it does not compile and does not run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_bg.errors import ModelError
from edge_bg.network import operators as known
from edge_bg.network.inspect import edgetpu, xnnpack
from edge_bg.network.inspect.network import Network, Tensor, parse
from edge_bg.network.tflite import _Bad, read
from edge_bg.network.tflite import _Reader as Reader

__all__ = ["Operator", "Report", "inspect"]


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
    net = parse(Reader(data))
    operators = tuple(_operator(i, net) for i in range(len(net.nodes)))
    kinds = [o.kind for o in operators]
    ready, verdict = edgetpu.verdict(kinds, [o.edgetpu for o in operators])
    pieces, outside = xnnpack.pieces(net, kinds, [o.xnnpack for o in operators])
    return Report(
        path=str(path),
        size=len(data),
        inputs=tuple(_door(net.tensors[i]) for i in net.inputs),
        outputs=tuple(_door(net.tensors[i]) for i in net.outputs),
        quantisation=_quantisation(net),
        weights=sum(t.data for t in net.tensors),
        activations=net.peak(),
        macs=sum(o.macs for o in operators),
        operators=operators,
        edgetpu=verdict,
        edgetpu_ready=ready,
        xnnpack="one piece" if pieces == 1 and not outside else f"{pieces} piece(s), outside: {outside or 'nothing'}",
        xnnpack_pieces=pieces,
    )


def _door(t: Tensor) -> str:
    return f"{t.name} {t.label} {t.dtype}"


def _operator(index: int, net: Network) -> Operator:
    node = net.nodes[index]
    out = net.tensors[node.outputs[0]]
    return Operator(
        index=index,
        kind=node.custom or node.kind,
        version=node.version,
        inputs=tuple(t.label for t in net.taken(node)),
        output=out.label,
        dtype=out.dtype,
        macs=net.macs(node),
        edgetpu=edgetpu.why_not(net, node),
        xnnpack=xnnpack.why_not(net, node),
    )


def _quantisation(net: Network) -> str:
    nodes, tensors = net.nodes, net.tensors
    used = {i for n in nodes for i in (*n.inputs, *n.outputs)}
    activations = Counter(tensors[i].dtype for i in used if not tensors[i].constant)
    weights = [tensors[n.inputs[1]] for n in nodes if n.kind in known.CONVOLUTIONS and len(n.inputs) > 1]
    doors = {tensors[i].dtype for i in (*net.inputs, *net.outputs)}
    if any(n.custom == edgetpu.CUSTOM for n in nodes) and not activations["float32"]:
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
