"""The network of the known room: small patches in, the alpha of each out, a batch an invoke.

It ships in `models/room/` with a card of its own; no other network is fed like it (`edge_bg.matte.known`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from edge_bg.assets import data_path
from edge_bg.errors import ModelError
from edge_bg.frame import Picture
from edge_bg.network import tflite
from edge_bg.network.card import read_file
from edge_bg.network.fields import Fields
from edge_bg.network.runtime import Engine

CARD = "models/room/room-48x48-int8.yaml"
CHANNELS = 9  # of a patch
_SIGN = np.uint8(128)  # between unsigned bytes and the network's signed ones
_SAID = 9  # numbers of each square of four pixels
_AWAY = (2, 3, 4, 5, 8)  # the channels that say how far a pixel is from the room
_PLAIN = (0, 128, 128, 128, 128)  # what they are where it shows
_STEEP = 32 / 255  # what a level of them counts
_SATURATED = 6  # where a logistic is as good as 0 or 1
_MOST = 127.5  # steps to there, either way
_FINE = _MOST / _SATURATED
_END = 0.03  # alpha from 0 and 1 that nobody sees


class PatchNetwork:
    """`network(planes)` -> alpha of patches. For one thread at a time.

    side: of a patch in pixels. batch: patches an invoke; fewer cost as much.

    Alpha before a known room is linear in how far the pixel is from it, where the person's colour is constant: the
    network says the slopes for each square of four pixels, and something more of each pixel.

    Raises `ModelError` where the packaged network is missing or is not what its card says.
    """

    def __init__(self, card: Path | None = None, threads: int = 1) -> None:
        card = data_path(CARD) if card is None else card
        data, (self.batch, self.side), self._scale, self._zero = _read(card)
        self._engine = Engine(data, card.stem, threads=threads)
        levels = (np.arange(256) - _MOST) / _FINE
        ends = 1 / (1 + np.exp(-levels))  # stretched, as it never gets to 0 and 1
        self._logistic = np.clip(np.rint((ends - _END) * 255 / (1 - 2 * _END)), 0, 255).astype(np.uint8)

    def __call__(self, planes: Sequence[Picture]) -> Picture:
        """The alpha of patches, one below another: uint8 `(n * side, side)`, 255 = person.

        planes: `CHANNELS` of the same shape, uint8.
        """
        side, half = self.side, self.side // 2
        patches = cv2.merge(list(planes)).reshape(-1, side, side, CHANNELS)
        said: NDArray[np.int8] = np.empty((len(patches), half, half, _SAID), np.int8)
        for start in range(0, len(patches), self.batch):
            part = patches[start : start + self.batch]
            fed = self._engine.input().view(np.uint8)
            np.bitwise_xor(part, _SIGN, out=fed[: len(part)])
            del fed
            self._engine.invoke()
            said[start : start + len(part)] = self._engine.output()[: len(part)]
        return self._alpha(said.reshape(-1, half, _SAID), planes)

    def _alpha(self, said: NDArray[np.int8], planes: Sequence[Picture]) -> Picture:
        """What was `said` of squares of four pixels, `(h / 2, w / 2, 9)`, as alpha `(h, w)`."""
        height, width = planes[0].shape
        numbers: Any = np.ascontiguousarray(said.transpose(2, 0, 1), np.float32)
        numbers -= np.float32(self._zero)
        numbers *= np.float32(self._scale * _FINE)
        total: Any = np.empty((height, width), np.float32)
        # (row, in row, column, in column): the four pixels of a square, row by row.
        squares = total.reshape(height // 2, 2, width // 2, 2)
        squares[...] = numbers[:4].reshape(2, 2, height // 2, width // 2).transpose(2, 0, 3, 1)
        squares += np.float32(_MOST)
        for slope, channel, no in zip(numbers[4:], _AWAY, _PLAIN, strict=True):
            steep: Any = cv2.resize(slope * np.float32(_STEEP), (width, height), interpolation=cv2.INTER_NEAREST)
            away: Any = cv2.subtract(planes[channel], no, dtype=cv2.CV_32F)  # type: ignore[call-overload]
            cv2.accumulateProduct(steep, away, total)
        np.clip(total, 0, 2 * _MOST, out=total)
        return np.asarray(cv2.LUT(cv2.convertScaleAbs(total), self._logistic), np.uint8)


def _read(card: Path) -> tuple[bytes, tuple[int, int], float, int]:
    """(the model's bytes, (batch, side), scale, zero point of what it says) of a card, proven to fit it."""
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
    found = tflite.read(data, str(path))
    (fed, said) = found.inputs[0], found.outputs[0]
    n, side = fed.shape[0], fed.shape[-2]
    shapes = (n, side, side, CHANNELS), (n, side // 2, side // 2, _SAID)
    if (fed.shape, said.shape) != shapes or said.scale is None or said.zero_point is None or fed.dtype != "int8":
        raise ModelError(
            f"{path} takes {list(fed.shape)} and gives {list(said.shape)}; int8 (n, side, side, {CHANNELS}) and "
            f"(n, side / 2, side / 2, {_SAID}) were expected"
        )
    return data, (n, side), said.scale, said.zero_point
