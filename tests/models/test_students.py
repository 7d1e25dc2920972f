"""Students (scripts/train): their structure, and that only their decoder is theirs."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the workshop needs ai-edge-litert (tflite-runtime has no schema)")
pytest.importorskip("flatbuffers")

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "train")]


import students  # noqa: E402
from modelkit import build, calibrate, catalogue, measure, tflite  # noqa: E402

DATA = Path(os.environ.get("EDGE_BG_DATA", ""))
pytestmark = pytest.mark.skipif(
    not os.environ.get("EDGE_BG_DATA"), reason="EDGE_BG_DATA is not set: NOT COMPARED with MediaPipe's network"
)


def parent() -> bytes:
    return build.fetch(DATA / "models", catalogue.LANDSCAPE)


@pytest.mark.parametrize("name", ["lean", "small", "thin"])
def test_a_student_has_weights_of_its_own_where_it_says_so(name):
    student = students.STUDENTS[name]
    before = students.graph(parent(), student.size)
    after = students.graph(parent(), student.size, student, ROOT / f"scripts/train/{name}.npz")
    makers = [op for op in after.ops if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")]
    first = [op.output for op in makers].index(students.DECODER)
    for k, op in enumerate(makers):
        same = [np.array_equal(before.consts.get(c), after.consts[c]) for c in op.inputs[1:]]
        own = name == "small" or k >= first or op.output.startswith(("stem", "tail"))  # else its parent's
        assert not any(same) if own else all(same), op.output
    assert after.macs() < before.macs()
    assert not {*student.gates, "mul_245", "add_255"} & {op.output for op in after.ops}
    net, original = (measure.load(tflite.write(g)) for g in (after, before))
    assert net.run(np.zeros((*student.size, 3), np.uint8)).max() < 0.1  # nobody in the dark
    portrait = next(calibrate.portraits(DATA, student.size[::-1]))
    assert measure.iou(net.run(portrait) > 0.5, original.run(portrait) > 0.5) > 0.9


@pytest.mark.parametrize("name", ["add_255", "mul_999"])
def test_only_gates_can_be_left_out(name):
    with pytest.raises(ValueError, match="not a product of a plane and its gate"):
        students.leave_out(students.graph(parent(), (144, 256)), name)


def test_a_narrow_tail_stands_in_for_mediapipes_alone():
    g = students.graph(parent(), (144, 256), students.STUDENTS["lean"])
    with pytest.raises(ValueError, match="expected in the tail"):
        students.narrow_tail(g)


def test_weights_of_another_network_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", c357=np.zeros((3, 3), np.float16))
    with pytest.raises(ValueError, match="c357"):
        students.graph(parent(), (144, 256), weights=tmp_path / "other.npz")


def test_the_twin_in_torch_says_what_the_network_says():
    pytest.importorskip("torch", reason="torch is not installed: THE TRAINING TWIN IS NOT COMPARED")
    import torch
    from twin import Twin

    g = students.graph(parent(), (96, 160))
    picture = np.random.default_rng(3).integers(0, 255, (96, 160, 3)).astype(np.uint8)
    with torch.no_grad():
        x = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
        said = torch.sigmoid(Twin(g)(x))[0, 0].numpy()
    assert np.abs(said - measure.load(tflite.write(g)).run(picture)).max() < 1e-4
