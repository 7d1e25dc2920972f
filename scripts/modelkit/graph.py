"""A network as plain Python: operators, constants and shapes, by name.

Editing a flatbuffer in place means keeping tensor, buffer and operator-code indices right by hand. Here a graph has
names instead of indices, so that a rewrite is a few lines; `tflite.write` numbers everything afresh, which also makes
the bytes depend on nothing but the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Quant:
    """Affine quantisation: real = scale * (stored - zero_point), per tensor or along one axis."""

    scale: Array
    zero_point: Array
    axis: int = 0


@dataclass
class Op:
    """One operator: `inputs` and `output` are tensor names, `attrs` its options (stride, padding, act, size ...)."""

    kind: str
    inputs: list[str]
    output: str
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """A network with one input and one output. `shapes` holds the activations', `consts` the constants."""

    input: str
    output: str
    ops: list[Op]
    shapes: dict[str, tuple[int, ...]]
    consts: dict[str, Array]
    quants: dict[str, Quant] = field(default_factory=dict)

    def copy(self) -> Graph:
        """A graph that can be edited without touching this one (arrays are shared: replace, never write into them)."""
        ops = [replace(op, inputs=list(op.inputs), attrs=dict(op.attrs)) for op in self.ops]
        return replace(self, ops=ops, shapes=dict(self.shapes), consts=dict(self.consts), quants=dict(self.quants))

    def producer(self, name: str) -> Op | None:
        """The operator that writes `name`, or None for the input and for constants."""
        return next((op for op in self.ops if op.output == name), None)

    def consumers(self, name: str) -> list[Op]:
        """Every operator that reads `name`."""
        return [op for op in self.ops if name in op.inputs]

    def const(self, name: str, value: Array) -> str:
        """Add (or replace) a constant and return its name."""
        self.consts[name] = value
        return name

    def sort(self) -> None:
        """Put the operators into an order in which every input exists before it is read, and drop what nobody reads."""
        needed, stack = set(), [self.output]
        makers = {op.output: op for op in self.ops}
        while stack:
            name = stack.pop()
            if name not in needed:
                needed.add(name)
                stack += makers[name].inputs if name in makers else []
        done, order = {self.input, *self.consts}, []
        waiting = [op for op in self.ops if op.output in needed]
        while waiting:
            ready = next((op for op in waiting if all(i in done for i in op.inputs)), None)
            if ready is None:
                raise ValueError(
                    f"operators form a loop or read tensors that nobody writes: {[o.output for o in waiting]}"
                )
            waiting.remove(ready)
            order.append(ready)
            done.add(ready.output)
        self.ops = order
        read = {i for op in order for i in op.inputs}
        self.consts = {k: v for k, v in self.consts.items() if k in read}
        self.shapes = {k: v for k, v in self.shapes.items() if k in {self.input} | {op.output for op in order}}

    def macs(self) -> int:
        """Multiply-adds of one invoke, convolutions only."""
        total = 0
        for op in self.ops:
            if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
                w = self.consts[op.inputs[1]].shape
                pixels = self.shapes[op.inputs[0] if op.kind == "TRANSPOSE_CONV" else op.output]
                depth = 1 if op.kind == "DEPTHWISE_CONV_2D" else w[0]
                total += int(np.prod(pixels[1:3])) * int(np.prod(w[1:])) * depth
        return total
