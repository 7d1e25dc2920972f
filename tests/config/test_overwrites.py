"""Nothing that is read is ever written over, by whatever name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_bg import config
from edge_bg.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shots").mkdir()
    for name in ("bg.webm", "cover.png", "film.mp4", "shots/a-000001.png"):
        (tmp_path / name).write_bytes(b"not empty")
    (tmp_path / "link.webm").symlink_to(tmp_path / "bg.webm")
    (tmp_path / "hard.webm").hardlink_to(tmp_path / "bg.webm")
    return tmp_path


@pytest.mark.parametrize(
    ("keys", "sink", "whose"),
    [
        ({"background": "bg.webm"}, "bg.webm", "background.path"),
        ({"background": "bg.webm"}, "link.webm", "background.path"),
        ({"background": "link.webm"}, "hard.webm", "background.path"),
        ({"background": "bg.webm"}, "shots/../bg.webm", "background.path"),
        ({"privacy": {"cover": "cover.png"}, "background": "blur"}, "cover%d.png", None),
        ({"source": "film.mp4"}, "film.mp4", "the source's own file"),
        ({"source": "shots/"}, "shots/a-%06d.png", "the source's own file"),
        ({"source": "shots/*.png"}, "shots/a-%06d.png", "the source's own file"),
        ({"source": "shots/"}, "shots/b-%06d.png", None),
        ({"background": "bg.webm"}, "new.webm", None),
    ],
)
def test_what_is_read_is_not_written(keys: dict[str, object], sink: str, whose: str | None, folder: Path):
    data = {**keys, "sinks": [{"kind": "file", "path": sink, "overwrite": True}]}
    if whose is None:
        config.from_dict(data, base=folder, check_files=True)
        return
    with pytest.raises(ConfigError, match=whose):
        config.from_dict(data, base=folder, check_files=True)
