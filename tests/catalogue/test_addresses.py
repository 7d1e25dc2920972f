"""Pictures that lie behind an address: fsspec's own memory stands for any store."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_bg.assets import asset_path
from edge_bg.catalogue import store
from edge_bg.commands.image import image

fsspec = pytest.importorskip("fsspec", reason="FSSPEC IS MISSING: pip install 'edge-bg[cluster]'")


def test_a_catalogue_in_a_store_and_again():
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    small = cv2.resize(bgra[..., :3], (90, 120))
    data = cv2.imencode(".jpg", small)[1].tobytes()
    for name in ("a.jpg", "deep/b.jpg"):
        store.write(f"memory://in/{name}", data)
    store.write("memory://in/notes.txt", b"no picture")
    words = ["memory://in", "-o", "memory://out", "--jobs", "1"]
    first = CliRunner().invoke(image, words, standalone_mode=False)
    assert first.return_value == 0, first.stderr
    assert "2 of 2 pictures done" in first.stderr
    out = cv2.imdecode(np.frombuffer(store.read("memory://out/deep/b.png"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert out.shape == (120, 90, 4)
    assert store.stat("memory://out/.edge-bg/manifest.jsonl") is not None
    again = CliRunner().invoke(image, words, standalone_mode=False)
    assert "0 of 2 pictures done, 2 done before" in again.stderr


def test_an_address_of_no_kind_is_said():
    done = CliRunner().invoke(image, ["nonsense://x/a.jpg", "-o", "/tmp/none.png"], standalone_mode=False)
    assert "nonsense" in done.stderr + str(done.exception)
