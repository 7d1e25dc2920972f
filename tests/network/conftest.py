"""A real delegate, compiled here from the public C interface, and real models for it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from edge_bg.assets import data_path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of the tiny delegate's library."""
    if shutil.which("gcc") is None:
        pytest.skip("GCC ABSENT: the delegate of these tests is compiled: apt install gcc")
    library = tmp_path_factory.mktemp("delegate") / "libtiny_edgetpu.so"
    source = Path(__file__).with_name("tiny_delegate.c")
    subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True
    )
    return str(library)


def compiled_model() -> bytes:
    """A valid model of the landscape network's shape whose only operator is `edgetpu-custom-op`."""
    flatbuffers = pytest.importorskip("flatbuffers")
    numpy = pytest.importorskip("numpy")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

    def tensor(name: str, channels: int, buffer: int, scale: float) -> object:
        made = schema.TensorT()
        made.name, made.shape = name, numpy.array([1, 144, 256, channels], numpy.int32)
        made.type, made.buffer = schema.TensorType.INT8, buffer
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = numpy.array([scale], numpy.float32)
        made.quantization.zeroPoint = numpy.array([-128], numpy.int64)
        return made

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "edgetpu-custom-op", 1
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs, operator.outputs = numpy.array([0], numpy.int32), numpy.array([1], numpy.int32)
    operator.customOptions = numpy.frombuffer(b"no real Edge TPU program", numpy.uint8)
    graph = schema.SubGraphT()
    graph.tensors = [tensor("image", 3, 1, 1 / 255), tensor("mask", 1, 2, 1 / 256)]
    graph.inputs, graph.outputs = numpy.array([0], numpy.int32), numpy.array([1], numpy.int32)
    graph.operators, graph.name = [operator], "main"
    model = schema.ModelT()
    model.version, model.description = 3, "stands for an edgetpu_compiler output"
    model.operatorCodes, model.subgraphs = [code], [graph]
    model.buffers = [schema.BufferT() for _ in range(3)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="session")
def twin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of cards over the landscape model: `twin` has a compiled twin, `alone` none, `only` is compiled."""
    folder = tmp_path_factory.mktemp("cards")
    stem = "landscape-144x256-int8"
    shutil.copy(data_path(f"models/{stem}.tflite"), folder)
    (folder / "compiled.tflite").write_bytes(compiled_model())
    card = yaml.safe_load(data_path(f"models/{stem}.yaml").read_text())
    seal = hashlib.sha256((folder / "compiled.tflite").read_bytes()).hexdigest()
    card["input"]["scale"], card["output"]["scale"] = 1 / 255, 1 / 256
    for name, changes in {
        "alone": {"edgetpu": None},
        "twin": {"edgetpu": {"file": "compiled.tflite", "sha256": seal}},
        "lost": {"edgetpu": "gone.tflite"},
        "only": {"edgetpu": None, "file": "compiled.tflite", "sha256": seal},
    }.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**card, **changes}))
    return folder
