"""scripts/compile-edgetpu with a stand-in compiler (the real one cannot be had): the plumbing, not the mapping."""

import hashlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_bg.network.card import ModelCard
from edge_bg.network.inspect import inspect

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "compile-edgetpu"

COMPILER = """#!{python}
import pathlib, sys
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

assert sys.argv[1:3] == ["-s", "-o"], sys.argv
source = pathlib.Path(sys.argv[4])
m = s.ModelT.InitFromObj(s.Model.GetRootAsModel(bytearray(source.read_bytes()), 0))
g = m.subgraphs[0]
code, op = s.OperatorCodeT(), s.OperatorT()
code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.CUSTOM
code.customCode, code.version = "edgetpu-custom-op", 1
op.opcodeIndex, op.inputs, op.outputs = 0, np.array([0], np.int32), np.array([1], np.int32)
op.customOptions = np.frombuffer(b"stand-in", np.uint8)
g.tensors = [g.tensors[g.inputs[0]], g.tensors[g.outputs[0]]]
g.inputs, g.outputs, g.operators = [0], [1], [op]
m.operatorCodes, m.signatureDefs = [code], []
b = flatbuffers.Builder(1024)
b.Finish(m.Pack(b), b"TFL3")
(pathlib.Path(sys.argv[3]) / (source.stem + "_edgetpu.tflite")).write_bytes(b.Output())
print("Model compiled successfully")
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for end in (".tflite", ".yaml"):
        shutil.copy(ROOT / "models" / f"landscape-listed-144x256-int8{end}", tmp_path)
    return tmp_path / "landscape-listed-144x256-int8.tflite"


def run(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True, check=False)


def test_the_twin_is_entered_in_the_card_and_the_loader_takes_it(model, tmp_path):
    pytest.importorskip("ai_edge_litert.schema_py_generated")
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(COMPILER.format(python=sys.executable))
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    for _ in range(2):  # a second run replaces the entry
        done = run("--compiler", compiler, model)
        assert done.returncode == 0, done.stderr
    twin = model.with_name(model.stem + "_edgetpu.tflite")
    card = ModelCard.load(model.with_suffix(".yaml"))
    assert card.edgetpu == twin
    assert card.edgetpu_sha256 == hashlib.sha256(twin.read_bytes()).hexdigest()
    assert inspect(twin).edgetpu == "compiled: all of it"


def test_without_a_compiler_it_says_where_to_get_one(model):
    done = run("--compiler", "no-such-compiler", model)
    assert done.returncode == 3
    assert "docs/lab/models-build.md" in done.stderr
    assert "edgetpu: null" in model.with_suffix(".yaml").read_text()


def test_a_compiler_that_fails_leaves_the_card_alone(model):
    done = run("--compiler", "false", model)
    assert done.returncode == 1
    assert "made nothing" in done.stderr
    assert "edgetpu: null" in model.with_suffix(".yaml").read_text()
