"""Train a student on what pictures.py made:  distil.py SET STUDENT OUT.npz [--steps 1500] [--start OTHER.npz] ...

The student is MediaPipe's network less the operators that surgery.lean takes away, with MediaPipe's weights. It sees
the pictures darker, paler, tinted and noisy; what it shall answer was said about the clean ones, so that it also learns
to hold still. OUT.npz gets the trained weights in 16 bits, by their names in the graph.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import students
import torch
import torch.nn.functional as F
from modelkit.build import fetch
from modelkit.catalogue import LANDSCAPE
from modelkit.graph import Graph, Op
from numpy.typing import NDArray
from torch import Tensor
from twin import CONVS, Twin


def light(x: Tensor, rng: torch.Generator, hard: float) -> Tensor:
    """The batch (n, 3, h, w) in [0, 1] under other light, through another camera; `hard` scales how far it goes."""
    n = len(x)

    def draw(spread: float, channels: int = 1) -> Tensor:
        return (torch.rand(n, channels, 1, 1, generator=rng) * 2 - 1) * spread * hard

    x = x.clamp(1e-3, 1) ** torch.exp(draw(0.6))
    x = (x - 0.5) * torch.exp(draw(0.3)) + 0.5 + draw(0.12)
    x = x * torch.exp(draw(0.12, 3))
    dark = torch.rand(n, 1, 1, 1, generator=rng) < 0.2 * hard
    x = torch.where(dark, x * torch.rand(n, 1, 1, 1, generator=rng).clamp(0.12), x)
    grey = torch.rand(n, 1, 1, 1, generator=rng) < 0.08
    x = torch.where(grey, x.mean(1, keepdim=True), x)
    sigma = torch.rand(n, 1, 1, 1, generator=rng) ** 2 * 0.06
    x = x + sigma * torch.randn(x.shape, generator=rng)
    return (x.clamp(0, 1) * 255).round() / 255


def batch(data: dict[str, NDArray[np.uint8]], ks: NDArray[np.int64], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Pictures (n, 3, h, w) in [0, 1] and what is wanted, (n, 1, h, w), at `size` (h, w)."""
    wh = size[::-1]
    xs = np.stack([cv2.resize(data["pictures"][k], wh, interpolation=cv2.INTER_AREA) for k in ks])
    ts = np.stack([cv2.resize(data["wanted"][k], wh, interpolation=cv2.INTER_AREA) for k in ks])
    x, t = torch.from_numpy(xs).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(ts)[:, None].float() / 255
    return x, t


def loss(logits: Tensor, wanted: Tensor, edges: float, overlap: float) -> Tensor:
    """Cross-entropy with the soft mask, edges weighing more, and the mask's overlap (what IoU counts)."""
    near = F.avg_pool2d(wanted, 7, 1, 3, count_include_pad=False)
    weight = 1 + edges * 4 * near * (1 - near)  # most where a person ends
    tame = logits.clamp(-8, 8)  # MediaPipe's reach +-300: a few wrong ones would drown all others
    logits = tame + 0.02 * (logits - tame)
    entropy = (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight).sum() / weight.sum()
    p = torch.sigmoid(logits)
    inter, total = (p * wanted).sum((1, 2, 3)), (p + wanted).sum((1, 2, 3))
    return entropy + overlap * (1 - ((2 * inter + 50) / (total + 50)).mean())


Lesson = tuple[dict[str, Tensor], Tensor]


def separate(values: dict[str, Tensor], t: Tensor) -> list[Lesson]:
    """A batch as single lessons in 16 bits."""
    return [({name: v[i].half() for name, v in values.items()}, t[i].half()) for i in range(len(t))]


def collate(kept: list[Lesson], ks: NDArray[np.int64]) -> Lesson:
    """Some of the lessons as a batch."""
    together = {name: torch.stack([kept[k][0][name] for k in ks]).float() for name in kept[0][0]}
    values = {name: v.contiguous(memory_format=torch.channels_last) for name, v in together.items()}
    return values, torch.stack([kept[k][1] for k in ks]).float()


