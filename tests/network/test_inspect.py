"""`inspect`: its verdicts held against the real files, and against what LiteRT and Google's compiler really did."""

import json
import random
from pathlib import Path

import pytest

from edge_bg.errors import ModelError
from edge_bg.network import operators
from edge_bg.network.inspect import inspect

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted((ROOT / "models").glob("*.tflite"))


@pytest.fixture(scope="module")
def others(data) -> Path:
    return data / "models"


def delegate_nodes(path: Path) -> int:
    """How many pieces LiteRT's XNNPACK delegate really got."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    it = interpreter.Interpreter(str(path), num_threads=1)
    it.allocate_tensors()
    return sum(op["op_name"] == "DELEGATE" for op in it._get_ops_details())


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.stem)
def test_our_models_run_on_xnnpack_in_the_pieces_that_are_said(path):
    """One, but for `objects`: it joins six tensors at its end, one more than XNNPACK takes."""
    report = inspect(path)
    two = path.stem.startswith("objects")
    assert report.xnnpack == ("2 piece(s), outside: 1 CONCATENATION" if two else "one piece")
    assert report.xnnpack_pieces == delegate_nodes(path) == (2 if two else 1)


@pytest.mark.parametrize("path", [p for p in OURS if "int8" in p.stem], ids=lambda p: p.stem)
def test_our_int8_is_called_full_integer(path):
    report = inspect(path)
    assert report.quantisation == "full integer, int8 activations, weights per channel"
    assert {o.dtype for o in report.operators} == {"int8"}
    assert {o.kind for o in report.operators if o.edgetpu} <= {"DEPTH_TO_SPACE"}
    assert report.edgetpu_ready == path.stem.startswith(("landscape-listed", "objects", "portrait"))


@pytest.mark.parametrize("name", ["deeplabv3_mnv2_dm05_pascal_quant", "mnv3_post_quant", "selfie_segmentation"])
def test_pieces_are_what_the_delegate_makes(others, name):
    path = others / f"{name}.tflite"
    assert inspect(path).xnnpack_pieces == delegate_nodes(path)


def test_multiply_adds_of_the_float_parent_are_known(others):
    assert inspect(others / "selfie_segmentation_landscape.tflite").macs == 33_324_928


def test_deeplab_and_its_compilation_agree_about_the_edge_tpu(others):
    """What Google's compiler left on the CPU is what we refuse, a RESIZE, or what needs one of these."""
    before = inspect(others / "deeplabv3_mnv2_dm05_pascal_quant.tflite")
    after = inspect(others / "deeplabv3_mnv2_dm05_pascal_quant_edgetpu.tflite")
    assert after.edgetpu == "compiled: 8 operator(s) are left to the CPU"
    left = [(o.kind, o.output) for o in after.operators if o.kind != "edgetpu-custom-op"]
    last = [(o.kind, o.output) for o in before.operators[-len(left) :]]
    assert sorted(left) == sorted(last)
    assert [o.kind for o in before.operators if o.edgetpu] == ["ARG_MAX"]
    assert not before.edgetpu_ready
    assert "operator 71 (ARG_MAX" in before.edgetpu
    assert "the first is operator 64" in before.edgetpu, "the compiler stopped at this RESIZE"


def test_an_integer_model_of_another_maker_is_ready_but_not_promised(others):
    report = inspect(others / "mnv3_post_quant.tflite")
    assert report.edgetpu_ready
    assert "only edgetpu_compiler can tell" in report.edgetpu
    assert report.inputs == ("input_1 1x256x256x3 uint8",)


def test_a_float_model_says_what_stands_in_the_way(others):
    report = inspect(others / "selfie_segmentation_landscape.tflite")
    assert report.quantisation == "float32 with 16-bit weights"
    reasons = {o.kind: o.edgetpu for o in report.operators if o.edgetpu}
    assert reasons["HARD_SWISH"].startswith("not on the published list: write it as ADD")
    assert reasons["Convolution2DTransposeBias"] == "a custom operator"
    assert reasons["CONV_2D"] == "float32, only 8-bit integers are taken"


