"""A float graph of scripts/modelkit as a PyTorch module: the same operators, its constants as parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from modelkit.graph import Graph, Op
from numpy.typing import NDArray
from torch import Tensor, nn

ACTS: dict[str, Callable[[Tensor], Tensor]] = {"NONE": lambda x: x, "RELU": F.relu, "RELU6": F.relu6}
CONVS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


def _key(name: str) -> str:
    return name.replace(".", "_")


class Twin(nn.Module):
    """Runs a float graph on batches: `forward` takes RGB as the graph does, (n, 3, h, w), to logits, (n, 1, h, w).

    h and w may differ from the graph's own: nothing depends on them but the enlargements, whose factor counts.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.weights = nn.ParameterDict()
        for op in graph.ops:
            if op.kind in CONVS:
                for name in op.inputs[1:]:
                    self.weights[_key(name)] = nn.Parameter(torch.from_numpy(graph.consts[name].copy()))

    def train_only(self, outputs: Iterable[str], biases: Iterable[str] = ()) -> list[nn.Parameter]:
        """Freeze all but the convolutions that write `outputs`, and the biases of `biases`; the parameters left."""
        whole, partly = set(outputs), set(biases)
        convs = [op for op in self.graph.ops if op.kind in CONVS]
        names = {_key(n) for op in convs if op.output in whole for n in op.inputs[1:]}
        names |= {_key(op.inputs[2]) for op in convs if op.output in partly}
        for name, p in self.weights.items():
            p.requires_grad_(name in names)
        return [p for name, p in self.weights.items() if name in names]

    def run(self, values: dict[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
        """Compute the tensors `wanted` from those in `values` (n, c, h, w), and nothing that these do not need."""
        done = dict(values)
        for op in self._needed(set(done), list(wanted)):
            done[op.output] = self._apply(op, [done[i] for i in op.inputs if i in done])
        return {name: done[name] for name in wanted}

    def logits(self, values: dict[str, Tensor]) -> Tensor:
        """The logits, (n, 1, h, w), from the tensors in `values`: the picture, or what an encoder made of it."""
        last = self.graph.producer(self.graph.output)
        assert last is not None and last.kind == "LOGISTIC"
        return self.run(values, [last.inputs[0]])[last.inputs[0]]

    def forward(self, x: Tensor) -> Tensor:
        return self.logits({self.graph.input: x})

    def _needed(self, known: set[str], wanted: list[str]) -> list[Op]:
        need, stack = set(), [w for w in wanted if w not in known]
        makers = {op.output: op for op in self.graph.ops}
        while stack:
            name = stack.pop()
            if name in makers and name not in known and name not in need:
                need.add(name)
                stack += makers[name].inputs
        return [op for op in self.graph.ops if op.output in need]

    def _apply(self, op: Op, x: list[Tensor]) -> Tensor:
        kind, a = op.kind, op.attrs
        if kind in CONVS:
            w, b = (self.weights[_key(n)] for n in op.inputs[1:3])
            if kind == "TRANSPOSE_CONV":
                return F.conv_transpose2d(x[0], w.permute(3, 0, 1, 2), b, stride=a["stride"])
            depthwise = kind == "DEPTHWISE_CONV_2D"
            w = w.permute(3, 0, 1, 2) if depthwise else w.permute(0, 3, 1, 2)
            groups = x[0].shape[1] if depthwise else 1
            seen = _same(x[0], w, a["stride"]) if a["padding"] == "SAME" else x[0]
            y = F.conv2d(seen, w, b, stride=a["stride"], groups=groups)
        elif kind == "ADD":
            y = x[0] + x[1]
        elif kind == "MUL":
            y = x[0] * x[1]
        elif kind == "MEAN":
            y = x[0].mean((2, 3), keepdim=True)
        elif kind == "LOGISTIC":
            y = torch.sigmoid(x[0])
        elif kind == "HARD_SWISH":
            y = F.hardswish(x[0])
        elif kind == "RESIZE_BILINEAR" and a["half_pixel"]:
            factor = self.graph.shapes[op.output][1] / self.graph.shapes[op.inputs[0]][1]
            y = F.interpolate(x[0], scale_factor=factor, mode="bilinear", align_corners=False)
        elif kind == "CONCATENATION":
            y = torch.cat(x, dim=1)
        elif kind == "PAD":
            y = F.pad(x[0], (*a["pads"], *a["pads"]))
        else:
            raise ValueError(f"{op.output}: no twin of operator {kind}")
        act = a.get("act", "NONE")
        if act not in ACTS:
            raise ValueError(f"{op.output}: no twin of activation {act}")
        return ACTS[act](y)

    def constants(self) -> dict[str, NDArray[np.float16]]:
        """The weights that may train, by their names in the graph, rounded to the 16 bits that are kept."""
        names = [n for op in self.graph.ops if op.kind in CONVS for n in op.inputs[1:]]
        return {
            n: self.weights[_key(n)].detach().numpy().astype(np.float16)
            for n in names
            if self.weights[_key(n)].requires_grad
        }


def _same(x: Tensor, w: Tensor, stride: int) -> Tensor:
    """TFLite's SAME padding: what is missing, the odd one at the end."""
    pads: list[int] = []
    for size, k in ((x.shape[3], w.shape[3]), (x.shape[2], w.shape[2])):
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads) if any(pads) else x
