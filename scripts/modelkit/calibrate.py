"""Pictures -> the range of every activation. Its result, a list of numbers, is kept in the repository beside the code,
so that the models are rebuilt to the byte without any picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from .graph import Graph, Op
from .measure import Mask, Net, Picture, fit, load
from .quantise import SAME_SCALE, Ranges, quantise
from .tflite import write


def framings(folder: Path, size: tuple[int, int], count: int) -> Iterator[Picture]:
    """`count` pictures of a folder, evenly picked, each twice: whole, and its upper part as a webcam frames; one of the
    two in another light, as rooms are darker and screens brighter than the streets of these pictures."""
    rng = np.random.default_rng(11)
    files = sorted(folder.glob("*.jpg"))
    for k, path in enumerate(files[:: max(1, len(files) // count)][:count]):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        upper = rgb[: min(rgb.shape[0], round(rgb.shape[1] * size[1] / size[0]))]
        yield fit(relit(rgb, rng) if k % 2 else rgb, size)
        yield fit(upper if k % 2 else relit(upper, rng), size)


def relit(rgb: Picture, rng: np.random.Generator) -> Picture:
    """The picture with 0.4 to 2.5 times the light, a little coloured, clipped."""
    gain = np.exp(rng.uniform(np.log(0.4), np.log(2.5))) * np.exp(rng.normal(0, 0.12, 3))
    light = (rgb.astype(np.float32) / 255) ** 2.2 * gain
    return np.rint(np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def source(graph: Graph, name: str) -> str:
    """The tensor whose numbers `name` merely rearranges: views and enlargements share their source's scale."""
    maker = graph.producer(name)
    return source(graph, maker.inputs[0]) if maker and maker.kind in SAME_SCALE else name


