"""Train a student for smaller pictures on what lessons.py made:  shrink.py LESSONS STUDENT OUT.npz --start OTHER.npz

All weights train, the encoder's at a fifth of the decoder's rate: it knows people already, and only sees them smaller.
The rate rises shortly and falls to nothing (cosine) by the clock, so that a run ends when it should however busy the
machine is. OUT.npz gets the weights in 16 bits, by their names in the graph, --share of the way from where they began:
who goes all of it forgets a little more. Printed: the loss, and on lessons never shown the mean overlap (IoU) of the
student's masks with its parent's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import students
import torch
from distil import loss
from lessons import HELD
from modelkit.build import fetch
from modelkit.catalogue import LANDSCAPE
from numpy.typing import NDArray
from torch import Tensor
from twin import CONVS, Twin


def batch(seen: NDArray[np.uint8], said: NDArray[np.uint8], ks: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Pictures (n, 3, h, w) and what is wanted, (n, 1, h, w), both in [0, 1]."""
    x = torch.from_numpy(seen[ks]).permute(0, 3, 1, 2).float() / 255
    return x.contiguous(memory_format=torch.channels_last), torch.from_numpy(said[ks])[:, None].float() / 255


def agreement(twin: Twin, seen: NDArray[np.uint8], said: NDArray[np.uint8], ks: NDArray[np.int64]) -> float:
    """Mean IoU of the student's masks with the parent's, on the lessons `ks` in which the parent sees somebody."""
    found: list[Tensor] = []
    with torch.no_grad():
        for some in np.array_split(ks, max(1, len(ks) // 32)):
            x, t = batch(seen, said, some)
            p, q = twin(x) > 0, t > 0.5
            both, either = (p & q).sum((1, 2, 3)), (p | q).sum((1, 2, 3))
            found.append((both / either.clamp(1))[q.sum((1, 2, 3)) > 100])
    return float(torch.cat(found).mean())


def worth(said: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.int64]:
    """The lessons in which somebody fills a 20th of the picture or more, and a few in which the parent sees nobody."""
    share = np.array([float((m > 127).mean()) for m in said])
    empty = (share < 0.001) & (rng.random(len(said)) < 0.3)
    return np.flatnonzero(((share > 0.05) & (share < 0.85)) | empty)


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("lessons", type=Path)
    ap.add_argument("student", choices=sorted(students.STUDENTS))
    ap.add_argument("out", type=Path)
    ap.add_argument("--start", type=Path, required=True, help="weights to begin with")
    ap.add_argument("--minutes", type=float, default=35, help="how long: the rate falls by the clock, not by steps")
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--rate", type=float, default=5e-4, help="of the decoder")
    ap.add_argument("--encoder", type=float, default=0.2, help="the encoder's rate, as a share of the decoder's")
    ap.add_argument("--edges", type=float, default=2.0)
    ap.add_argument("--share", type=float, default=0.75, help="how much of the way is kept")
    ap.add_argument("--overlap", type=float, default=0.3, help="weight of the masks' overlap beside the cross-entropy")
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    student = students.STUDENTS[a.student]
    graph = students.graph(fetch(None, LANDSCAPE), student.size, student, a.start)
    twin = Twin(graph)
    convs = [op.output for op in graph.ops if op.kind in CONVS]
    border = convs.index(students.DECODER)
    head = {id(p) for p in twin.train_only(convs[border:])}
    every = twin.train_only(convs)
    decoder, encoder = [p for p in every if id(p) in head], [p for p in every if id(p) not in head]
    groups = [{"params": decoder, "lr": a.rate}, {"params": encoder, "lr": a.rate * a.encoder}]
    seen, said = np.load(a.lessons / "seen.npy"), np.load(a.lessons / "said.npy")
    order = np.random.default_rng(1)
    kept = worth(said, order)
    shown, held = kept[kept < len(seen) * (1 - HELD)], kept[kept >= len(seen) * (1 - HELD)][:400]
    print(f"{a.student} {student.size}: {sum(p.numel() for p in every)} parameters, {len(shown)} lessons", flush=True)
    print(f"step 0 held-out agreement {agreement(twin, seen, said, held):.4f}", flush=True)

    adam = torch.optim.Adam(groups)
    full = [group["lr"] for group in adam.param_groups]
    started, mean, done = time.monotonic(), 0.0, 0.0
    step = 0
    while done < 1:
        done = min(1.0, (time.monotonic() - started) / (60 * a.minutes))
        for group, rate in zip(adam.param_groups, full, strict=True):
            group["lr"] = rate * min(1.0, step / 200) * (1 + np.cos(np.pi * done)) / 2
        x, t = batch(seen, said, order.choice(shown, a.batch))
        now = loss(twin(x), t, a.edges, a.overlap)
        adam.zero_grad()
        now.backward()
        torch.nn.utils.clip_grad_norm_(every, 1.0)
        adam.step()
        mean = now.item() if step == 0 else 0.99 * mean + 0.01 * now.item()
        step += 1
        if step % 500 == 0 or step == 50 or done == 1:
            parts = {k: graph.consts[k] * (1 - a.share) + w * a.share for k, w in twin.constants().items()}
            np.savez_compressed(a.out, **{k: w.astype(np.float16) for k, w in parts.items()})
            spent = time.monotonic() - started
            told = agreement(twin, seen, said, held)
            print(f"step {step} loss {mean:.4f} held-out agreement {told:.4f} {spent:.0f} s", flush=True)


if __name__ == "__main__":
    main()