def settle(graph: Graph, elder: Twin, student: students.Student, x: Tensor) -> None:
    """A good start: let the convolutions around what was left out take over its mean effect on the pictures x.

    A gated plane is g * skip + up, read by a 1x1 convolution: g moves into its weights, 1 / g into what makes `up`.
    The narrow tail gets the half of its parent's channels that move the logits most.
    """
    old, c = elder.graph, graph.consts
    tail = students.find_tail(old)
    planes = {name: _made(old, name).inputs[0] for name in student.gates}
    gate = tail.gated.inputs[1]
    with torch.no_grad():
        seen = elder.run({old.input: x}, [*planes, *planes.values(), gate, tail.total.output])
    for name, plane in planes.items():
        products = [(seen[a] * seen[plane]).sum((0, 2, 3)) for a in (name, plane)]
        mean = (products[0] / products[1].clamp(1e-6)).clamp(0.05, 20).numpy()
        total = old.consumers(name)[0]
        up = _made(old, _made(old, total.inputs[1]).inputs[0])
        for i in up.inputs[1:]:
            c[i] = c[i] / mean.reshape(-1, *[1] * (c[i].ndim - 1))
        reader = old.consumers(total.output)[0]
        c[reader.inputs[1]] = c[reader.inputs[1]] * mean

    last, wide, low = (old.consts[op.inputs[1]] for op in (tail.last, tail.wide, tail.low))
    moves = np.abs(last).sum((0, 1, 2)) * seen[tail.total.output].std((0, 2, 3)).numpy()
    best = np.sort(np.argsort(-moves)[: len(moves) // 2])
    mix = wide[best, 0, 0]
    c["tail/skip/w"] = (mix * seen[gate].mean((0, 2, 3)).numpy())[:, None, None]
    c["tail/skip/b"] = old.consts[tail.wide.inputs[2]][best]
    c["tail/low/w"], c["tail/low/b"] = (mix @ low[:, 0, 0])[:, None, None], mix @ old.consts[tail.low.inputs[2]]
    c["tail/deep/w"], c["tail/deep/b"] = (old.consts[i][..., best] for i in tail.deep.inputs[1:])
    c["tail/deep/w"][0, 1, 1] += 1  # nothing is added to it now: the middle tap stands for that
    c["tail/last/w"] = last[..., best]


def _border(graph: Graph) -> list[str]:
    """What the decoder reads of the encoder's tensors."""
    first = [op.output for op in graph.ops].index(students.DECODER)
    inside = {op.output for op in graph.ops[first:]}
    return sorted({i for op in graph.ops[first:] for i in op.inputs if i in graph.shapes and i not in inside})


def _made(graph: Graph, name: str) -> Op:
    op = graph.producer(name)
    assert op is not None, name
    return op


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("set", type=Path)
    ap.add_argument("student", choices=sorted(students.STUDENTS))
    ap.add_argument("out", type=Path)
    ap.add_argument("--start", type=Path, help="weights of an earlier run")
    ap.add_argument("--what", choices=("decoder", "biases", "all"), default="decoder", help="biases: the encoder's too")
    ap.add_argument("--steps", type=int, default=1500)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--rate", type=float, default=1e-3)
    ap.add_argument("--edges", type=float, default=3.0)
    ap.add_argument("--overlap", type=float, default=0.3, help="weight of the masks' overlap beside the cross-entropy")
    ap.add_argument("--hard", type=float, default=1.0)
    ap.add_argument("--pasted", type=float, default=1.0, help="how much of the target is the pasted alpha")
    ap.add_argument("--parent", type=float, default=0.0, help="how much of it the parent says of the very same picture")
    ap.add_argument("--photographs", type=int, default=0, help="how much oftener photographs as they were taken come")
    ap.add_argument("--keep", type=int, default=0, help="make so many lessons first and repeat them: thrice as fast")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    student = students.STUDENTS[a.student]
    parent = fetch(None, LANDSCAPE)
    graph = students.graph(parent, student.size, student, a.start)
    asked, pasted = np.load(a.set / "teacher.npy", mmap_mode="r"), np.load(a.set / "pasted.npy", mmap_mode="r")
    wanted = pasted if a.pasted == 1 else (asked * (1 - a.pasted) + pasted * a.pasted).astype(np.uint8)
    data = {"pictures": np.load(a.set / "pictures.npy", mmap_mode="r"), "wanted": wanted}
    elder = Twin(students.graph(parent, student.size))
    if not a.start:
        settle(graph, elder, student, batch(data, np.arange(64), student.size)[0])
    twin = Twin(graph)
    convs = [op.output for op in graph.ops if op.kind in CONVS]
    own = convs if a.what == "all" else convs[convs.index(students.DECODER) :]
    biases = convs if a.what == "biases" else ()
    shared = _border(elder.graph)
    parameters = twin.train_only(own, biases)
    print(f"{a.student} {student.size}: {sum(p.numel() for p in parameters)} parameters train", flush=True)

    count = len(wanted)
    held = np.arange(count - 160, count)
    taken = [k for k in range(count - 160) if k % 10 < 3]  # pictures.py: photographs as they were taken
    shown = np.concatenate([np.arange(count - 160), *[taken] * a.photographs])
    order, rng = np.random.default_rng(1), torch.Generator().manual_seed(2)
    adam = torch.optim.Adam(parameters, lr=a.rate)
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, a.rate, total_steps=a.steps, pct_start=0.1)
    started, mean = time.monotonic(), 0.0

    def lesson(order: np.random.Generator, rng: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """A batch as the student's first trained layers see it, and what is wanted of it."""
        x, t = batch(data, order.choice(shown, a.batch), student.size)
        if order.random() < 0.5:
            x, t = x.flip(3), t.flip(3)
        x = light(x, rng, a.hard).contiguous(memory_format=torch.channels_last)
        if not a.parent:
            return {"image": x}, t
        with torch.no_grad():
            values = elder.run({"image": x}, shared)
            t = t * (1 - a.parent) + torch.sigmoid(elder.logits(values)) * a.parent
        return (values if a.what == "decoder" else {"image": x}), t  # a decoder has its parent's encoder

    kept = [one for _ in range(a.keep // a.batch) for one in separate(*lesson(order, rng))]
    if kept:
        print(f"{len(kept)} lessons kept, {time.monotonic() - started:.0f} s", flush=True)
    for step in range(a.steps):
        if kept:
            values, t = collate(kept, order.integers(0, len(kept), a.batch))
        else:
            values, t = lesson(order, rng)
        now = loss(twin.logits(values), t, a.edges, a.overlap)
        adam.zero_grad()
        now.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        plan.step()
        mean = now.item() if step == 0 else 0.98 * mean + 0.02 * now.item()
        if step % 200 == 199 or step in (0, a.steps - 1):
            with torch.no_grad():
                x, t = batch(data, held, student.size)
                p = torch.cat([twin(part) for part in x.split(32)]) > 0
            both, either = (p & (t > 0.5)).sum((1, 2, 3)), (p | (t > 0.5)).sum((1, 2, 3))
            iou = float((both[either > 300] / either[either > 300]).mean())
            np.savez_compressed(a.out, **twin.constants())
            spent = time.monotonic() - started
            print(f"step {step + 1} loss {mean:.4f} held-out IoU {iou:.4f} {spent:.0f} s", flush=True)


if __name__ == "__main__":
    main()
