"""The packaged network of the known room: what its card says, and a batch gives what one patch alone does."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edge_bg.assets import data_path
from edge_bg.errors import ModelError
from edge_bg.network.patches import CARD, CHANNELS, PatchNetwork


def test_a_patch_gets_the_same_alpha_alone_and_in_a_crowd():
    network = PatchNetwork()
    side, count = network.side, network.batch + 3
    planes = list(np.random.default_rng(0).integers(0, 256, (CHANNELS, count * side, side)).astype(np.uint8))
    together = network(planes)
    assert together.shape == planes[0].shape and together.dtype == np.uint8
    for number in (0, network.batch, network.batch + 2):
        rows = slice(number * side, (number + 1) * side)
        assert np.array_equal(network([plane[rows] for plane in planes]), together[rows])


def test_another_file_than_the_card_was_written_for_is_refused(tmp_path):
    card = data_path(CARD)
    shutil.copy(card, tmp_path)
    model = tmp_path / card.with_suffix(".tflite").name
    with pytest.raises(ModelError, match="missing"):
        PatchNetwork(tmp_path / card.name)
    data = bytearray(card.with_suffix(".tflite").read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with pytest.raises(ModelError, match="not the file its card was written for"):
        PatchNetwork(tmp_path / card.name)


def test_a_card_of_another_network_is_refused():
    with pytest.raises(ModelError, match="were expected"):
        PatchNetwork(data_path("models/landscape-144x256-int8.yaml"))