def test_the_report_is_text_and_json():
    report = inspect(OURS[0])
    assert str(len(report.operators)) in report.text()
    assert json.loads(json.dumps(report.as_dict()))["operators"][0]["index"] == 0
    assert len(report.text().splitlines()) == len(report.operators) + 10


def test_operator_codes_are_tflites_own():
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    for code, name in operators.NAMES.items():
        assert getattr(schema.BuiltinOperator, name) == code
    assert set(operators.NAMES.values()) >= operators.EDGETPU | operators.XNNPACK_FLOAT


@pytest.mark.parametrize("keep", [0, 7, 20, 100, 5000])
def test_a_cut_file_is_refused(tmp_path, keep):
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(OURS[0].read_bytes()[:keep])
    with pytest.raises(ModelError):
        inspect(cut)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        inspect(tmp_path / "none.tflite")


def test_a_damaged_file_is_refused_or_reported_but_never_a_surprise(tmp_path):
    """Bytes turned at random, by a seed: ModelError or a report, no other exception."""
    rnd, source, path = random.Random(7), OURS[0].read_bytes(), tmp_path / "turned.tflite"
    refused = 0
    for _ in range(60):
        data = bytearray(source)
        for _ in range(rnd.choice([1, 10, 40])):
            data[rnd.choice([rnd.randrange(3000), rnd.randrange(len(data) - 60_000, len(data))])] = rnd.randrange(256)
        path.write_bytes(data)
        try:
            inspect(path).text()
        except ModelError:
            refused += 1
    assert 0 < refused < 60


def one_operator(folder: Path, kind: str, options: dict, *tensors: tuple, out: tuple = (1, 8, 8, 4)) -> Path:
    """A file with a single int8 operator: `tensors` are (shape, constant int32 or int8 values or None)."""
    np = pytest.importorskip("numpy")
    S = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    model, graph = S.ModelT(), S.SubGraphT()
    model.version, model.buffers, graph.tensors, graph.operators = 3, [S.BufferT()], [], []
    for at, (shape, values) in enumerate([*tensors, (out, None)]):
        tensor = S.TensorT()
        tensor.name, tensor.shape, tensor.buffer = f"t{at}", np.array(shape, np.int32), 0
        tensor.type = S.TensorType.INT32 if values is not None and values.dtype == np.int32 else S.TensorType.INT8
        if values is not None:
            buffer = S.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
    code, operator = S.OperatorCodeT(), S.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(S.BuiltinOperator, kind)
    code.version, operator.opcodeIndex = 2, 0
    operator.inputs, operator.outputs = list(range(len(tensors))), [len(tensors)]
    name = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "Pool2D", "MEAN": "Reducer",
            "FULLY_CONNECTED": "FullyConnected", "STRIDED_SLICE": "StridedSlice", "CONCATENATION": "Concatenation",
            "SOFTMAX": "Softmax", "PAD": "Pad", "PACK": "Pack", "PRELU": None, "SQUEEZE": "Squeeze"}[kind]  # fmt: skip
    if name:
        operator.builtinOptions = getattr(S, f"{name}OptionsT")()
        operator.builtinOptionsType = getattr(S.BuiltinOptions, f"{name}Options")
        for key, value in options.items():
            setattr(operator.builtinOptions, key, value)
    graph.operators, graph.inputs, graph.outputs, graph.name = [operator], [0], [len(tensors)], "main"
    model.operatorCodes, model.subgraphs, model.description = [code], [graph], ""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = folder / "one.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


