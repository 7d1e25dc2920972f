"""Pictures -> the range of every activation. Its result, a list of numbers, is kept in the repository beside the code,
so that the models are rebuilt to the byte without any picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from .graph import Graph, write
from .quantise import SAME_SCALE, Ranges

Picture = NDArray[np.uint8]


def fit(rgb: Picture, size: tuple[int, int]) -> Picture:
    """Stretch a picture to `size` (width, height), as MediaPipe does and as the cards say.

    Measured against black bars on `people` and the 4:3 webcam clips: IoU 0.908 instead of 0.772, and half the flicker.
    """
    smaller = rgb.shape[1] > size[0]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)  # type: ignore[return-value]


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


def ranges(graph: Graph, pictures: list[Picture], percentile: float = 99.99, logit: float = 8.0) -> Ranges:
    """The range of every activation of a float graph: percentiles, but two that are known better.

    The last logits reach +-300 and saturate at 8 already, and a hard swish is 0 below -3: neither needs the codes.
    """
    it = Interpreter(model_content=write(graph), num_threads=2, experimental_preserve_all_tensors=True)
    it.allocate_tensors()
    ids = {d["name"]: d["index"] for d in it.get_tensor_details()}
    outs = [op.output for op in graph.ops]
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in outs}
    rng = np.random.default_rng(0)
    for picture in pictures:
        it.set_tensor(ids[graph.input], picture[None].astype(np.float32) / 255)
        it.invoke()
        for name in outs:
            v = it.get_tensor(ids[name]).ravel()
            seen[name].append(v if v.size <= 4000 else v[rng.integers(0, v.size, 4000)])
    found = {}
    for name in outs:
        lo, hi = np.percentile(np.concatenate(seen[name]), [100 - percentile, percentile])
        found[name] = (float(lo), float(hi))
    for op in graph.ops:
        if op.kind == "LOGISTIC" and op.output == graph.output:
            found[source(graph, op.inputs[0])] = (-logit, logit)
        if op.kind == "ADD" and op.attrs["act"] == "RELU6":
            found[op.output] = (0.0, 6.0)
            found[op.inputs[0]] = (max(found[op.inputs[0]][0], -3.0), found[op.inputs[0]][1])
    return {name: (round(lo, 5), round(hi, 5)) for name, (lo, hi) in found.items()}


def portraits(data: Path, size: tuple[int, int]) -> Iterator[Picture]:
    """The two portraits in the public domain."""
    for name in ("astronaut.png", "grace_hopper.jpg"):
        yield fit(cv2.cvtColor(cv2.imread(str(data / name)), cv2.COLOR_BGR2RGB), size)
