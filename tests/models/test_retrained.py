"""Weights that a fine-tune moved for eight bits: what is kept of them gives the same codes again."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the workshop needs ai-edge-litert (tflite-runtime has no schema)")
pytest.importorskip("flatbuffers")

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "train")]

from modelkit import build, calibrate, catalogue, graph, measure, quantise, retrained, tflite  # noqa: E402

DATA = Path(os.environ.get("EDGE_BG_DATA", ""))
needs_data = pytest.mark.skipif(
    not os.environ.get("EDGE_BG_DATA"), reason="EDGE_BG_DATA is not set: NOT COMPARED with MediaPipe's network"
)
MOVED = [v for v in catalogue.VARIANTS if v.retrained and v.recipe == "selfie"]


def small() -> graph.Graph:
    """A 1x1 convolution and a depthwise one."""
    rng = np.random.default_rng(0)
    consts = {
        "w": rng.normal(size=(8, 1, 1, 3)).astype(np.float32), "b": rng.normal(size=8).astype(np.float32),
        "v": rng.normal(size=(1, 3, 3, 8)).astype(np.float32), "c": rng.normal(size=8).astype(np.float32),
    }  # fmt: skip
    plain = {"stride": 1, "padding": "SAME", "act": "NONE"}
    ops = [
        graph.Op("CONV_2D", ["image", "w", "b"], "y", dict(plain)),
        graph.Op("DEPTHWISE_CONV_2D", ["y", "v", "c"], "z", dict(plain)),
    ]
    return graph.Graph("image", "z", ops, {"image": (1, 4, 6, 3), "y": (1, 4, 6, 8), "z": (1, 4, 6, 8)}, consts)


def test_trained_weights_come_back_as_the_int8_file_rounds_them(tmp_path: Path) -> None:
    before, again = small(), small()
    rng = np.random.default_rng(1)
    trained = small()
    trained.consts = {k: v + rng.normal(size=v.shape).astype(np.float32) * 0.02 for k, v in before.consts.items()}
    np.savez(tmp_path / "trained.npz", **retrained.content(before, trained.consts))
    retrained.apply(again, tmp_path / "trained.npz")
    ranges = {"y": (-6.0, 6.0), "z": (-20.0, 20.0)}
    wanted, found, old = (quantise.quantise(g, ranges).consts for g in (trained, again, before))
    assert set(wanted) == set(found) == set(old)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert not np.array_equal(old[name], values)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    found = retrained.content(small(), small().consts)
    np.savez(tmp_path / "less.npz", **{k: v for k, v in found.items() if k != "z.w"})
    with pytest.raises(ValueError, match="z's"):
        retrained.apply(small(), tmp_path / "less.npz")
    np.savez(tmp_path / "more.npz", **found, **{"other.w": np.zeros(3, np.int8)})
    with pytest.raises(ValueError, match=r"other\.w is of another"):
        retrained.apply(small(), tmp_path / "more.npz")


@pytest.mark.parametrize("variant", MOVED, ids=lambda v: v.name)
def test_what_ships_moved_by_little_and_its_card_says_on_whom(variant: catalogue.Variant) -> None:
    with np.load(ROOT / "scripts" / "train" / f"{variant.retrained}.npz") as file:
        steps = [w for name in file.files if name.endswith(".w") and (w := file[name]).dtype == np.int8]
    assert max(int(np.abs(w).max()) for w in steps) == 1
    assert 0 < sum(np.count_nonzero(w) for w in steps) < 0.05 * sum(w.size for w in steps)
    card = (ROOT / "models" / f"{variant.stem('int8')}.yaml").read_text()
    assert "SubhiH/HandsDataset" in card and f"{variant.retrained}.npz" in card


@needs_data
def test_the_rounded_twin_says_nearly_what_the_int8_file_says() -> None:
    pytest.importorskip("torch", reason="torch is not installed: THE ROUNDED TWIN IS NOT COMPARED")
    import qat
    import torch

    variant = next(v for v in catalogue.VARIANTS if v.name == "landscape")
    whole, parts = build.base(build.fetch(DATA / "models", variant.parent), variant.size)
    numbers = json.loads(build.CALIBRATION.read_text())["models"]["landscape"]
    ranges = build.named(numbers["ranges"])
    twin = qat.Rounded(build.shaped(parts, numbers["scales"], "listed"), ranges)
    twin.refresh()
    exact = measure.load(tflite.write(whole))
    int8 = measure.load(tflite.write(quantise.quantise(build.shaped(parts, numbers["scales"]), ranges)))
    for picture in calibrate.portraits(DATA, variant.size[::-1]):
        x = qat._tensor([picture.astype(np.float32)])
        with torch.no_grad():
            rounded = twin.answer(x)[0][0, 0].numpy()
            twin.exact = True
            plain = twin.answer(x)[0][0, 0].numpy()
            twin.exact = False
        real, parent = int8.run(picture), exact.run(picture)
        assert np.abs(plain - parent).max() < 1e-3
        assert np.abs(rounded - real).mean() < 0.8 * np.abs(real - parent).mean()
