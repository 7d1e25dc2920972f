"""What is fed with bytes from outside: each takes any bytes, and raises nothing but its own error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from edge_bg import config, pictures
from edge_bg.assets import asset_path, data_path
from edge_bg.errors import ConfigError, ModelError, PictureError
from edge_bg.network import tflite
from edge_bg.network.card import ModelCard

_FOLDER = Path(tempfile.mkdtemp(prefix="edge-bg-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def a_config(data: bytes) -> None:
    """A config's text."""
    try:
        made = config.loads(data)
    except ConfigError as error:
        assert error.message and "Traceback" not in str(error)
    else:
        assert config.from_dict(made.model_dump(mode="json")) == made


def a_card(data: bytes) -> None:
    """A model card."""
    path = _FOLDER / "card.yaml"
    path.write_bytes(data)
    try:
        ModelCard.load(path)
    except ModelError as error:
        assert str(path) in str(error)


def a_model(data: bytes) -> None:
    """A .tflite file, up to the point where a runtime would see it."""
    try:
        tflite.read(data, "some.tflite")
    except ModelError as error:
        assert "some.tflite" in error.message


def a_picture(data: bytes) -> None:
    """A photograph."""
    try:
        pictures.decode(data, "some.jpg", max_megapixels=4)
    except PictureError as error:
        assert "some.jpg" in error.message


TARGETS: dict[str, Callable[[bytes], None]] = {
    "config": a_config,
    "card": a_card,
    "model": a_model,
    "picture": a_picture,
}


def seeds(target: str) -> list[bytes]:
    """Valid inputs to begin with."""
    if target == "config":
        return [path.read_bytes() for path in sorted(data_path("configs").glob("*.yaml"))]
    if target == "card":
        return [path.read_bytes() for path in sorted(data_path("models").glob("*.yaml"))]
    if target == "model":
        return [min(data_path("models").glob("*.tflite"), key=lambda path: path.stat().st_size).read_bytes()]
    import cv2
    import numpy as np

    small = np.random.default_rng(1).integers(0, 256, (12, 16, 4), np.uint8)
    kinds = ((".png", small), (".jpg", small[..., :3]), (".webp", small), (".bmp", small[..., :3]))
    made = [bytes(cv2.imencode(kind, np.ascontiguousarray(picture))[1]) for kind, picture in kinds]
    return [*made, asset_path("portrait.png").read_bytes()[:20_000]]
