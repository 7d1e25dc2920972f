"""Pictures -> the range of every activation. Its result, a list of numbers, is kept in the repository beside the code,
so that the models are rebuilt to the byte without any picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from .graph import Graph, write
from .measure import Mask, Net, Picture, fit, load
from .quantise import SAME_SCALE, Ranges, quantise


def framings(folder: Path, size: tuple[int, int], count: int) -> Iterator[Picture]:
    """`count` pictures of a folder, evenly picked, each twice: whole, and its upper part as a webcam frames."""
    files = sorted(folder.glob("*.jpg"))
    for path in files[:: max(1, len(files) // count)][:count]:
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        yield fit(rgb, size)
        h, w = rgb.shape[:2]
        ch = min(h, round(w * size[1] / size[0]))
        yield fit(rgb[:ch], size)


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
    """How far each channel of each activation goes from 0: what equalise.choose wants."""
    rng = np.random.default_rng(0)

    def pick(x: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.abs(x.reshape(-1, x.shape[-1]))
        return rows if len(rows) < 500 else rows[rng.integers(0, len(rows), 500)]

    return {k: np.percentile(v, percentile, axis=0) for k, v in _seen(graph, pictures, pick).items()}


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


def tuning(folder: Path, size: tuple[int, int], count: int = 45) -> list[Picture]:
    """Pairs (picture, the same with noise) of pictures that `framings` does not take: what `refine` listens to."""
    files = sorted(folder.glob("*.jpg"))
    rng, out = np.random.default_rng(5), []
    for k, path in enumerate(files[3 :: max(1, len(files) // count)][:count]):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        upper = min(rgb.shape[0], round(rgb.shape[1] * size[1] / size[0]))
        clean = fit(rgb[:upper] if k % 2 == 0 else rgb, size)
        out += [clean, np.clip(clean + rng.normal(0, 3, clean.shape), 0, 255).astype(np.uint8)]
    return out


def distance(net: Net, pairs: list[Picture], wanted: list[Mask]) -> tuple[float, float]:
    """How far a net is from its float parent's masks (mean error), and how much more it trembles under noise."""
    got = [net.run(p) for p in pairs]
    error = float(np.mean([np.abs(a - b).mean() for a, b in zip(got, wanted, strict=True)]))
    tremble = [sum(float(np.abs(m[i] - m[i + 1]).mean()) for i in range(0, len(m), 2)) for m in (got, wanted)]
    return error, tremble[0] / tremble[1]


FACTORS = (0.6, 0.75, 0.87, 1.15)  # what `refine` tries on a range


def refine(graph: Graph, start: Ranges, pairs: list[Picture]) -> Ranges:
    """Stretch or shrink one range at a time, largest tensors first, and keep what brings int8 nearer to the float net.

    Trembling counts twice as much as error: viewers see it first.
    """
    parent = load(write(graph))
    wanted = [parent.run(p) for p in pairs]

    def cost(r: Ranges) -> NDArray[np.float64]:
        return np.array(distance(load(write(quantise(graph, r))), pairs, wanted))

    weights = np.array([1.0, 2.0]) / cost(start)
    best, chosen = 3.0, dict(start)
    names = [op.output for op in graph.ops if op.kind not in (*SAME_SCALE, "LOGISTIC")]
    names = [n for n in names if not n.endswith("/gate")]
    for name in sorted(names, key=lambda n: -int(np.prod(graph.shapes[n])))[:60]:
        for factor in FACTORS:
            lo, hi = chosen[name]
            fixed = lo in (-3.0, -2.25)  # the lower end of a hard swish
            trial = {**chosen, name: (round(lo if fixed else lo * factor, 5), round(hi * factor, 5))}
            now = float(weights @ cost(trial))
            if now < best - 2e-4:
                best, chosen = now, trial
    return chosen


def portraits(data: Path, size: tuple[int, int]) -> Iterator[Picture]:
    """The two portraits in the public domain."""
    for name in ("astronaut.png", "grace_hopper.jpg"):
        yield fit(cv2.cvtColor(cv2.imread(str(data / name)), cv2.COLOR_BGR2RGB), size)