def limits() -> list:
    np = pytest.importorskip("numpy")
    plane = ((1, 8, 8, 4), None)
    full, part = np.ones((4, 16), np.int8), {"dilationWFactor": 2, "dilationHFactor": 1}
    weights, slope = np.ones((4, 3, 3, 4), np.int8), np.ones((1, 8, 8, 4), np.int8)

    def ints(*values: int) -> tuple:
        return ((len(values),), np.array(values, np.int32))

    def pad(*values: int) -> tuple:
        return ((4, 2), np.array(values, np.int32))

    return [
        ("CONV_2D", {"dilationWFactor": 2, "dilationHFactor": 2}, [plane, (weights.shape, weights)], {}, ""),
        ("CONV_2D", part, [plane, (weights.shape, weights)], {}, "dilation 2x1"),
        ("CONV_2D", {}, [plane, (weights.shape, None)], {}, "not constant"),
        ("DEPTHWISE_CONV_2D", {"dilationHFactor": 3}, [plane, ((1, 3, 3, 4), weights[:1])], {}, "dilation 1x3"),
        ("MAX_POOL_2D", {"fusedActivationFunction": 1}, [plane], {}, "fused activation"),
        ("MAX_POOL_2D", {}, [plane], {}, ""),
        ("CONCATENATION", {"axis": 3}, [plane, ((1, 8, 8, 4), slope * 0)], {}, ""),
        ("CONCATENATION", {"axis": 3}, [plane, ((1, 8, 8, 4), slope)], {}, "not all zeros"),
        ("MEAN", {"keepDims": True}, [plane, ints(1, 2)], {"out": (1, 1, 1, 4)}, ""),
        ("MEAN", {"keepDims": True}, [plane, ints(3)], {"out": (1, 8, 8, 1)}, "over channels"),
        ("MEAN", {"keepDims": True}, [plane, ints(0)], {"out": (1, 8, 8, 4)}, "reduces the batch"),
        ("PAD", {}, [plane, pad(0, 0, 0, 1, 0, 1, 0, 0)], {"out": (1, 9, 9, 4)}, ""),
        ("PAD", {}, [plane, pad(0, 0, 0, 0, 0, 0, 0, 2)], {"out": (1, 8, 8, 6)}, "pads channels"),
        ("PACK", {"axis": 0, "valuesCount": 2}, [plane, plane], {"out": (2, 1, 8, 8, 4)}, "more than three dimensions"),
        ("FULLY_CONNECTED", {}, [((1, 16), None), ((4, 16), full)], {"out": (1, 4)}, ""),
        ("FULLY_CONNECTED", {}, [((8, 16), None), ((4, 16), full)], {"out": (8, 4)}, "one dimension"),
        ("SOFTMAX", {"beta": 1.0}, [((1, 1000), None)], {"out": (1, 1000)}, ""),
        ("SOFTMAX", {"beta": 1.0}, [((1, 16001), None)], {"out": (1, 16001)}, "16,000"),
        ("SOFTMAX", {"beta": 1.0}, [plane], {}, "one dimension"),
        ("PRELU", {}, [plane, ((1, 1, 1, 4), slope[:, :1, :1])], {}, ""),
        ("PRELU", {}, [plane, ((1, 8, 8, 4), slope)], {}, "slope for every pixel"),
        ("STRIDED_SLICE", {}, [plane, ints(0, 0, 0, 0), ints(1, 4, 4, 4), ints(1, 1, 1, 1)], {"out": (1, 4, 4, 4)}, ""),
        ("STRIDED_SLICE", {}, [plane, ints(0, 0, 0, 0), ints(1, 8, 8, 4), ints(1, 2, 2, 1)], {"out": (1, 4, 4, 4)},
         "strides of 1"),
        ("SQUEEZE", {}, [((1, 1, 8, 4), None)], {"out": (8, 4)}, ""),
        ("MAX_POOL_2D", {}, [((2, 8, 8, 4), None)], {"out": (2, 8, 8, 4)}, "batch is larger"),
        ("MAX_POOL_2D", {}, [((1, -1, 8, 4), None)], {}, "not known before"),
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "tensors", "more", "why"), limits())
def test_the_published_limits_of_each_operator(tmp_path, kind, options, tensors, more, why):
    (found,) = inspect(one_operator(tmp_path, kind, options, *tensors, **more)).operators
    assert found.kind == kind
    assert (why in found.edgetpu) if why else (found.edgetpu == "")


def test_nothing_says_that_a_model_maps_unless_it_was_compiled(others):
    """Words of the verdicts on every file there is: only a compiled one is called so."""
    for path in [*OURS, *sorted(others.glob("*.tflite"))]:
        verdict = inspect(path).edgetpu
        assert ("compiled" in verdict.replace("edgetpu_compiler", "")) == path.stem.endswith("_edgetpu"), verdict
        assert "will run" not in verdict and "is mapped" not in verdict
