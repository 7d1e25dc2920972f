"""Train the weights of modelkit/slim.py: MODNet's decoder with fewer multiply-adds, its encoder as it is.

    slim.py SET... OUT.npz --data DATA [--minutes 45] [--start KEPT.npz]
    slim.py SET - --data DATA --ranks        how much of the 5x5 convolution can go, in closed form; nothing is trained

SET is what matting_pictures.py or pattern_pictures.py made. It begins in closed form, from what MODNet's layers see and
say of 96 pictures; then the decoder learns the alpha of SET, MODNet's (its normalisations whole) or the very one, and
at first what a few of MODNet's layers say (frozen).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from modelkit import matting, slim
from modelkit.build import CALIBRATION
from modelkit.catalogue import VARIANTS
from modelkit.graph import Graph
from torch import Tensor
from twin import CONVS, Twin

BATCH, SIZE = 8, (160, 256)
FROM = "relu6_658"  # the last that the encoder says; nothing before it is trained
LISTENED = ("relu_730", "relu_867", "relu_941", "relu_963", "relu_986")  # layers whose word is learnt at first
LISTENING = 0.4  # of the time
HELD = 0.1  # of the pictures


def frozen(data: Path) -> Graph:
    """MODNet, its normalisations frozen, as int8 is made from it."""
    v = next(v for v in VARIANTS if v.name == "portrait")
    onnx = (data / "models" / v.parent.file).read_bytes()
    numbers = json.loads(CALIBRATION.read_text())["models"][v.calibration]
    return matting.frozen(matting.base(onnx, v), numbers)


def pixels(seen: Any) -> Tensor:
    """uint8 (n, h, w, 3) as the network takes it."""
    x = torch.from_numpy(np.ascontiguousarray(seen.transpose(0, 3, 1, 2))).float()
    return ((x - 128) / 127.5).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def moments(g: Graph, plan: slim.Plan, seen: Any) -> dict[str, slim.Seen]:
    """What the layers of `plan` see and say of the pictures `seen`."""
    net = Twin(g)
    sources = {name: slim.parts(g, name, rank) for name, rank in plan.items()}
    convs = {name: g.producer(name) for name in plan}
    wanted = {s for each in sources.values() for s in each} | {c.inputs[0] for c in convs.values() if c}
    inner: dict[str, Any] = dict.fromkeys(wanted, 0)
    first: dict[str, Any] = dict.fromkeys(plan, 0)
    second: dict[str, Any] = dict.fromkeys(plan, 0)
    count = dict.fromkeys((*wanted, *plan), 0)

    def flat(x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]).double()

    for k in range(0, len(seen), 4):
        said = net.run({g.input: pixels(seen[k : k + 4])}, wanted)
        for name in wanted:
            rows = flat(said[name])
            inner[name] = inner[name] + rows.T @ rows
            count[name] += len(rows)
        for name, op in convs.items():
            assert op is not None
            rows = flat(net._apply(replace(op, attrs=op.attrs | {"act": "NONE"}), [said[op.inputs[0]]]))
            first[name], second[name] = first[name] + rows.sum(0), second[name] + rows.T @ rows
            count[name] += len(rows)
    found = {}
    for name in plan:
        mean = (first[name] / count[name]).numpy()
        spread = (second[name] / count[name]).numpy() - np.outer(mean, mean)
        found[name] = slim.Seen([(inner[s] / count[s]).numpy() for s in sources[name]], mean, spread)
    return found


def trained(g: Graph) -> list[str]:
    """The convolutions of the decoder."""
    names = [op.output for op in g.ops]
    return [op.output for op in g.ops[names.index(FROM) + 1 :] if op.kind in CONVS]


class Lessons:
    """Parts of the pictures of a set, mirrored and enlarged by chance, with what MODNet says of them."""

    def __init__(self, folders: list[Path], seed: int) -> None:
        self.sets = [[np.load(f / f"{name}.npy", mmap_mode="r") for name in ("seen", "said")] for f in folders]
        self.seen = self.sets[0][0]
        self.rng = np.random.default_rng(seed)
        self.own = round(len(self.seen) * (1 - HELD))

    def batch(self) -> tuple[Tensor, Tensor]:
        """Pictures and alpha (n, 1, h, w) in 0..1."""
        h, w = self.seen.shape[1:3]
        seen, said = [], []
        for _ in range(BATCH):
            pictures, alphas = self.sets[int(self.rng.integers(len(self.sets)))]
            k = int(self.rng.integers(round(len(pictures) * (1 - HELD))))
            x, y = pixels(pictures[k : k + 1]), torch.from_numpy(alphas[k] / np.float32(255))[None, None]
            if self.rng.random() < 0.5:
                top, left = self.rng.integers(0, h - SIZE[0] + 1), self.rng.integers(0, w - SIZE[1] + 1)
                part = (..., slice(top, top + SIZE[0]), slice(left, left + SIZE[1]))
                x, y = x[part], y[part]
            else:
                x, y = (F.interpolate(each, SIZE, mode="area") for each in (x, y))
            if self.rng.random() < 0.5:
                x, y = x.flip(3), y.flip(3)
            seen.append(x)
            said.append(y)
        return torch.cat(seen).contiguous(memory_format=torch.channels_last), torch.cat(said)

    def held(self, count: int) -> tuple[Tensor, Tensor]:
        """Whole pictures that train nothing, of the last set."""
        seen, said = self.sets[-1]
        rows = np.linspace(round(len(seen) * (1 - HELD)), len(seen) - 1, count).astype(int)
        return pixels(seen[rows]), torch.from_numpy(said[rows] / np.float32(255))[:, None]


def loss_of(logits: Tensor, alpha: Tensor) -> Tensor:
    """Error of alpha, that of the soft band counting more, and of its slopes."""
    said = torch.sigmoid(logits)
    near = F.max_pool2d(alpha, 7, 1, 3) + F.max_pool2d(-alpha, 7, 1, 3)
    error = ((said - alpha).abs() * (1 + 3 * near)).mean()
    slopes = sum(((said - alpha).diff(dim=d)).abs().mean() for d in (2, 3))
    return error + 2 * slopes + 0.1 * F.binary_cross_entropy_with_logits(logits, alpha)


@torch.no_grad()
def report(net: Twin, lessons: Lessons, count: int = 48) -> str:
    """Mean error, that of the soft band, and IoU, on held-out pictures."""
    x, y = lessons.held(count)
    said = torch.cat([torch.sigmoid(net(part)) for part in x.split(8)])
    soft = (F.max_pool2d(y, 5, 1, 2) + F.max_pool2d(-y, 5, 1, 2)) > 0.2
    a, b = said > 0.5, y > 0.5
    both, either = (a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3)).clamp(min=1)
    gap = (said - y).abs()
    return f"error {gap.mean():.4f}, soft band {gap[soft].mean():.4f}, IoU {(both / either)[either > 200].mean():.4f}"


TRIED = ((64, 96), (128, None), (128, 96), (192, 96), (256, None))  # channels of the 5x5, and of the squeeze-excite


@torch.no_grad()
def ranks(whole: Graph, lessons: Lessons) -> None:
    """Print what is lost of MODNet's own alpha with fewer channels in its widest convolutions."""
    wide, gates = "relu_708", ("relu_672", "conv_2d_674")
    seen = moments(whole, dict.fromkeys((wide, *gates), slim.Rank((1,))), lessons.seen[: min(lessons.own, 72)])
    x = lessons.held(14)[0]
    alpha = torch.sigmoid(Twin(whole)(x))
    soft = (F.max_pool2d(alpha, 5, 1, 2) + F.max_pool2d(-alpha, 5, 1, 2)) > 0.2
    for channels, squeezed in TRIED:
        g, plan = whole.copy(), {wide: slim.Rank((channels,))}
        plan |= {name: slim.Rank((squeezed,)) for name in gates if squeezed}
        slim.closed_form(g, plan, seen)
        said = torch.sigmoid(Twin(g)(x))
        both, either = ((f(said > 0.5, alpha > 0.5)).sum((1, 2, 3)) for f in (torch.logical_and, torch.logical_or))
        iou, gap = (both / either.clamp(min=1))[either > 200], (said - alpha).abs()[soft].mean()
        share, weights = g.macs() / whole.macs(), sum(v.size for v in g.consts.values())
        print(
            f"{channels}, {squeezed}: {share:.2f}, {weights / 1e6:.1f} M, "
            f"IoU {iou.mean():.3f} / {iou.min():.2f}, {gap:.3f}"
        )


