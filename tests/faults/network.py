"""A real network that calls whoever is bright a person, and its twin for the tiny delegate, which does the same."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import yaml
from ai_edge_litert import schema_py_generated as schema

from edge_bg.assets import data_path

SIZE = (96, 64)  # (width, height) of its picture and of its mask
STEEP = 80.0  # logits from black to white
IN, BETWEEN, OUT = 1 / 255, STEEP / 255, 1 / 256


def bright() -> bytes:
    """The model: a 1x1 convolution and a logistic curve, int8."""
    weight = STEEP / 3 / 127
    filled = [
        b"",
        np.full(3, 127, np.int8).tobytes(),
        np.array([round(-STEEP / 2 / (IN * weight))], np.int32).tobytes(),
    ]
    tensors = [
        _tensor("image", [1, *SIZE[::-1], 3], 0, IN, -128),
        _tensor("weights", [1, 1, 1, 3], 1, weight, 0),
        _tensor("bias", [1], 2, IN * weight, 0, schema.TensorType.INT32),
        _tensor("logits", [1, *SIZE[::-1], 1], 0, BETWEEN, 0),
        _tensor("mask", [1, *SIZE[::-1], 1], 0, OUT, -128),
    ]
    convolve, squash = schema.OperatorT(), schema.OperatorT()
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding = schema.Padding.VALID
    convolve.opcodeIndex, convolve.builtinOptionsType = 0, schema.BuiltinOptions.Conv2DOptions
    convolve.builtinOptions = options
    convolve.inputs, convolve.outputs = _ints(0, 1, 2), _ints(3)
    squash.opcodeIndex, squash.inputs, squash.outputs = 1, _ints(3), _ints(4)
    operators = [(schema.BuiltinOperator.CONV_2D, None), (schema.BuiltinOperator.LOGISTIC, None)]
    return _model(operators, tensors, [convolve, squash], filled, 4)


def compiled() -> bytes:
    """Its twin, whose only operator is the one of the Edge TPU."""
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, _ints(0), _ints(1)
    operator.customOptions = np.frombuffer(b"no real Edge TPU program", np.uint8)
    tensors = [
        _tensor("image", [1, *SIZE[::-1], 3], 0, IN, -128),
        _tensor("mask", [1, *SIZE[::-1], 1], 0, OUT, -128),
    ]
    return _model([(schema.BuiltinOperator.CUSTOM, "edgetpu-custom-op")], tensors, [operator], [b""], 1)


def write(folder: Path) -> Path:
    """Both models and their card; the card's path."""
    card = yaml.safe_load(data_path("models/landscape-144x256-int8.yaml").read_text())
    for name, data in (("bright.tflite", bright()), ("compiled.tflite", compiled())):
        (folder / name).write_bytes(data)
    card |= {
        "file": "bright.tflite",
        "sha256": hashlib.sha256(bright()).hexdigest(),
        "edgetpu": {"file": "compiled.tflite", "sha256": hashlib.sha256(compiled()).hexdigest()},
    }
    card["input"] |= {"shape": [1, *SIZE[::-1], 3], "scale": IN, "zero_point": -128}
    card["output"] |= {"shape": [1, *SIZE[::-1], 1], "scale": OUT, "zero_point": -128, "activation": "probability"}
    path = folder / "bright.yaml"
    path.write_text(yaml.safe_dump(card))
    return path


def delegate(folder: Path) -> Path:
    """The tiny delegate, compiled."""
    library = folder / "libtiny_edgetpu.so"
    source = Path(__file__).resolve().parents[1] / "network/tiny_delegate.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def _ints(*numbers: int) -> Any:
    return np.array(numbers, np.int32)


def _tensor(name: str, shape: list[int], buffer: int, scale: float, zero: int, kind: Any = None) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name, _ints(*shape), buffer
    made.type = schema.TensorType.INT8 if kind is None else kind
    made.quantization = schema.QuantizationParametersT()
    made.quantization.scale = np.array([scale], np.float32)
    made.quantization.zeroPoint = np.array([zero], np.int64)
    return made


def _model(codes: list[Any], tensors: list[Any], operators: list[Any], buffers: list[bytes], out: int) -> bytes:
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.name, graph.tensors, graph.operators = "main", tensors, operators
    graph.inputs, graph.outputs = _ints(0), _ints(out)
    model.version, model.subgraphs, model.operatorCodes, model.buffers = 3, [graph], [], []
    for code, custom in codes:
        made = schema.OperatorCodeT()
        made.builtinCode = code
        made.deprecatedBuiltinCode, made.customCode, made.version = min(code, 127), custom, 1
        model.operatorCodes.append(made)
    for data in buffers:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data, np.uint8) if data else None
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
