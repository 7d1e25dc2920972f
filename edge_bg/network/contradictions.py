"""Faults of a model card that only show when several of its keys are read together."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
