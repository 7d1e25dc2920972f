"""A convolution as three of fewer channels: with all channels kept it says the same, with fewer nearly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the workshop needs ai-edge-litert (tflite-runtime has no schema)")
pytest.importorskip("flatbuffers")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from modelkit import slim, tflite
from modelkit.graph import Graph, Op

from tests.models.running import run

RNG = np.random.default_rng(7)
SIZE = (8, 12)


def network() -> Graph:
    """image -> 8 channels at half size -> doubled, beside the picture -> 3x3 to 6 channels, clamped."""
    half = (SIZE[0] // 2, SIZE[1] // 2)
    own = {"stride": 1, "padding": "SAME"}
    ops = [
        Op("CONV_2D", ["image", "a.w", "a.b"], "a", {"stride": 2, "padding": "SAME", "act": "RELU"}),
        Op("RESIZE_BILINEAR", ["a"], "large", {"half_pixel": True, "align": False}),
        Op("CONCATENATION", ["large", "image"], "both", {"axis": 3}),
        Op("CONV_2D", ["both", "y.w", "y.b"], "y", {**own, "act": "RELU"}),
    ]
    shapes = {"image": (1, *SIZE, 3), "a": (1, *half, 8), "large": (1, *SIZE, 8), "both": (1, *SIZE, 11)}
    consts = {
        "a.w": RNG.normal(size=(8, 3, 3, 3)), "a.b": RNG.normal(size=8),
        "y.w": RNG.normal(size=(6, 3, 3, 11)), "y.b": RNG.normal(size=6),
    }  # fmt: skip
    return Graph("image", "y", ops, shapes | {"y": (1, *SIZE, 6)}, {k: v.astype(np.float32) for k, v in consts.items()})


def seen(g: Graph) -> dict[str, slim.Seen]:
    mixed = RNG.normal(size=(6, 6))
    parts = [(lambda m: m @ m.T)(RNG.normal(size=(c, c))) for c in (8, 3)]
    return {"y": slim.Seen(parts, RNG.normal(size=6), mixed @ mixed.T)}


PICTURE = RNG.uniform(-1, 1, (1, *SIZE, 3)).astype(np.float32)


@pytest.mark.parametrize("rank", [slim.Rank((8, None), 6), slim.Rank((8, None)), slim.Rank((8, 3), 6)])
def test_with_all_channels_it_says_the_same(rank: slim.Rank) -> None:
    g = network()
    small = g.copy()
    slim.closed_form(small, {"y": rank}, seen(g))
    np.testing.assert_allclose(run(small, PICTURE), run(g, PICTURE), atol=2e-3)


def test_the_first_of_the_three_stands_before_the_enlargement() -> None:
    g = network()
    slim.closed_form(g, {"y": slim.Rank((2, None), 3)}, seen(g))
    assert g.shapes["y/in0"] == (1, SIZE[0] // 2, SIZE[1] // 2, 2)
    assert g.producer("y/up0").kind == "RESIZE_BILINEAR"
    assert g.macs() < network().macs() / 2


def test_channels_brought_to_one_change_nothing() -> None:
    g = network()
    plan = {"y": slim.Rank((4, None), 5)}
    slim.closed_form(g, plan, seen(g))
    before = run(g, PICTURE)
    most = {name: RNG.uniform(0.1, 9, g.shapes[name][3]) for name in ("y/in0", "y/core")}
    slim.equalised(g, plan, most)
    np.testing.assert_allclose(run(g, PICTURE), before, atol=1e-3)


def test_kept_weights_give_the_same_network_and_strange_ones_are_refused() -> None:
    g, plan = network(), {"y": slim.Rank((4, None), 5)}
    trained = g.copy()
    slim.closed_form(trained, plan, seen(g))
    kept = {
        op.output + end: trained.consts[op.inputs[i]]
        for op in trained.ops
        if op.output.startswith("y") and op.kind == "CONV_2D"
        for i, end in ((1, ".w"), (2, ".b"))
    }
    again = g.copy()
    slim.apply(again, plan, kept)
    np.testing.assert_array_equal(run(again, PICTURE), run(trained, PICTURE))
    with pytest.raises(KeyError, match="no weights for y/in0"):
        slim.apply(g.copy(), plan, {k: v for k, v in kept.items() if "in0" not in k})
    with pytest.raises(ValueError, match="y/core: has weights of the shape"):
        slim.apply(g.copy(), plan, kept | {"y/core.w": np.zeros((1, 1, 1, 1), np.float32)})


def test_weights_are_taken_where_three_parts_stand_side_by_side() -> None:
    g = network()
    both = g.producer("both")
    assert both is not None
    both.inputs = ["large", "image", "image"]
    g.shapes["both"] = (1, *SIZE, 14)
    g.consts["y.w"] = RNG.normal(size=(6, 3, 3, 14)).astype(np.float32)
    moments = seen(g)["y"]
    plan, trained = {"y": slim.Rank((4, 2, None), 5)}, g.copy()
    slim.closed_form(trained, plan, {"y": slim.Seen([*moments.parts, moments.parts[1]], moments.mean, moments.spread)})
    kept = {
        op.output + end: trained.consts[op.inputs[i]]
        for op in trained.ops
        if op.output.startswith("y") and op.kind == "CONV_2D"
        for i, end in ((1, ".w"), (2, ".b"))
    }
    slim.apply(g, plan, kept)
    np.testing.assert_array_equal(run(g, PICTURE), run(trained, PICTURE))
