"""What a .tflite file says about itself, read without a runtime.

A runtime that is handed a truncated or foreign file may take the whole process down with it, so every
offset is checked here first, against the real length of the file. Only the few tables that a card is
compared with are read: tensors, operators and the extents of the weight buffers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeVar

from edge_bg.errors import ModelError

DTYPES: Final = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64",
    6: "bool", 7: "int16", 9: "int8", 10: "float64", 16: "uint16", 15: "uint32",
}  # fmt: skip
_CUSTOM: Final = 32  # number of the operator in the schema of TFLite
_RESIZE_BILINEAR, _PAD = 23, 34
_MOST: Final = 1_000_000  # no table of a model that fits a board has more entries


@dataclass(frozen=True)
class Tensor:
    """One input or output: `scale` is None where the tensor is not quantised per tensor."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class ModelFile:
    """The first subgraph's doors, and the names of the custom operators it needs."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    custom_ops: tuple[str, ...]
    operators: int


T = TypeVar("T")


class _Bad(Exception):
    """An offset leads outside the file."""


class _Reader:
    """Bounds-checked access to a FlatBuffer: tables, vectors, strings and scalars."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def get(self, layout: str, at: int) -> int | float:
        size = struct.calcsize("<" + layout)
        if at < 0 or at + size > len(self.data):
            raise _Bad(f"offset {at} is past its end at {len(self.data)} bytes")
        value: int | float = struct.unpack_from("<" + layout, self.data, at)[0]
        return value

    def at(self, layout: str, at: int) -> int:
        return int(self.get(layout, at))

    def follow(self, at: int) -> int:
        return at + self.at("I", at)

    def field(self, table: int, index: int) -> int:
        """Position of field `index` of `table`, 0 where it is left out."""
        vtable = table - self.at("i", table)
        slot = 4 + 2 * index
        if slot + 2 > self.at("H", vtable):
            return 0
        offset = self.at("H", vtable + slot)
        return table + offset if offset else 0

    def scalar(self, table: int, index: int, layout: str, default: int = 0) -> int:
        at = self.field(table, index)
        return self.at(layout, at) if at else default

    def vector(self, table: int, index: int, width: int = 4) -> tuple[int, int]:
        """(position of the first element, number of elements), checked to lie within the file."""
        at = self.field(table, index)
        if not at:
            return 0, 0
        start = self.follow(at)
        count = self.at("I", start)
        if start + 4 + count * width > len(self.data):
            raise _Bad(f"a vector of {count * width} bytes at {start} runs past its end at {len(self.data)} bytes")
        return start + 4, count

    def numbers(self, table: int, index: int, layout: str) -> tuple[float, ...]:
        width = struct.calcsize("<" + layout)
        start, count = self.vector(table, index, width)
        if count > _MOST:
            raise _Bad(f"a vector of {count} numbers is not plausible")
        return tuple(self.get(layout, start + width * i) for i in range(count))

    def tables(self, table: int, index: int) -> list[int]:
        start, count = self.vector(table, index)
        if count > _MOST:
            raise _Bad(f"a vector of {count} tables is not plausible")
        return [self.follow(start + 4 * i) for i in range(count)]

    def text(self, table: int, index: int) -> str:
        start, count = self.vector(table, index, 1)
        return self.data[start : start + count].decode("utf-8", "replace")


def read(data: bytes, name: str) -> ModelFile:
    """Read the doors of the model in `data` (a whole .tflite file); `name` is used in errors.

    Raises `ModelError` where the bytes are not a TFLite model or lead outside themselves (truncated).
    """
    if len(data) < 16 or data[4:8] != b"TFL3":
        what = "is empty" if not data else "is not a TFLite model (its identifier is not TFL3)"
        raise ModelError(f"{name} {what}", hint="Copy or download the file again.")
    try:
        return _read(_Reader(data))
    except _Bad as error:
        raise ModelError(f"{name} is truncated or damaged: {error}", hint="Copy or download the file again.") from None


def resized(data: bytes, made_for: tuple[int, int], size: tuple[int, int], name: str) -> bytes:
    """The network in `data`, made for pictures of `made_for` (height, width), rewritten for `size`: as many bytes.

    For networks of convolutions alone, whose planes are a whole fraction of the picture: the heights and widths in the
    tensors' shapes change, and those that enlargements are told. `name` is used in errors. Raises `ModelError` where
    the bytes are no model, or one whose planes do not fit `size`.
    """
    made = read(data, name)
    if not made.inputs or made.inputs[0].shape[1:3] != made_for:
        found = list(made.inputs[0].shape) if made.inputs else "nothing"
        raise ModelError(f"{name} takes {found}, the card says that it was made for {made_for[0]}x{made_for[1]}")
    try:
        return _resized(_Reader(data), made_for, size)
    except (_Bad, struct.error) as error:
        what = f"{name} cannot be rewritten for a picture {size[0]} high and {size[1]} wide: {error}"
        raise ModelError(what, hint="Take a size that 32 divides.") from None


