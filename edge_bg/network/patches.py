"""The network of the known room: small patches in, the alpha of each out, a batch an invoke.

It ships in `models/room/` with a card of its own; no other network is fed like it (`edge_bg.matte.known`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import yaml

from edge_bg.assets import data_path
from edge_bg.errors import ModelError
from edge_bg.frame import Picture
from edge_bg.network import tflite
from edge_bg.network.card import read_file
from edge_bg.network.fields import Fields
from edge_bg.network.runtime import Engine

CARD = "models/room/room-40x40-int8.yaml"
CHANNELS = 8  # of a patch
_SIGN = np.uint8(128)  # between unsigned bytes and the network's signed ones
_ENDS = (8, 248)  # alpha up to and from which nobody sees a difference from 0 and 255: a logistic never gets there


class PatchNetwork:
    """`network(patches)` -> alpha of each. For one thread at a time.

    side: of a patch in pixels. batch: patches an invoke; fewer cost as much.

    Raises `ModelError` where the packaged network is missing or is not what its card says.
    """

    def __init__(self, card: Path | None = None, threads: int = 1) -> None:
        card = data_path(CARD) if card is None else card
        data, (self.batch, self.side) = _read(card)
        self._engine = Engine(data, card.stem, threads=threads)
        self._stretch = np.clip(np.rint((np.arange(256) - _ENDS[0]) * 255 / (_ENDS[1] - _ENDS[0])), 0, 255).astype(
            np.uint8
        )

    def __call__(self, patches: Picture) -> Picture:
        """The alpha of `patches`, uint8 `(n, side, side, CHANNELS)`, as uint8 `(n, side, side)`, 255 = person."""
        half = self.side // 2
        alpha: Picture = np.empty((len(patches), half, 2, half, 2), np.uint8)
        for start in range(0, len(patches), self.batch):
            part = patches[start : start + self.batch]
            fed = self._engine.input().view(np.uint8)
            np.bitwise_xor(part, _SIGN, out=fed[: len(part)])
            del fed
            self._engine.invoke()
            said = self._engine.output().view(np.uint8)[: len(part)].reshape(-1, half, half, 2, 2)
            alpha[start : start + len(part)] = said.transpose(0, 1, 3, 2, 4)
            del said
        flat = np.bitwise_xor(alpha, _SIGN, out=alpha).reshape(-1, self.side * self.side)
        return np.asarray(cv2.LUT(flat, self._stretch), np.uint8).reshape(-1, self.side, self.side)


def _read(card: Path) -> tuple[bytes, tuple[int, int]]:
    """(the model's bytes, (batch, side)) of a card, proven to fit it."""
    try:
        content = yaml.safe_load(read_file(card, "the card of the known room's network").decode())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{card} is not valid YAML: {' '.join(str(error).split())}") from None
    faults: list[str] = []
    top = Fields(content, "", set(content) if isinstance(content, dict) else set(), faults)
    name, wanted = top.text("file"), top.text("sha256")
    if faults:
        raise ModelError(f"{card}: " + "; ".join(faults), hint="Install the package again.")
    path = card.parent / name
    data = read_file(path, f"the model of {card}")
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ModelError(f"{path} is not the file its card was written for", hint="Install the package again.")
    shape, dtype = tflite.read(data, str(path)).inputs[0].shape, tflite.read(data, str(path)).inputs[0].dtype
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] != CHANNELS or dtype != "int8":
        raise ModelError(f"{path} takes {list(shape)} {dtype}; int8 (n, side, side, {CHANNELS}) was expected")
    return data, (shape[0], shape[1])
