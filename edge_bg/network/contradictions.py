"""Faults of a model card that only show when several of its keys, or the card and its file, are read together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from edge_bg.errors import ModelError
from edge_bg.network import tflite

if TYPE_CHECKING:
    from edge_bg.network.card import ModelCard


def contradictions(card: ModelCard, faults: list[str]) -> None:
    """Add to `faults` what in `card` does not go together."""
    inp, out = card.input, card.output
    if len(card.sha256) != 64 or set(card.sha256.lower()) - set("0123456789abcdef"):
        faults.append("sha256 must be 64 hexadecimal digits")
    if inp.shape[-1] != 3:
        faults.append(f"input.shape must end in 3 channels (not {inp.shape[-1]})")
    if 0.0 in inp.std:
        faults.append("input.std must not be 0")
    for name, door in (("input", inp), ("output", out)):
        if door.dtype in ("int8", "uint8") and not door.scale and getattr(door, "activation", "") != "class-index":
            faults.append(f"{name}.scale is needed for {door.dtype}")
    channels = out.shape[3] if len(out.shape) == 4 else 1
    if out.activation == "class-index":
        if channels != 1:
            faults.append("output.shape must have one channel for class-index")
        if out.dtype == "float32":
            faults.append("output.dtype must be a whole-number type for class-index")
    elif out.dtype in ("int32", "int64"):
        faults.append(f"output.activation must be class-index for {out.dtype}")
    elif not 0 <= out.person < channels:
        faults.append(f"output.person must be 0..{channels - 1} (not {out.person})")
    if out.activation == "softmax-logits" and channels < 2:
        faults.append("output.activation softmax-logits needs at least two channels (one channel: logits)")


def differences(card: ModelCard, found: tflite.ModelFile, path: Path) -> None:
    """Raise `ModelError` where what the file at `path` says of itself is not what `card` says."""
    faults = []
    for what, tensors, said in (
        ("input", found.inputs, card.input),
        ("output", found.outputs, card.output),
    ):
        if not tensors:
            faults.append(f"it has no {what}")
            continue
        tensor = tensors[0]
        if tensor.shape != said.shape:
            faults.append(f"{what} shape is {list(tensor.shape)}, the card says {list(said.shape)}")
        if tensor.dtype != said.dtype:
            faults.append(f"{what} dtype is {tensor.dtype}, the card says {said.dtype}")
        if (tensor.zero_point or 0) != (said.zero_point or 0):
            faults.append(f"{what} zero_point is {tensor.zero_point}, the card says {said.zero_point}")
        if not math.isclose(tensor.scale or 0.0, said.scale or 0.0, rel_tol=1e-4, abs_tol=1e-9):
            faults.append(f"{what} scale is {tensor.scale}, the card says {said.scale}")
    if len(found.inputs) > 1:
        faults.append(f"it has {len(found.inputs)} inputs, one picture was expected")
    if faults:
        raise ModelError(
            f"{path} is not what {card.path.name} describes: " + "; ".join(faults),
            hint=f"Correct the card, or print a fresh one: edge-bg models card {path}",
        )
