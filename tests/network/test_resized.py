"""A network in one file, at several sizes: rewritten when it is read."""

import numpy as np
import pytest
from click.testing import CliRunner

from edge_bg.assets import data_path
from edge_bg.commands.models import models
from edge_bg.errors import ModelError
from edge_bg.network import tflite
from edge_bg.network.card import ModelCard
from edge_bg.network.runtime import Engine

CARD = data_path("models/portrait-512x288-int8.yaml")
MADE = (288, 512)


@pytest.fixture(scope="module")
def data():
    return ModelCard.load(CARD).model.read_bytes()


def test_a_card_gives_the_network_at_its_own_size(data):
    card = ModelCard.load(CARD)
    assert card.model.name == "portrait-288x512-int8.tflite"
    assert card.size == (288, 512)
    found = tflite.read(card.read_model(), "m")
    assert found.inputs[0].shape == (1, 512, 288, 3)
    assert len(card.read_model()) == len(data)


def test_there_and_back_is_the_same_to_the_byte(data):
    there = tflite.resized(data, MADE, (160, 256), "m")
    assert there != data
    assert tflite.resized(there, (160, 256), MADE, "m") == data
    assert tflite.resized(data, MADE, MADE, "m") == data


def test_it_runs_at_the_other_size_and_says_the_same_of_a_smooth_picture(data):
    """A soft ramp shrunk to a third is the same picture: so is what is said of it, but for rounding."""
    said = []
    for high, wide in ((96, 160), (192, 320)):
        engine = Engine(tflite.resized(data, MADE, (high, wide), "m"), "m", threads=1)
        rows, columns = np.mgrid[0:high, 0:wide]
        person = np.hypot((columns / wide - 0.5) * 1.7, rows / high - 0.6) < 0.35
        picture = np.where(person, 190, 60)[..., None] + np.array((10, 0, -10))
        engine.input()[0] = (picture - 128).astype(np.int8)
        engine.invoke()
        out = engine.output()
        assert out.shape == (1, high, wide, 1)
        said.append(float(out.mean()))
    assert abs(said[0] - said[1]) < 20


def test_it_can_be_had_in_a_file_of_its_own(tmp_path):
    out = tmp_path / "p.tflite"
    assert CliRunner().invoke(models, ["export", "portrait-192x320", str(out)], catch_exceptions=False).exit_code == 0
    assert tflite.read(out.read_bytes(), "p").inputs[0].shape == (1, 192, 320, 3)
    nowhere = CliRunner().invoke(models, ["export", "portrait-192x320", str(tmp_path / "no" / "p.tflite")])
    assert isinstance(nowhere.exception, ModelError)


@pytest.mark.parametrize("size", [(100, 256), (288, 500)])
def test_a_size_that_does_not_fit_is_refused(data, size):
    with pytest.raises(ModelError, match="cannot be rewritten"):
        tflite.resized(data, MADE, size, "m")


def test_a_file_of_another_size_than_promised_is_refused(data):
    with pytest.raises(ModelError, match="was made for 512x288"):
        tflite.resized(data, (512, 288), MADE, "m")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  sha256: ", "  sha256: 0", "sha256"),
        ("  - 288\n  - 512\n  sha256", "  - 288\n  sha256", "height and width"),
        ("resized:\n  from", "resized:\n  form", "unknown key"),
    ],
)
def test_a_faulty_card_is_told(tmp_path, old, new, said):
    text = CARD.read_text()
    assert old in text
    (tmp_path / "m.yaml").write_text(text.replace(old, new, 1))
    (tmp_path / "portrait-288x512-int8.tflite").symlink_to(ModelCard.load(CARD).model)
    with pytest.raises(ModelError, match=said if said != "sha256" else "is not what m.yaml describes"):
        ModelCard.load(tmp_path / "m.yaml").read_model()
