"""Train a network to bear its own eight bits:  qat.py SET landscape|general OUT.npz --data DATA [--steps 500] ...

Quantisation-aware: the network of scripts/modelkit, equalised, runs in PyTorch with every activation and weight rounded
as in the int8 file, on two pictures of the same scene with a still camera's noise. It shall say of both what the float
network says of the clean picture, and the same of both. Gradients pass the rounding as if it were not there. The
ranges stay those of calibration.json: weights and biases are all that moves, and by little. SET is what pictures.py
made.

All of the way is too far: it is learnt on few people. OUT-0.6.npz holds 0.6 of each move (modelkit/retrained.py), and
so on; the last lines say how near to the float network and how restless each is on DATA/calibration, which trains
nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from modelkit import build, calibrate, measure, quantise, retrained
from modelkit.catalogue import VARIANTS
from modelkit.graph import Graph, Op
from modelkit.tflite import write
from numpy.typing import NDArray
from torch import Tensor, nn
from twin import CONVS, Twin, _same

Rgb = NDArray[np.uint8]


class Rounded(Twin):
    """The float graph before quantise.py, listed operators, with what int8 rounds rounded (or not: `exact`).

    What trains is how far each weight and bias moved: in units of its channel's largest weight, and of 16 steps of the
    output's scale.
    """

    def __init__(self, graph: Graph, ranges: quantise.Ranges) -> None:
        super().__init__(graph)
        quants = quantise.quantise(graph, ranges).quants
        self.codes = {k: (float(q.scale), int(q.zero_point)) for k, q in quants.items() if np.ndim(q.scale) == 0}
        self.exact = False
        self.start = {name: p.detach().clone() for name, p in self.weights.items()}
        self.unit: dict[str, Tensor] = {}
        for op in graph.ops:
            if op.kind in CONVS:
                w, b = op.inputs[1:3]
                self.unit[w] = _largest(op, self.weights[w].detach())
                self.unit[b] = torch.tensor(16 * self.codes[op.output][0])
        self.moved = nn.ParameterDict({name: nn.Parameter(torch.zeros_like(w)) for name, w in self.start.items()})

    def refresh(self) -> None:
        """Make the weights of the moves, for the runs until the next step."""
        self.now = {name: w + self.unit[name] * self.moved[name] for name, w in self.start.items()}

    def _apply(self, op: Op, x: list[Tensor]) -> Tensor:
        if op.kind in CONVS:
            y = self._convolve(op, x[0])
        elif op.kind == "ADD" and op.attrs["act"] == "RELU6":  # the first half of a hard swish
            y = (x[0] + 3).clamp(0, 6)
        else:
            y = super()._apply(op, x)
        if self.exact:
            return y
        scale, zero = self.codes[op.output]
        if op.kind == "RESIZE_BILINEAR":
            y = y + 0.01 * scale  # the kernel rounds halves up, and halves are common here
        return torch.fake_quantize_per_tensor_affine(y, scale, zero, -128, 127)

    def _convolve(self, op: Op, x: Tensor) -> Tensor:
        source = self.start if self.exact else self.now
        w, b = (source[name] for name in op.inputs[1:3])
        if not self.exact:
            step = _largest(op, w.detach()).flatten() / 127
            axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
            w = torch.fake_quantize_per_channel_affine(
                w, step, torch.zeros_like(step, dtype=torch.int32), axis, -127, 127
            )
        stride = op.attrs["stride"]
        if op.kind == "TRANSPOSE_CONV":
            return F.conv_transpose2d(x, w.permute(3, 0, 1, 2), b, stride=stride)
        deep = op.kind == "DEPTHWISE_CONV_2D"
        w = w.permute(3, 0, 1, 2) if deep else w.permute(0, 3, 1, 2)
        y = F.conv2d(_same(x, w, stride), w, b, stride=stride, groups=x.shape[1] if deep else 1)
        return F.relu(y) if op.attrs.get("act") == "RELU" else y

    def answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """P(person) and the logits before it, both (n, 1, h, w), of pictures (n, 3, h, w) in [0, 1]."""
        last = self.graph.ops[-1]
        found = self.run({self.graph.input: x}, [last.output, last.inputs[0]])
        return found[last.output], found[last.inputs[0]]


def _largest(op: Op, w: Tensor) -> Tensor:
    """The largest weight of each channel that the operator writes, shaped to be multiplied with all."""
    axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
    return w.abs().amax([i for i in range(4) if i != axis], keepdim=True).clamp(1e-9)


@dataclass
class Scenes:
    """Batches of scenes: clean, and twice with what a still camera adds (calibrate.py), uint8 values as float."""

    pictures: Rgb
    rng: np.random.Generator

    def __post_init__(self) -> None:
        h, w = self.pictures.shape[1:3]
        self.noise = [calibrate._noise((h, w, 3), self.rng) for _ in range(96)]
        taken = [k for k in range(len(self.pictures)) if k % 10 < 3]  # photographs as they were taken: thrice as often
        self.shown = np.concatenate([np.arange(len(self.pictures)), taken, taken])

    def scene(self) -> Rgb:
        """A picture, maybe mirrored or in other light."""
        p = self.pictures[self.rng.choice(self.shown)]
        if self.rng.random() < 0.5:
            p = p[:, ::-1]
        if self.rng.random() < 0.4:
            p = calibrate.relit(p, self.rng)
        return p

    def noisy(self, p: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
        """The picture with one of the noises, mirrored and moved by chance."""
        flips = [int(self.rng.choice([-1, 1])) for _ in range(2)]
        noise = self.noise[self.rng.integers(len(self.noise))][:: flips[0], :: flips[1]]
        noise = np.roll(noise, self.rng.integers(0, p.shape[:2]), (0, 1))
        return np.clip(np.rint(p + noise * strength), 0, 255)  # type: ignore[no-any-return]

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """`count` clean scenes, and 2 * `count` noisy ones: (n, 3, h, w) in [0, 1]."""
        clean = [self.scene().astype(np.float32) for _ in range(count)]
        strengths = np.exp(self.rng.uniform(-0.7, 0.7, count)).astype(np.float32)
        twice = [self.noisy(p, s) for _ in range(2) for p, s in zip(clean, strengths, strict=True)]
        return _tensor(clean), _tensor(twice)


def _tensor(pictures: list[NDArray[np.float32]]) -> Tensor:
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return x.contiguous(memory_format=torch.channels_last)


def loss(p: Tensor, logits: Tensor, wanted: Tensor, restless: Tensor, flicker: float) -> Tensor:
    """What the rounded answers `p` to both noisy pictures (n first ones, n second ones) cost.

    wanted: the parent's answers to the clean picture, as often. Distance: the soft masks' and the tamed cross-entropy.
    Flicker: the change between the two against `restless`, the parent's own, (n).
    """
    area = torch.maximum(p.detach(), wanted).sum((1, 2, 3))
    apart = ((p - wanted).abs().sum((1, 2, 3)) / area.clamp(50)).mean()
    tame = logits.clamp(-8, 8)
    tame = tame + 0.02 * (logits - tame)
    best = F.binary_cross_entropy(wanted.clamp(1e-4, 1 - 1e-4), wanted)
    entropy = F.binary_cross_entropy_with_logits(tame, wanted) - best
    first, second = p.chunk(2)
    change = ((first - second).abs().mean((1, 2, 3)) / restless.clamp(3e-4)).mean()
    return 50 * apart + 30 * entropy + flicker * change


SHARES = (1.0, 0.8, 0.7, 0.6, 0.5, 0.4)


@dataclass
class Trial:
    """How far int8 files are from their float parent on the pictures that choose ranges (calibrate.py)."""

    whole: Graph
    parts: Graph
    numbers: dict[str, Any]
    calibration: Path

    def __post_init__(self) -> None:
        h, w = self.whole.shapes[self.whole.input][1:3]
        self.tuning = calibrate.tuning(self.calibration, (w, h), count=160)
        net = measure.load(write(self.whole), 1)
        self.parent = [net.run(p) for p in (*self.tuning.plain, *self.tuning.pairs)]

    def report(self, weights: Path | None) -> str:
        made = build.shaped(self.parts, self.numbers["scales"], "arm", weights)
        net = measure.load(write(quantise.quantise(made, build.named(self.numbers["ranges"]))), 1)
        _, flicker = calibrate.distance(net, self.tuning, self.parent)
        plain = zip(self.tuning.plain, self.parent, strict=False)
        alike = float(np.mean([measure.iou(net.run(p) > 0.5, m > 0.5) for p, m in plain]))
        return f"agreement {alike:.4f} flicker {1 + flicker:.3f}"


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("set", type=Path)
    ap.add_argument("model", choices=("landscape", "general"))
    ap.add_argument("out", type=Path)
    ap.add_argument("--data", type=Path, required=True)
    ap.add_argument("--steps", type=int, default=500)
    ap.add_argument("--batch", type=int, default=4)
    ap.add_argument("--rate", type=float, default=5e-5)
    ap.add_argument("--flicker", type=float, default=1.0, help="weight of the flicker beside the distance")
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    variant = next(v for v in VARIANTS if v.name == a.model)
    whole, parts = build.base(build.fetch(None, variant.parent), variant.size)
    numbers = json.loads(build.CALIBRATION.read_text())["models"][variant.calibration]
    ranges, size = build.named(numbers["ranges"]), variant.size[::-1]
    equalised = build.shaped(parts, numbers["scales"], "listed")
    net = Rounded(equalised, ranges)

    stored = np.load(a.set / "pictures.npy", mmap_mode="r")
    pictures = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in stored])
    scenes = Scenes(pictures, np.random.default_rng(a.seed))
    trial = Trial(whole, parts, numbers, a.data / "calibration")
    print(f"before: {trial.report(None)}", flush=True)

    moves = list(net.moved.parameters())
    adam = torch.optim.Adam(moves, lr=a.rate, betas=(0.9, 0.99))
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, a.rate, total_steps=a.steps, pct_start=0.1)
    mean = {name: torch.zeros_like(p) for name, p in net.moved.items()}
    started = time.monotonic()
    for step in range(a.steps):
        clean, noisy = scenes.batch(a.batch)
        net.exact = True
        with torch.no_grad():
            wanted, twice = net.answer(clean)[0], net.answer(noisy)[0]
        net.exact = False
        net.refresh()
        restless = (twice[: a.batch] - twice[a.batch :]).abs().mean((1, 2, 3))
        now = loss(*net.answer(noisy), torch.cat([wanted, wanted]), restless, a.flicker)
        adam.zero_grad()
        now.backward()
        torch.nn.utils.clip_grad_norm_(moves, 1.0)
        adam.step()
        plan.step()
        for name, p in net.moved.items():
            mean[name].lerp_(p.detach(), 1 - min(0.98, (step + 1) / (step + 10)))  # the last fifty steps' mean is kept
        if step % 100 == 99 or step == a.steps - 1:
            print(f"step {step + 1}, loss {now.item():.2f}, {time.monotonic() - started:.0f} s", flush=True)
    for share in SHARES:
        after = {n: (w + share * net.unit[n] * mean[n]).numpy() for n, w in net.start.items()}
        path = a.out.with_stem(f"{a.out.stem}-{share}")
        np.savez_compressed(path, **retrained.content(equalised, after))
        print(f"{path.name}: {trial.report(path)}", flush=True)


if __name__ == "__main__":
    main()