def kept(net: Twin, g: Graph, x: Tensor) -> dict[str, np.ndarray]:
    """The decoder's weights, each linear channel's largest value brought to 1."""
    for op in g.ops:
        if op.output in trained(g):
            for i in (1, 2):
                g.consts[op.inputs[i]] = net.weights[op.inputs[i].replace(".", "_")].detach().numpy().copy()
    linear = [op.output for op in g.ops if "/in" in op.output or "/core" in op.output]
    with torch.no_grad():
        said = net.run({g.input: x}, linear)
    most = {
        name: np.quantile(y.abs().permute(1, 0, 2, 3).flatten(1).numpy(), 0.9999, axis=1) for name, y in said.items()
    }
    made = g.copy()
    slim.equalised(made, slim.PLAN, most)
    names = trained(made)
    return {
        op.output + end: made.consts[op.inputs[i]].astype(np.float16)
        for op in made.ops
        if op.output in names
        for i, end in ((1, ".w"), (2, ".b"))
    }


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("sets", type=Path, nargs="+")
    ap.add_argument("out", type=Path)
    ap.add_argument("--data", type=Path, required=True)
    ap.add_argument("--minutes", type=float, default=45)
    ap.add_argument("--rate", type=float, default=1e-3)
    ap.add_argument("--start", type=Path, help="weights to begin with, instead of the closed form")
    ap.add_argument("--listening", type=float, default=LISTENING, help="share of the time for which layers are learnt")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--ranks", action="store_true", help="only print what fewer channels of the 5x5 cost")
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    lessons, whole = Lessons(a.sets, a.seed), frozen(a.data)
    if a.ranks:
        ranks(whole, lessons)
        return
    teacher, g = Twin(whole), whole.copy()
    if a.start:
        slim.apply(g, slim.PLAN, a.start)
    else:
        slim.closed_form(
            g, slim.PLAN, moments(whole, slim.PLAN, lessons.seen[: lessons.own : max(1, lessons.own // 96)])
        )
    net = Twin(g)
    print(f"{g.macs() / whole.macs():.3f} of the multiply-adds, {g.macs() / 1e6:.0f} M", flush=True)
    print("MODNet frozen:", report(teacher, lessons), flush=True)
    print("begins with:", report(net, lessons), flush=True)
    parameters = net.train_only(trained(g))
    optimiser = torch.optim.AdamW(parameters, a.rate, weight_decay=1e-4)
    names = [op.output for op in g.ops]
    later = g.ops[names.index(FROM) + 1 :]
    made = {op.output for op in later} | {g.input}
    encoder = sorted({i for op in later for i in op.inputs if i in g.shapes} - made)
    start, step, spent = time.monotonic(), 0, 0.0
    while spent < 1:
        spent = (time.monotonic() - start) / 60 / a.minutes
        for group in optimiser.param_groups:
            group["lr"] = a.rate * min(1, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(spent, 1))))
        x, y = lessons.batch()
        with torch.no_grad():
            known = net.run({g.input: x}, encoder) | {g.input: x}
        last = g.producer(g.output).inputs[0]  # type: ignore[union-attr]
        said = net.run(known, [last, *LISTENED])
        loss = loss_of(said[last], y)
        if spent < a.listening:
            with torch.no_grad():
                told = teacher.run(known, LISTENED)
            apart = [F.mse_loss(said[n], told[n]) / told[n].var().clamp(min=1e-3) for n in LISTENED]
            loss = loss + 0.1 * sum(apart)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        if step % 200 == 0:
            print(f"{step} steps, {spent * a.minutes:.1f} min: {report(net, lessons, 24)}", flush=True)
            np.savez(a.out, **kept(net, g, lessons.held(16)[0]))
    print("ends with:", report(net, lessons), flush=True)
    np.savez(a.out, **kept(net, g, lessons.held(16)[0]))


if __name__ == "__main__":
    main()