def _seen(
    graph: Graph, pictures: list[Picture], pick: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """What `pick` keeps of every activation (1, h, w, c) of every picture, concatenated, by name."""
    it = Interpreter(model_content=write(graph), num_threads=2, experimental_preserve_all_tensors=True)
    it.allocate_tensors()
    ids = {d["name"]: d["index"] for d in it.get_tensor_details()}
    seen: dict[str, list[NDArray[np.float32]]] = {op.output: [] for op in graph.ops}
    for picture in pictures:
        it.set_tensor(ids[graph.input], picture[None].astype(np.float32) / 255)
        it.invoke()
        for name, kept in seen.items():
            kept.append(pick(it.get_tensor(ids[name])))
    return {name: np.concatenate(kept) for name, kept in seen.items()}


def reach(graph: Graph, pictures: list[Picture], percentile: float = 99.99) -> dict[str, NDArray[np.float32]]:
    """Between which values each channel of each activation lies, float (2, channels): what equalise.choose wants."""
    rng = np.random.default_rng(0)

    def pick(x: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = x.reshape(-1, x.shape[-1])
        return rows if len(rows) < 500 else rows[rng.integers(0, len(rows), 500)]

    ends = [100 - percentile, percentile]
    return {k: np.percentile(v, ends, axis=0) for k, v in _seen(graph, pictures, pick).items()}


def ranges(graph: Graph, pictures: list[Picture], percentile: float = 99.99, logit: float = 8.0) -> Ranges:
    """The range of every activation of a float graph: percentiles, but two that are known better.

    The last logits reach +-300 and saturate at 8 already, and a hard swish is 0 below -3: neither needs the codes.
    """
    rng = np.random.default_rng(0)

    def pick(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x.ravel() if x.size <= 4000 else x.ravel()[rng.integers(0, x.size, 4000)]

    found = {}
    for name, values in _seen(graph, pictures, pick).items():
        lo, hi = np.percentile(values, [100 - percentile, percentile])
        found[name] = (float(lo), float(hi))
    for op in graph.ops:
        if op.kind == "LOGISTIC" and op.output == graph.output:
            found[source(graph, op.inputs[0])] = (-logit, logit)
        if op.kind == "ADD" and op.attrs["act"] == "RELU6":
            found[op.output] = (0.0, 6.0)
            found[op.inputs[0]] = (max(found[op.inputs[0]][0], -3.0), found[op.inputs[0]][1])
    return {name: (round(lo, 5), round(hi, 5)) for name, (lo, hi) in found.items()}


@dataclass(frozen=True)
class Tuning:
    """What `refine` listens to: pictures, and pairs of frames as a still camera gives them (each two in a row)."""

    plain: list[Picture]
    pairs: list[Picture]


def tuning(folder: Path, size: tuple[int, int], count: int = 40) -> Tuning:
    """`count` pictures and fewer pairs, of photographs that `framings` does not take.

    The noise of the pairs is what webcams leave on pixels that stand still, at the network's size: after compression
    most values do not change at all from frame to frame, a quarter by one level, one in a hundred by more than five.
    """
    files = sorted(folder.glob("*.jpg"))
    rng = np.random.default_rng(5)
    plain: list[Picture] = []
    pairs: list[Picture] = []

    def upper(rgb: Picture) -> Picture:
        return rgb[: min(rgb.shape[0], round(rgb.shape[1] * size[1] / size[0]))]

    for k, path in enumerate(files[6 :: max(1, len(files) // count)][:count]):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        plain.append(fit(rgb if k % 4 else upper(rgb), size))
    few = count * 7 // 10
    for k, path in enumerate(files[3 :: max(1, len(files) // few)][:few]):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        part = upper(rgb) if k % 3 else rgb
        clean = fit(relit(part, rng) if k % 2 else part, size)
        pairs += [np.clip(np.rint(clean + _noise(clean.shape, rng)), 0, 255).astype(np.uint8) for _ in range(2)]
    return Tuning(plain, pairs)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    fine = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 0.7)
    patches = cv2.GaussianBlur(rng.normal(0, 1, shape[:2]).astype(np.float32), (0, 0), 2.0)
    return fine / fine.std() * (0.4 * np.exp(0.95 * patches / patches.std()))[..., None]  # type: ignore[no-any-return]


def distance(net: Net, tuning: Tuning, parent: list[Mask]) -> tuple[float, float]:
    """How far a net is from its float parent, whose masks of `plain` and then `pairs` are given: one less the IoU of
    the soft masks, and how many times it flickers as much, less one."""
    masks = [net.run(p) for p in (*tuning.plain, *tuning.pairs)]
    apart = [np.abs(a - b).sum() / max(50.0, np.maximum(a, b).sum()) for a, b in zip(masks, parent, strict=True)]
    first = len(tuning.plain)
    flicker = [sum(float(np.abs(m[i] - m[i + 1]).mean()) for i in range(first, len(m), 2)) for m in (masks, parent)]
    return float(np.mean(apart)), flicker[0] / flicker[1] - 1


TOGETHER = (0.5, 0.65, 0.8, 1.25)  # what `refine` tries on the ranges of a kind, and then on each
ALONE = (0.7, 0.85, 1.2)


def alike(graph: Graph) -> list[list[str]]:
    """The activations whose ranges `refine` moves together, those with most values first: of one height, and in one
    place in the network (before a hard swish or after it, a product, a sum, clamped or plain)."""

    def kind(op: Op) -> str:
        if any(reader.attrs.get("act") == "RELU6" for reader in graph.consumers(op.output)):
            return "before a hard swish"
        return op.attrs.get("act", "NONE") + {"ADD": "sum", "MUL": "product"}.get(op.kind, "convolution")

    found: dict[tuple[int, str], list[str]] = {}
    for op in graph.ops:
        if op.kind not in (*SAME_SCALE, "LOGISTIC") and not op.output.endswith(("/gate", "/logits")):
            height = graph.shapes[op.output][1]
            found.setdefault((height, "any" if height == 1 else kind(op)), []).append(op.output)
    return sorted(found.values(), key=lambda names: -sum(int(np.prod(graph.shapes[n])) for n in names))


def refine(graph: Graph, start: Ranges, tuning: Tuning) -> Ranges:
    """Stretch or shrink ranges, first of a whole kind of activation and then one by one, and keep what brings int8
    nearer to the float net: agreement and flicker count about the same."""
    net = load(write(graph))
    parent = [net.run(p) for p in (*tuning.plain, *tuning.pairs)]

    def cost(r: Ranges) -> NDArray[np.float64]:
        return np.array(distance(load(write(quantise(graph, r))), tuning, parent))

    weights = np.array([3.0, 2.0]) / np.maximum(cost(start), [1e-6, 0.05])
    best, chosen = float(weights @ cost(start)), dict(start)
    kinds = alike(graph)
    steps = [(names, TOGETHER) for names in kinds] + [([n], ALONE) for names in kinds for n in names if len(names) > 1]
    for names, factors in steps:
        for factor in factors:
            trial = dict(chosen)
            for name in names:
                lo, hi = chosen[name]
                fixed = lo in (-3.0, -2.25)  # the lower end of a hard swish
                trial[name] = (round(lo if fixed else lo * factor, 5), round(hi * factor, 5))
            now = float(weights @ cost(trial))
            if now < best - 2e-3:
                best, chosen = now, trial
                print(f"{names[0]} and {len(names) - 1} like it: x {factor}, cost {best:.3f}", flush=True)
    return chosen


def portraits(data: Path, size: tuple[int, int]) -> Iterator[Picture]:
    """The two portraits in the public domain."""
    for name in ("astronaut.png", "grace_hopper.jpg"):
        yield fit(cv2.cvtColor(cv2.imread(str(data / name)), cv2.COLOR_BGR2RGB), size)
