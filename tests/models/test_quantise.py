"""Equalising, centring and searching ranges: exact in float, and nearer to the float network in eight bits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the workshop needs ai-edge-litert (tflite-runtime has no schema)")
pytest.importorskip("flatbuffers")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from modelkit import calibrate, equalise, graph, measure, quantise, tflite

# LiteRT warns that looking into a network takes memory: that is what calibration does.
pytestmark = pytest.mark.filterwarnings("ignore:Warning. Enabling `experimental_preserve_all_tensors`")

CONV = {"stride": 1, "padding": "SAME", "act": "NONE"}
SIZE = (24, 16)


@pytest.fixture(scope="module")
def net(pictures: list[np.ndarray]) -> graph.Graph:
    """A small network whose channels lie far apart in size and to one side: two branches, a sum, its mean, a mask."""
    rng = np.random.default_rng(1)
    spread = 10.0 ** rng.uniform(-1.5, 0.5, 8)

    def weights(out: int, inp: int, side: int = 1) -> np.ndarray:
        return (rng.normal(size=(out, side, side, inp)) / np.sqrt(inp) / side).astype(np.float32)

    consts = {
        "w1": weights(8, 3, 3) * spread[:, None, None, None].astype(np.float32),
        "b1": (rng.normal(size=8) * 6 * spread).astype(np.float32),
        "w2": weights(8, 8) / spread.astype(np.float32), "b2": np.zeros(8, np.float32),
        "w3": weights(8, 8), "b3": (rng.normal(size=8) * 4).astype(np.float32),
        "w4": weights(1, 8) * 2, "b4": np.zeros(1, np.float32),
    }  # fmt: skip
    ops = [
        graph.Op("CONV_2D", ["image", "w1", "b1"], "wide", dict(CONV)),
        graph.Op("CONV_2D", ["wide", "w2", "b2"], "relu", CONV | {"act": "RELU"}),
        graph.Op("CONV_2D", ["relu", "w3", "b3"], "other", dict(CONV)),
        graph.Op("ADD", ["wide", "other"], "sum", {"act": "NONE"}),
        graph.Op("CONV_2D", ["sum", "w4", "b4"], "logit", dict(CONV)),
        graph.Op("LOGISTIC", ["logit"], "mask"),
    ]
    shapes = dict.fromkeys(("wide", "relu", "other", "sum"), (1, SIZE[1], SIZE[0], 8))
    shapes |= {"image": (1, SIZE[1], SIZE[0], 3), "logit": (1, SIZE[1], SIZE[0], 1), "mask": (1, SIZE[1], SIZE[0], 1)}
    made = graph.Graph("image", "mask", ops, shapes, consts)
    low, high = calibrate.reach(made, pictures)["logit"]
    made.consts["w4"] = consts["w4"] * np.float32(6 / (high - low)[0])
    made.consts["b4"] = -((low + high) / 2 * 6 / (high - low)).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8) for _ in range(6)]


def test_equalised_and_centred_it_computes_the_same(net: graph.Graph, pictures: list[np.ndarray]) -> None:
    before = calibrate.reach(net, pictures)
    scales = equalise.choose(net, before)
    assert {"wide" + equalise.CENTRE, "other" + equalise.CENTRE} <= set(scales), "plain convolutions before 1x1 ones"
    assert any(any(v) for k, v in scales.items() if not k.endswith(equalise.CENTRE))
    moved = net.copy()
    equalise.apply(moved, scales)
    a, b = measure.load(tflite.write(net)), measure.load(tflite.write(moved))
    for picture in pictures:
        np.testing.assert_allclose(a.run(picture), b.run(picture), atol=2e-5)
    after = calibrate.reach(moved, pictures)

    def used(reach: dict[str, np.ndarray], name: str) -> float:
        """Mean share of the tensor's range that a channel fills."""
        low, high = reach[name]
        return float(np.mean((high - low) / (2 * np.abs(reach[name]).max())))

    assert used(after, "wide") > 1.5 * used(before, "wide")
    assert used(after, "sum") > 1.5 * used(before, "sum")


def test_padding_and_hard_swishes_keep_their_zero(net: graph.Graph, pictures: list[np.ndarray]) -> None:
    changed = net.copy()
    changed.consts = net.consts | {"w2": np.ones((8, 3, 3, 8), np.float32)}
    scales = equalise.choose(changed, calibrate.reach(changed, pictures))
    assert "wide" + equalise.CENTRE not in scales, "a 3x3 convolution pads with zeros"
    assert "other" + equalise.CENTRE in scales


def test_the_search_brings_eight_bits_nearer(net: graph.Graph, pictures: list[np.ndarray]) -> None:
    scales = equalise.choose(net, calibrate.reach(net, pictures))
    moved = net.copy()
    equalise.apply(moved, scales)
    start = {name: (3 * low, 3 * high) for name, (low, high) in calibrate.ranges(moved, pictures).items()}
    noise = np.random.default_rng(3)
    pairs = [np.clip(p + noise.normal(0, 1, p.shape), 0, 255).astype(np.uint8) for p in pictures for _ in range(2)]
    tuning = calibrate.Tuning(pictures, pairs)
    parent = [measure.load(tflite.write(net)).run(p) for p in (*tuning.plain, *tuning.pairs)]

    def apart(ranges: quantise.Ranges) -> tuple[float, float]:
        return calibrate.distance(measure.load(tflite.write(quantise.quantise(moved, ranges))), tuning, parent)

    found = calibrate.refine(moved, start, tuning)
    before, after = apart(start), apart(found)
    assert after[0] < 0.8 * before[0] and after[1] < before[1]
    assert set(found) == set(start)


def test_pairs_hold_the_noise_of_a_still_webcam(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    for k in range(12):
        cv2.imwrite(str(tmp_path / f"{k:02}.jpg"), np.full((120, 160, 3), 100 + 5 * k, np.uint8))
    tuning = calibrate.tuning(tmp_path, (128, 96), count=4)
    assert len(tuning.plain) == 2 and len(tuning.pairs) == 4
    change = np.abs(tuning.pairs[0].astype(int) - tuning.pairs[1])
    assert 0.4 < (change == 0).mean() < 0.75 and 0.001 < (change > 5).mean() < 0.03
