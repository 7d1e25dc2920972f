"""A first card for a model that has none: what its file says is filled in, the rest is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge_bg.errors import ModelError
from edge_bg.network import tflite
from edge_bg.network.card import ACTIVATIONS, PRECISIONS, read_file


def template(model: str | Path) -> str:
    """A card for the .tflite file `model` as YAML text: what the file says is filled in, the rest is asked for.

    Raises `ModelError` where the file is not a model.
    """
    path = Path(model)
    data = read_file(path, "the model")
    found = tflite.read(data, str(path))
    if not found.inputs or not found.outputs:
        raise ModelError(f"{path} has no input or no output")
    inp, out = found.inputs[0], found.outputs[0]
    text = {"int64": "class-index", "int32": "class-index"}.get(out.dtype, "probability")
    precision = inp.dtype if inp.dtype in PRECISIONS else "float32"

    def number(value: float | None) -> str:
        return "null" if value is None else repr(value)

    return f"""\
# How to feed {path.name} and how to read its mask. Lines marked CHECK cannot be read from the file.
name: {path.stem.lower()}
precision: {precision}
file: {path.name}
sha256: {hashlib.sha256(data).hexdigest()}
input:
  shape: {list(inp.shape)}
  dtype: {inp.dtype}
  layout: rgb            # CHECK: or bgr
  mean: 0.0              # CHECK: the network was trained on (pixel - mean) / std, pixels 0..255;
  std: 255.0             #        one number, or three for R, G, B. 0/255 is [0, 1]; 127.5/127.5 is [-1, 1]
  scale: {number(inp.scale)}
  zero_point: {number(inp.zero_point)}
output:
  shape: {list(out.shape)}
  dtype: {out.dtype}
  scale: {number(out.scale)}
  zero_point: {number(out.zero_point)}
  activation: {text}  # CHECK: {", ".join(ACTIVATIONS)}
  person: 0              # CHECK: the channel, or the class index, that is the person
framing: letterbox       # CHECK: how pictures were fitted in training: letterbox or stretch
licence: unknown         # CHECK
provenance: unknown      # CHECK: where the file comes from
training_data: unknown
intended_use: unknown
limits: []
edgetpu: null            # file name of its edgetpu_compiler output, where there is one
"""
