"""A frame becomes the network's tensor, and its output a mask. Numbers only; nothing here runs a network.

The picture shrinks plane by plane, Y first to the network's size and U and V to half of it, and only then
turns into RGB: of a 1280x720 frame every pixel is read once and nothing of the frame's size is written.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Picture, planes
from edge_bg.network.card import ModelCard, Output
from edge_bg.network.runtime import Engine, Tensor

Mask = NDArray[np.uint8]
Region = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame, all even
_TOP_BIT: Final = np.uint8(128)
_CODES: Final = {"rgb": cv2.COLOR_YCrCb2RGB, "bgr": cv2.COLOR_YCrCb2BGR}


class Feeder:
    """Frame -> input tensor. Buffers are of the network's size and made once."""

    def __init__(self, card: ModelCard) -> None:
        self._width, self._height = card.size
        self._letterbox = card.framing == "letterbox"
        self._code = _CODES[card.input.layout]
        self._lift = card.input.normalise == "maximum"
        self._fill = Filler(card)
        self._rgb = np.zeros((self._height, self._width, 3), np.uint8)
        self._box = (0, 0, 0, 0)
        self._mask_size = card.mask_size
        self._planes: tuple[Mask, ...] = ()
        self._half: tuple[int, int] = (0, 0)
        self._colour = self._rgb
        self._shrink = Shrinker()

    def __call__(self, frame: Frame, region: Region | None, engine: Engine) -> Region:
        """Write the input tensor; returns where the picture is in the *mask*, (x, y, width, height)."""
        y, u, v = _cut(frame, region, (self._width, self._height))
        wide, high = (frame.width, frame.height) if region is None else region[2:]
        box = self.fit(wide, high)
        if box != self._box:
            self._lay_out(box)
        self._draw(y, u, v)
        self._fill(self._rgb, engine)
        sx, sy = self._mask_size[0] / self._width, self._mask_size[1] / self._height
        left, top = round(box[0] * sx), round(box[1] * sy)
        right, bottom = round((box[0] + box[2]) * sx), round((box[1] + box[3]) * sy)
        return left, top, max(1, right - left), max(1, bottom - top)

    def fit(self, wide: int, high: int) -> Region:
        """Where a picture of `wide` x `high` lies in the input: all of it, or centred between bars."""
        if not self._letterbox:
            return 0, 0, self._width, self._height
        scale = min(self._width / wide, self._height / high)
        width = min(self._width, max(1, round(wide * scale)))
        height = min(self._height, max(1, round(high * scale)))
        return (self._width - width) // 2, (self._height - height) // 2, width, height

    def _lay_out(self, box: Region) -> None:
        x, y, width, height = box
        self._rgb[...] = 0  # the bars are black, as in MediaPipe's own letterboxing
        self._colour = self._rgb[y : y + height, x : x + width]
        self._half = ((height + 1) // 2, (width + 1) // 2)
        self._planes = tuple(np.empty((height, width), np.uint8) for _ in "yvu")
        self._ycc = np.empty((height, width, 3), np.uint8)
        self._box = box

    def _draw(self, y: Picture, u: Picture, v: Picture) -> None:
        luma, red, blue = self._planes
        self._shrink(y, luma)
        for plane, target in ((u, blue), (v, red)):
            if plane.shape[0] > self._half[0] and plane.shape[1] > self._half[1]:
                plane = self._shrink(plane, self._shrink.buffer(self._half))
            self._shrink(plane, target)
        cv2.merge((luma, red, blue), dst=self._ycc)
        cv2.cvtColor(self._ycc, self._code, dst=self._colour)
        top = int(self._colour.max()) if self._lift else 0
        if 0 < top < 255:
            cv2.convertScaleAbs(self._colour, dst=self._colour, alpha=255 / top)


class Shrinker:
    """Resizes planes: halved by averaging while that fits, then one linear step of less than two.

    Halving is the one reduction OpenCV has vectorised on Arm. 1280x720 to 256x144 costs 0.6 million instructions
    on a Cortex-A72 in this way and 4.9 million by area averaging in one go; a lone linear step would alias.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[int, int], Mask] = {}

    def buffer(self, shape: tuple[int, int]) -> Mask:
        """Scratch of `shape` (rows, columns), the same array each time."""
        found = self._buffers.get(shape)
        if found is None:
            if len(self._buffers) >= 16:  # regions of ever new sizes must not pile up
                self._buffers.clear()
            found = self._buffers[shape] = np.empty(shape, np.uint8)
        return found

    def __call__(self, plane: Picture, out: Mask) -> Mask:
        """`plane` at the size of `out`, written there."""
        rows, columns = out.shape
        high, wide = plane.shape
        while high >= 2 * rows and wide >= 2 * columns and high % 2 == 0 and wide % 2 == 0:
            high, wide = high // 2, wide // 2
            target = out if (high, wide) == (rows, columns) else self.buffer((high, wide))
            cv2.resize(plane, (wide, high), dst=target, interpolation=cv2.INTER_AREA)
            plane = target
        if plane is out:
            return out
        if plane.shape == out.shape:
            out[...] = plane
            return out
        far = high >= 2 * rows and wide >= 2 * columns  # an odd size that cannot be halved
        cv2.resize(plane, (columns, rows), dst=out, interpolation=cv2.INTER_AREA if far else cv2.INTER_LINEAR)
        return out


def _cut(frame: Frame, region: Region | None, size: tuple[int, int]) -> tuple[Picture, Picture, Picture]:
    """Planes of the part to look at: of the camera's own small picture where it is fine enough."""
    small = frame.small
    if region is None:
        if small is not None and small.shape[1] >= 0.75 * min(size[0], frame.width):
            return planes(small)
        return planes(frame.data)
    x, y, width, height = region
    if any(n % 2 for n in region) or x < 0 or y < 0 or width < 2 or height < 2:
        raise ValueError(f"region {region}: x, y, width and height must be even and inside the frame")
    if x + width > frame.width or y + height > frame.height:
        raise ValueError(f"region {region} does not lie within the frame of {frame.width}x{frame.height}")
    luma, u, v = planes(frame.data)
    rows, columns = slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2)
    return luma[y : y + height, x : x + width], u[rows, columns], v[rows, columns]


