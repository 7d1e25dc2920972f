"""MODNet's decoder with fewer multiply-adds: each costly convolution k x k as 1x1, k x k, 1x1 of few channels.

The first of the three stands before the enlargement that fed the convolution: both are linear, so that the order does
not matter, and a quarter of the pixels is to be worked on. What there is of ranks is in PLAN; the weights come from
scripts/train/slim.py: first in closed form from what the layers see and say, then by distillation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .graph import Array, Graph, Op


@dataclass(frozen=True)
class Rank:
    """Channels that are kept of each part of a convolution's input (None: all), and of its output (None: all)."""

    parts: tuple[int | None, ...]
    out: int | None = None


Plan = dict[str, Rank]

PLAN: Plan = {
    "relu_672": Rank((96,)),  # 1x1 1280 -> 320, once a picture
    "conv_2d_674": Rank((96,)),  # 1x1 320 -> 1280
    "relu_708": Rank((64,)),  # 5x5 1280 -> 96 at 1/16
    "relu_730": Rank((24,)),  # 5x5 96 -> 32 at 1/8
    "relu_963": Rank((16,), 16),  # 5x5 32 -> 32 at 1/4
    "relu_775": Rank((None,), 16),  # 3x3 35 -> 32 to 1/4
    "relu_810": Rank((24,), 24),  # 3x3 64 -> 64 at 1/4
    "relu_833": Rank((24, 8, None), 24),  # 3x3 99 -> 64 at 1/4
    "relu_850": Rank((20,), 20),  # 3x3 64 -> 64 at 1/4
    "relu_867": Rank((24,)),  # 3x3 64 -> 32 at 1/4
    "relu_890": Rank((12, 8), 16),  # 3x3 64 -> 64 at 1/2
    "relu_907": Rank((16,), 16),  # 3x3 64 -> 32 at 1/2
    "relu_924": Rank((12,), 12),  # 3x3 32 -> 32 at 1/2
    "relu_941": Rank((12,), 12),  # 3x3 32 -> 32 at 1/2
    "relu_986": Rank((8, 12), 16),  # 3x3 64 -> 32 at 1/2
    "relu_1009": Rank((6, None), 8),  # 3x3 35 -> 16 at full size
}


@dataclass
class Seen:
    """What a layer saw and said: second moments (c, c) of each part of its input, mean and covariance of its output."""

    parts: list[Array]
    mean: Array
    spread: Array


def parts(g: Graph, name: str, rank: Rank) -> list[str]:
    """The tensors that the convolution that writes `name` reads: those side by side, if `rank` tells them apart."""
    source = g.producer(name).inputs[0]  # type: ignore[union-attr]
    maker = g.producer(source)
    apart = len(rank.parts) > 1 and maker is not None and maker.kind == "CONCATENATION"
    return list(maker.inputs) if apart and maker else [source]


def apply(g: Graph, plan: Plan, weights: Path | dict[str, Array]) -> None:
    """Take the small convolutions of `plan` instead, with trained weights: a file, or arrays by name.

    KeyError for a convolution without weights, ValueError for weights of another network.
    """
    if isinstance(weights, Path):
        with np.load(weights) as file:
            weights = {name: file[name].astype(np.float32) for name in file.files}
    for name, rank in plan.items():
        _split(g, name, rank, None)
    for op in g.ops:
        for i, end in ((1, ".w"), (2, ".b")):
            if len(op.inputs) > 2 and op.output + end in weights:
                if weights[op.output + end].shape != g.consts[op.inputs[i]].shape:
                    raise ValueError(f"{op.output}: has weights of the shape {weights[op.output + end].shape}")
                op.inputs[i] = g.const(op.output + end, weights[op.output + end])
    made = [op.output for op in g.ops if "/" in op.output and op.kind == "CONV_2D"]
    missing = [name for name in made if f"{name}.w" not in weights]
    if missing:
        raise KeyError(f"no weights for {missing[0]}")
    g.sort()


def closed_form(g: Graph, plan: Plan, seen: dict[str, Seen]) -> None:
    """Take the small convolutions of `plan`, with the weights that lose least of what the layers say."""
    for name, rank in plan.items():
        _split(g, name, rank, seen[name])


