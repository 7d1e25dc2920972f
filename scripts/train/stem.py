"""Teach a thin first layer to say what the layers say that it replaces:  stem.py LESSONS OUT.npz --start lean.npz

LESSONS is what lessons.py made, of any size; only its pictures are used. What trains is all of students.thin_stem, on
the distance of its two outputs from its parent's, each channel in units of its own spread. OUT.npz gets these weights
and those of --start, the decoder's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import students
import torch
from modelkit.build import fetch
from modelkit.catalogue import LANDSCAPE
from torch import Tensor
from twin import Twin

PAIRS = {"stem/deep": "relu_12", "tail/skip": "tail/skip"}  # the student's tensors, and the parent's
OWN = ("stem", "stem/deep", "tail/skip")


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("lessons", type=Path)
    ap.add_argument("out", type=Path)
    ap.add_argument("--start", type=Path, required=True)
    ap.add_argument("--steps", type=int, default=4000)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--rate", type=float, default=3e-3)
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    data, lean = fetch(None, LANDSCAPE), students.STUDENTS["lean"]
    elder = Twin(students.graph(data, lean.size, lean, a.start))
    graph = elder.graph.copy()
    students.thin_stem(graph)
    twin = Twin(graph)
    parameters = twin.train_only(OWN)
    seen = np.load(a.lessons / "seen.npy", mmap_mode="r")
    order = np.random.default_rng(0)
    adam = torch.optim.Adam(parameters, lr=a.rate)
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, a.rate, total_steps=a.steps, pct_start=0.1)

    def lesson(count: int) -> tuple[Tensor, dict[str, Tensor]]:
        x = torch.from_numpy(seen[np.sort(order.integers(0, len(seen), count))]).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            return x, elder.run({elder.graph.input: x}, PAIRS.values())

    spread = {k: v.var((0, 2, 3), keepdim=True) + 1e-3 for k, v in lesson(64)[1].items()}
    for step in range(a.steps):
        x, wanted = lesson(a.batch)
        said = twin.run({graph.input: x}, PAIRS)
        parts = [((said[k] - wanted[v]) ** 2 / spread[v]).mean() for k, v in PAIRS.items()]
        adam.zero_grad()
        torch.stack(parts).sum().backward()
        adam.step()
        plan.step()
        if step % 400 == 399:
            print(f"step {step + 1} unexplained: {', '.join(f'{p.item():.3f}' for p in parts)}", flush=True)
    decoder = np.load(a.start)
    kept = {k: decoder[k] for k in decoder.files if k in {i for op in graph.ops for i in op.inputs}}
    np.savez_compressed(a.out, **kept | twin.constants())


if __name__ == "__main__":
    main()