class Filler:
    """RGB uint8 at the network's size -> its input tensor, `(pixel - mean) / std` and quantised."""

    def __init__(self, card: ModelCard) -> None:
        spec = card.input
        mean, std = np.array(spec.mean), np.array(spec.std)
        pixels = np.arange(256)[:, None]
        self._float = spec.dtype == "float32"
        self._gain, self._bias = np.float32(1 / std[0]), np.float32(-mean[0] / std[0])
        self._table: NDArray[Any] | None = None
        self._flip = False
        if self._float:
            if len(set(spec.mean)) > 1 or len(set(spec.std)) > 1:  # four times dearer than one factor for all
                self._table = ((pixels - mean) / std).astype(np.float32).reshape(1, 256, 3)
            return
        assert spec.scale is not None
        low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
        values = np.rint((pixels - mean) / std / spec.scale) + (spec.zero_point or 0)
        table = np.clip(values, low, high).astype(np.int16) & 255  # int8 by its bits
        self._flip = bool(np.array_equal(table, np.repeat(pixels ^ 128, 3, 1)))
        if not self._flip and not np.array_equal(table, np.repeat(pixels, 3, 1)):
            self._table = table.astype(np.uint8).reshape(1, 256, 3)

    def __call__(self, rgb: Mask, engine: Engine) -> None:
        """Write `rgb` into the engine's input tensor."""
        tensor = engine.input()[0]
        if self._float:
            if self._table is not None:
                cv2.LUT(rgb, self._table, dst=tensor)
                return
            np.multiply(rgb, self._gain, out=tensor)
            if self._bias:
                tensor += self._bias
            return
        target = tensor.view(np.uint8)
        if self._flip:
            np.bitwise_xor(rgb, _TOP_BIT, out=target)
        elif self._table is not None:
            cv2.LUT(rgb, self._table, dst=target)
        else:
            target[...] = rgb


class Reader:
    """Output tensor -> uint8 mask, 255 = person. Eight-bit outputs go through a table of 256 entries."""

    def __init__(self, spec: Output) -> None:
        self._spec = spec
        self._table: Mask | None = None
        self._flip = False
        if spec.dtype not in ("int8", "uint8"):
            return
        codes = np.arange(256)
        values = codes.astype(np.uint8).view(np.int8).astype(np.int64) if spec.dtype == "int8" else codes
        scale = spec.scale or 1.0
        if spec.activation in ("probability", "softmax") and abs(scale - 1 / 256) < 1e-6:
            scale = 1 / 255  # TFLite's fixed scale for these cannot say 1.0: its largest code is meant as certain
        real = (values - (spec.zero_point or 0)) * scale
        if spec.activation == "class-index":
            self._table = np.where(values == spec.person, 255, 0).astype(np.uint8)
        elif spec.activation == "softmax-logits":
            self._real = real.astype(np.float32)
        else:
            self._table = _to_mask(_sigmoid(real) if spec.activation == "logits" else real)
        self._flip = self._table is not None and np.array_equal(self._table, codes ^ 128)

    def __call__(self, tensor: Tensor, box: Region) -> Mask:
        """`tensor` (1, h, w[, channels]); the part `box` (x, y, width, height) of it as a new mask."""
        x, y, width, height = box
        spec = self._spec
        part = tensor[0, y : y + height, x : x + width]
        if spec.activation == "softmax-logits":
            if spec.dtype != "float32":
                part = self._real[part.view(np.uint8)]
            return _to_mask(_softmax(part, spec.person))
        if part.ndim == 3:
            part = part[..., spec.person if spec.activation != "class-index" else 0]
        if self._flip:  # the usual sigmoid: six times cheaper than the table, and the same
            return np.bitwise_xor(part.view(np.uint8), _TOP_BIT)
        if self._table is not None:
            return np.asarray(cv2.LUT(np.ascontiguousarray(part).view(np.uint8), self._table), np.uint8)
        if spec.activation == "class-index":
            return np.where(part == spec.person, np.uint8(255), np.uint8(0))
        return _to_mask(_sigmoid(part) if spec.activation == "logits" else part)


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    y: NDArray[Any] = 1 / (1 + np.exp(-np.clip(x, -30, 30)))
    return y


def _softmax(x: NDArray[Any], channel: int) -> NDArray[Any]:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    share: NDArray[Any] = powers[..., channel] / powers.sum(axis=-1)
    return share


def _to_mask(probability: NDArray[Any]) -> Mask:
    mask: Mask = np.clip(np.rint(probability * 255), 0, 255).astype(np.uint8)
    return mask
