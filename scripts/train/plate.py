"""Train the network of the known room: frame, room and rough mask -> alpha, on patches of SIDE pixels.

    plate.py OUT.npz SCENES... [--minutes 60] [--start OUT.npz] [--rate 2e-3]

SCENES are of plate_scenes.py. Each patch is as the matte cuts them; MARGIN pixels around count little, as only what
lies inside is used. A checkpoint is written every two minutes; `--start` goes on from one. OUT.npz holds the weights
in half precision with batch normalisation folded in, by the names that `scripts/build_known_room` reads.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

SIDE, MARGIN = 48, 4
LIMIT = 8.0  # of what the last convolutions give, either way
HALF = 128 / 255  # no difference, in the channels that have a sign
AWAY = (2, 3, 4, 5, 8)  # the channels that say how far a pixel is from the room
STEEP = 32.0  # what a difference of all counts
WIDE = (16, 48, 96)  # channels at a half, a quarter and an eighth of a patch
DEPTH = (2, 4)  # layers at a quarter and an eighth


class Mix(nn.Module):
    """Depthwise 3x3, then 1x1, with RELU6 behind both."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.spread = nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False)
        self.norm1 = nn.BatchNorm2d(before)
        self.mix = nn.Conv2d(before, after, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.spread.stride[0] == 2:  # as TFLite's SAME: one row below and right
            x = F.relu6(self.norm1(F.conv2d(F.pad(x, (0, 1, 0, 1)), self.spread.weight, None, 2, 0, 1, x.shape[1])))
        else:
            x = F.relu6(self.norm1(self.spread(x)))
        return F.relu6(self.norm2(self.mix(x)))


class Plate(nn.Module):
    """(n, 9, SIDE, SIDE) of 0..1 -> logits (n, 4, SIDE / 2, SIDE / 2): the four pixels of each square.

    A logit is what the network says of the pixel, and what it says of the square times how the pixel differs from the
    room.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c = WIDE
        self.stem, self.stem_norm = nn.Conv2d(9, a, 2, 2, bias=False), nn.BatchNorm2d(a)
        self.fine = Mix(a, a)
        self.down1, self.middle = Mix(a, b, 2), nn.ModuleList([Mix(b, b) for _ in range(DEPTH[0])])
        self.down2, self.deep = Mix(b, c, 2), nn.ModuleList([Mix(c, c) for _ in range(DEPTH[1])])
        self.up2, self.join2 = nn.Conv2d(c, b, 1), Mix(b, b)
        self.up1, self.join1 = nn.Conv2d(b, a, 1), Mix(a, a)
        self.out, self.guide = nn.Conv2d(a, 4, 1), nn.Conv2d(a, 5, 1)
        nn.init.zeros_(self.guide.weight)
        nn.init.zeros_(self.guide.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.fine(F.relu6(self.stem_norm(self.stem(x))))
        half = self.down1(fine)
        for layer in self.middle:
            half = half + layer(half)
        low = self.down2(half)
        for layer in self.deep:
            low = low + layer(low)
        half = self.join2(half + _twice(self.up2(low)))
        fine = self.join1(fine + _twice(self.up1(half)))
        # Alpha before a known room is linear in the differences where the person's colour is constant.
        plain, slopes = self.out(fine).clamp(-LIMIT, LIMIT), self.guide(fine).clamp(-LIMIT, LIMIT)
        away = F.pixel_unshuffle(x[:, AWAY] - x.new_tensor((0, *[HALF] * 4))[:, None, None], 2)
        return plain + (slopes.repeat_interleave(4, 1) * away).view(len(x), 5, 4, *plain.shape[2:]).sum(1) * STEEP


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def folded(net: Plate) -> dict[str, np.ndarray]:
    """The weights as TFLite has them, (out, kh, kw, in), the depthwise ones (1, kh, kw, out), and biases."""
    found: dict[str, np.ndarray] = {}

    def put(name: str, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> None:
        weight = conv.weight.detach()
        bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        if norm is not None:
            gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
            weight = weight * gain[:, None, None, None]
            bias = norm.bias.detach() + (bias - norm.running_mean) * gain
        order = (1, 2, 3, 0) if conv.groups > 1 else (0, 2, 3, 1)
        found[name + "/w"], found[name + "/b"] = weight.permute(order).numpy().astype(np.float32), bias.numpy()

    put("stem", net.stem, net.stem_norm)
    for name, module in net.named_modules():
        if isinstance(module, Mix):
            put(name + ".spread", module.spread, module.norm1)
            put(name + ".mix", module.mix, module.norm2)
    for name in ("up2", "up1", "out", "guide"):
        put(name, getattr(net, name), None)
    found |= {f"ends/{k}": np.concatenate([found.pop(f"{name}/{k}") for name in ("out", "guide")]) for k in "wb"}
    return found


class Patches:
    """Batches of random patches of the scenes, those with an outline or a difference in them much oftener."""

    def __init__(self, folders: list[Path], seed: int) -> None:
        self.sets = [
            [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("seen", "truth")] for folder in folders
        ]
        self.rng = np.random.default_rng(seed)
        self._tells = [np.stack([_telling(*both) for both in zip(t, s[..., 6], strict=True)]) for s, t in self.sets]

    def take(self, count: int, held: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """(shown (n, 9, SIDE, SIDE), alpha (n, 1, SIDE, SIDE)), 0..1."""
        xs, ys = [], []
        while len(xs) < count:
            of = int(self.rng.integers(len(self.sets)))
            (seen, truth), tells = self.sets[of], self._tells[of]
            last = round(len(seen) * 0.9)
            k = int(self.rng.integers(last, len(seen)) if held else self.rng.integers(last))
            for y, x in self.rng.integers(0, seen.shape[1] - SIDE + 1, (4, 2)).tolist():
                if tells[k, y, x] or self.rng.random() < 0.08:
                    cut = np.s_[k, y : y + SIDE, x : x + SIDE]
                    xs.append(seen[cut])
                    ys.append(truth[cut])
        x = torch.from_numpy(np.stack(xs[:count])).permute(0, 3, 1, 2).float() / 255
        y = torch.from_numpy(np.stack(ys[:count]))[:, None].float() / 255
        return (x, y) if held or self.rng.random() < 0.5 else (x.flip(3), y.flip(3))


def _telling(truth: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """For each place of a patch in a scene, whether an outline is in its middle, or something the rough mask misses."""
    there = ((truth > 8) & (truth < 247)) | (np.abs(truth.astype(np.int16) - rough) > 80)
    total = np.pad(np.cumsum(np.cumsum(there, 0, dtype=np.int32), 1, dtype=np.int32), ((1, 0), (1, 0)))
    low, high, end = 8, SIDE - 8, truth.shape[0] + 1
    last, first = np.s_[high : end - low], np.s_[low : end - high]
    return (total[last, last] - total[first, last] - total[last, first] + total[first, first]) > 0


def loss_of(logits: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and the errors of alpha and of its slopes.

    What is a little darker than the room, has its hue, and is nobody to the rough mask, is a shadow much oftener in
    life than in these scenes: taking a shadow for a thing counts for more there, and a thing for a shadow for less.
    """
    full = F.pixel_shuffle(logits, 2)
    hue = (x[:, 4:6] - HALF).abs().amax(1, keepdim=True)
    shade = (x[:, 3:4] < HALF - 0.02) & (x[:, :1] > 0.4 * x[:, 1:2]) & (hue < 0.07) & (x[:, 6:7] < 0.6)
    weight = torch.where(shade, torch.where(y < 0.5, 1.5, 1.0), 1.0)
    # The rough mask fills gaps oftener than clothes are the very wall.
    weight = torch.where((y < 0.1) & (x[:, 6:7] > 0.6) & (x[:, 2:3] < 0.05), 2.5, weight)
    weight[..., :MARGIN, :] *= 0.1
    weight[..., -MARGIN:, :] *= 0.1
    weight[..., :MARGIN] *= 0.1
    weight[..., -MARGIN:] *= 0.1
    p = torch.sigmoid(full)
    error = F.binary_cross_entropy_with_logits(full, y, reduction="none") + 2 * (p - y).abs()
    across = ((p - y)[..., 1:] - (p - y)[..., :-1]).abs()
    down = ((p - y)[..., 1:, :] - (p - y)[..., :-1, :]).abs()
    sides = (across * weight[..., 1:]).mean() + (down * weight[..., 1:, :]).mean()
    return (error * weight).mean() + 2 * sides


def held_out(net: Plate, sets: Patches, batches: int = 10) -> tuple[float, float]:
    """Mean absolute error of alpha inside of held-out patches: the network's, and the rough mask's."""
    state, sets.rng = sets.rng, np.random.default_rng(5)
    net.eval()
    found = []
    with torch.no_grad():
        for _ in range(batches):
            x, y = sets.take(64, held=True)
            p = torch.sigmoid(F.pixel_shuffle(net(x), 2))
            inner = np.s_[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
            found.append([float((v[inner] - y[inner]).abs().mean()) for v in (p, x[:, 6:7])])
    net.train()
    sets.rng = state
    mine, rough = np.mean(found, axis=0)
    return float(mine), float(rough)


def _between(new: dict[str, torch.Tensor], old: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Weights between those of two networks, of which one was trained on from the other: better than either on pictures
    of neither (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022)."""
    return {k: old[k] * share + v * (1 - share) if v.is_floating_point() else v for k, v in new.items()}


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out", type=Path)
    ap.add_argument("scenes", type=Path, nargs="+")
    ap.add_argument("--minutes", type=float, default=60)
    ap.add_argument("--start", type=Path, help="a checkpoint (.pt) to go on from")
    ap.add_argument(
        "--stay", type=float, default=0, help="share of --start in what is written, the rest of what was learned"
    )
    ap.add_argument("--rate", type=float, default=3e-3)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    net, sets = Plate(), Patches(a.scenes, a.seed)
    if a.start:
        net.load_state_dict(torch.load(a.start), strict=False)
    print(sum(p.numel() for p in net.parameters()), "weights", flush=True)
    net = net.to(memory_format=torch.channels_last)
    best = torch.optim.AdamW(net.parameters(), a.rate, weight_decay=1e-4)
    # What is kept is the mean of the last few hundred steps, which is better than any of them.
    kept = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.997), use_buffers=True)
    begun, step, mean, saved = time.monotonic(), 0, 0.0, 0.0
    while (share := (time.monotonic() - begun) / 60 / a.minutes) < 1:
        for group in best.param_groups:
            group["lr"] = a.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * share)) + 1e-6
        x, y = sets.take(a.batch)
        loss = loss_of(net(x.contiguous(memory_format=torch.channels_last)), x, y)
        best.zero_grad()
        loss.backward()
        best.step()
        kept.update_parameters(net)
        step += 1
        mean = 0.99 * mean + 0.01 * float(loss.detach())
        if time.monotonic() - saved > 120:
            saved = time.monotonic()
            torch.save(kept.module.state_dict(), a.out.with_suffix(".pt"))
            mine, rough = held_out(kept.module, sets)
            spent = (saved - begun) / 60
            print(
                f"{step} {spent:.1f} min loss {mean / (1 - 0.99**step):.4f} held {mine:.4f} ({rough:.4f})", flush=True
            )
    if a.stay:
        kept.module.load_state_dict(_between(kept.module.state_dict(), torch.load(a.start), a.stay))
    torch.save(kept.module.state_dict(), a.out.with_suffix(".pt"))
    mine, rough = held_out(kept.module, sets, 40)
    print(f"{step} steps: alpha is off by {mine:.4f}, the rough mask by {rough:.4f}")
    np.savez_compressed(a.out, **{k: v.astype(np.float16) for k, v in folded(kept.module.eval()).items()})


if __name__ == "__main__":
    main()