def _split(g: Graph, name: str, rank: Rank, seen: Seen | None) -> None:
    conv = g.producer(name)
    assert conv is not None and conv.kind == "CONV_2D"
    weights, bias = (g.consts[i].astype(np.float64) for i in conv.inputs[1:3])
    sources, kept, cores, first = parts(g, name, rank), [], [], 0
    for i, (source, wanted) in enumerate(zip(sources, rank.parts, strict=True)):
        count = weights.shape[3] if len(sources) == 1 else g.shapes[source][3]
        own, first = weights[..., first : first + count], first + count
        if wanted is None:
            kept.append(source)
            cores.append(own)
            continue
        down, up = _input_basis(own, wanted, seen.parts[i] if seen else None)
        maker = g.producer(source)
        resize = maker if maker is not None and maker.kind == "RESIZE_BILINEAR" else None
        kept.append(_narrowed(g, f"{name}/in{i}", resize.inputs[0] if resize else source, down))
        if resize:
            small, kept[-1] = kept[-1], f"{name}/up{i}"
            g.shapes[kept[-1]] = (*g.shapes[source][:3], wanted)
            g.ops.append(Op("RESIZE_BILINEAR", [small], kept[-1], dict(resize.attrs)))
        cores.append(own @ up)
    source = kept[0]
    if len(kept) > 1:
        source = f"{name}/parts"
        g.shapes[source] = (*g.shapes[sources[0]][:3], sum(core.shape[3] for core in cores))
        g.ops.append(Op("CONCATENATION", kept, source, {"axis": 3}))
    core = np.concatenate(cores, axis=3)
    if rank.out is not None:
        basis = np.linalg.eigh(seen.spread)[1][:, ::-1][:, : rank.out] if seen else np.zeros((len(core), rank.out))
        middle, spot = f"{name}/core", (1, 1)
        flat = np.tensordot(basis.T, core, axes=1)
        names = [g.const(middle + end, x.astype(np.float32)) for end, x in ((".w", flat), (".b", np.zeros(rank.out)))]
        g.shapes[middle] = (*g.shapes[name][:3], rank.out)
        g.ops.append(Op("CONV_2D", [source, *names], middle, conv.attrs | {"act": "NONE"}))
        if seen:  # what the basis leaves out stands at its mean
            bias = bias + (np.eye(len(bias)) - basis @ basis.T) @ (seen.mean - bias)
        source, core = middle, basis.reshape(len(bias), *spot, rank.out)
        conv.attrs = conv.attrs | {"stride": 1, "padding": "SAME"}
    stem = name + "/wide" if rank.out is not None else name
    conv.inputs = [source, g.const(stem + ".w", core.astype(np.float32)), g.const(stem + ".b", bias.astype(np.float32))]
    g.sort()


def _narrowed(g: Graph, name: str, source: str, down: Array) -> str:
    """A 1x1 convolution without bias or activation."""
    wide = down.reshape(len(down), 1, 1, -1).astype(np.float32)
    names = [g.const(name + ".w", wide), g.const(name + ".b", np.zeros(len(down), np.float32))]
    g.shapes[name] = (*g.shapes[source][:3], len(down))
    g.ops.append(Op("CONV_2D", [source, *names], name, {"stride": 1, "padding": "SAME", "act": "NONE"}))
    return name


def _input_basis(weights: Array, wanted: int, moments: Array | None) -> tuple[Array, Array]:
    """(wanted, c) and (c, wanted): to fewer channels and back, so that `weights` (o, k, k, c) say nearly the same."""
    c = weights.shape[3]
    if moments is None:
        return np.zeros((wanted, c)), np.zeros((c, wanted))
    flat = weights.reshape(-1, c)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    values = np.sqrt(np.maximum(values, values.max() * 1e-9))
    root, back = (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
    basis = np.linalg.eigh(root @ moments @ root)[1][:, ::-1][:, :wanted]
    return basis.T @ root, back @ basis


def equalised(g: Graph, plan: Plan, most: dict[str, Array]) -> None:
    """Scale each channel between the linear parts so that its largest value, which `most` has, is 1."""
    for name in plan:
        for op in [op for op in g.ops if op.output.startswith((f"{name}/in", f"{name}/core"))]:
            factor = 1 / np.maximum(most[op.output], 1e-6)
            reader, first = _reader(g, op.output)
            w, b = (g.consts[i] for i in op.inputs[1:3])
            op.inputs[1] = g.const(op.output + ".w", (w * factor[:, None, None, None]).astype(np.float32))
            op.inputs[2] = g.const(op.output + ".b", (b * factor).astype(np.float32))
            wide = g.consts[reader.inputs[1]].copy()
            wide[..., first : first + len(factor)] /= factor
            reader.inputs[1] = g.const(reader.inputs[1], wide.astype(np.float32))


def _reader(g: Graph, name: str) -> tuple[Op, int]:
    """The convolution that reads `name`, maybe enlarged and put beside others, and the channel where it begins."""
    (op,) = g.consumers(name)
    if op.kind == "RESIZE_BILINEAR":
        return _reader(g, op.output)
    if op.kind == "CONCATENATION":
        before = op.inputs[: op.inputs.index(name)]
        reader, first = _reader(g, op.output)
        return reader, first + sum(g.shapes[each][3] for each in before)
    return op, 0
