"""Finds the files that come with the package: models, configs, and the built-in portrait.

`models/` and `configs/` are top-level folders of the repository; a wheel carries them as `edge_bg/_data/`.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_root() -> Path:
    """The folder that holds `models/` and `configs/`: inside the installed package, or the checkout."""
    inside = _PACKAGE / "_data"
    return inside if (inside / "models").is_dir() else _PACKAGE.parent


def data_path(relative: str) -> Path:
    """Path of a packaged file or folder such as `models/landscape-144x256-int8.yaml`; it need not exist."""
    return data_root() / relative


def asset_path(name: str) -> Path:
    """Path of a picture that ships inside the package, such as the built-in portrait."""
    return _PACKAGE / "_assets" / name
