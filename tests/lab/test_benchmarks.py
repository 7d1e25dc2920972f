"""What the benchmarks draw and count themselves: rendered things have their true outline, what sticks is counted."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> object:
    """Imports a module or script of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def by_name(name: str) -> ModuleType:
        if (BENCHMARKS / f"{name}.py").exists():
            return importlib.import_module(name)
        loader = SourceFileLoader(name, str(BENCHMARKS / name))
        spec = importlib.util.spec_from_loader(name, loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(__import__("sys").modules, name, module)
        loader.exec_module(module)
        return module

    return by_name


def test_a_rendered_ring_has_its_hole_and_its_size(load) -> None:  # type: ignore[no-untyped-def]
    render = load("render")
    ring = render.Thing(render.ring(0, 0.55, 0, 0.5, 0.1), (0.2, 0.4, 0.8))
    scene = render.Scene([ring], lambda x, z: np.ones((len(x), 3), np.float32) * 0.7, (0.7, 0.7, 0.7))
    picture, mask = render.render(scene, 96, np.random.default_rng(0))
    assert picture.shape == (96, 96, 3) and mask.shape == (96, 96)
    assert mask[48, 48] == 0 and picture[48, 48].min() > 100  # the room is seen through it
    # 2 pi R * 2 r, in parts of the square that is seen at its distance.
    whole = (2 * scene.view * float(np.linalg.norm(render._EYE - render._AIM))) ** 2
    assert (mask / 255).mean() == pytest.approx(2 * np.pi * 0.5 * 0.2 / whole, rel=0.08)
    blue = picture[mask == 255].astype(int)
    assert (blue[:, 2] > blue[:, 0] + 30).mean() > 0.9


def test_every_condition_of_products_draws_whole_things(load) -> None:  # type: ignore[no-untyped-def]
    products, render = load("products"), load("render")
    for number, (name, make) in enumerate(products.CONDITIONS.items()):
        rng = np.random.default_rng([1, number])
        _, mask = render.render(make(rng), 48, rng)
        edges = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
        assert 0.02 < (mask > 127).mean() < 0.6 and not edges.any(), name
        if name == "holes":
            assert products.inside(mask).sum() > 10


def test_a_lamp_that_sticks_is_counted_and_a_wide_outline_is_not(load) -> None:  # type: ignore[no-untyped-def]
    piece = load("demo").piece
    truth = np.zeros((360, 640), np.uint8)
    truth[100:, 200:400] = 255
    alpha = truth.copy()
    alpha[98:, 198:402] = 255  # two pixels all along
    assert piece(alpha, truth) == 0
    alpha[60:100, 380:420] = 255
    assert piece(alpha, truth) == pytest.approx(4 * 1600, rel=0.1)  # as if it were 1280x720
    assert piece(truth, truth) == 0
