"""`inspect`: its verdicts held against the real files, and against what LiteRT and Google's compiler really did."""

import json
import random
from pathlib import Path

import pytest

from edge_bg import operators
from edge_bg.errors import ModelError
from edge_bg.inspect_model import inspect

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
def test_our_models_run_on_xnnpack_in_one_piece(path):
    report = inspect(path)
    assert report.xnnpack == "one piece"
    assert report.xnnpack_pieces == delegate_nodes(path) == 1


@pytest.mark.parametrize("path", [p for p in OURS if "int8" in p.stem], ids=lambda p: p.stem)
def test_our_int8_is_called_full_integer(path):
    report = inspect(path)
    assert report.quantisation == "full integer, int8 activations, weights per channel"
    assert {o.dtype for o in report.operators} == {"int8"}
    assert {o.kind for o in report.operators if o.edgetpu} <= {"DEPTH_TO_SPACE"}
    assert report.edgetpu_ready == ("listed" in path.stem)


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