def _resized(r: _Reader, made_for: tuple[int, int], size: tuple[int, int]) -> bytes:
    model = r.follow(0)
    graph, buffers = r.tables(model, 2)[0], r.tables(model, 4)
    tensors, codes = r.tables(graph, 0), r.tables(model, 1)
    kinds = [max(r.scalar(c, 0, "b"), r.scalar(c, 3, "i")) for c in codes]
    made = bytearray(r.data)

    def fitted(plane: tuple[int, int]) -> tuple[int, int]:
        found = [divmod(n * new, old) for n, new, old in zip(plane, size, made_for, strict=True)]
        if any(rest for _, rest in found):
            raise _Bad(f"its plane of {plane[0]}x{plane[1]} would not be whole")
        return found[0][0], found[1][0]

    def plane(tensor: int) -> tuple[int, int]:
        shape = r.numbers(_pick(tensors, tensor), 0, "i")
        return int(shape[1]), int(shape[2])

    padded, told = {}, set()
    for operator in r.tables(graph, 3):
        kind = _pick(kinds, r.scalar(operator, 0, "I"))
        inputs, outputs = ([int(i) for i in r.numbers(operator, k, "i")] for k in (1, 2))
        if kind == _PAD:
            padded[outputs[0]] = inputs[0]
        elif kind == _RESIZE_BILINEAR:
            told.add(inputs[1])
    for index, tensor in enumerate(tensors):
        start, rank = r.vector(tensor, 0)
        weights, length = r.vector(_pick(buffers, r.scalar(tensor, 2, "I")), 0, 1)
        if index in told and length == 8:
            struct.pack_into("<2i", made, weights, *fitted((r.at("i", weights), r.at("i", weights + 4))))
        if length or rank != 4 or plane(index) == (1, 1):
            continue
        inner = plane(padded.get(index, index))
        more = [whole - own for whole, own in zip(plane(index), inner, strict=True)]
        struct.pack_into("<2i", made, start + 4, *(n + extra for n, extra in zip(fitted(inner), more, strict=True)))
    return bytes(made)


def _read(r: _Reader) -> ModelFile:
    model = r.follow(0)
    graphs = r.tables(model, 2)
    if not graphs:
        raise _Bad("it holds no graph")
    for buffer in r.tables(model, 4):
        r.vector(buffer, 0, 1)  # raises where the weights are cut off
        outside = r.scalar(buffer, 1, "Q")
        if outside > 1 and outside + r.scalar(buffer, 2, "Q") > len(r.data):
            raise _Bad(f"weights at {outside} run past its end at {len(r.data)} bytes")
    graph = graphs[0]
    tensors = r.tables(graph, 0)
    codes = [(max(r.scalar(c, 0, "b"), r.scalar(c, 3, "i")), r.text(c, 1)) for c in r.tables(model, 1)]
    operators = r.tables(graph, 3)
    customs: dict[str, None] = {}
    for operator in operators:
        code, custom = _pick(codes, r.scalar(operator, 0, "I"))
        if code == _CUSTOM:
            customs[custom] = None
    doors = [tuple(_tensor(r, _pick(tensors, int(i))) for i in r.numbers(graph, index, "i")) for index in (1, 2)]
    return ModelFile(doors[0], doors[1], tuple(customs), len(operators))


def _pick(items: list[T], index: int) -> T:
    if not 0 <= index < len(items):
        raise _Bad(f"index {index} of {len(items)}")
    return items[index]


def _tensor(r: _Reader, table: int) -> Tensor:
    shape = tuple(int(n) for n in r.numbers(table, 0, "i"))
    kind = r.scalar(table, 1, "b")
    scale: float | None = None
    zero: int | None = None
    at = r.field(table, 4)
    if at:
        quantisation = r.follow(at)
        scales = r.numbers(quantisation, 2, "f")
        zeros = r.numbers(quantisation, 3, "q")
        if len(scales) == 1:
            scale, zero = float(scales[0]), int(zeros[0]) if zeros else 0
    return Tensor(r.text(table, 3), shape, DTYPES.get(kind, f"type {kind}"), scale, zero)
