"""A config becomes objects: names and defaults agree, what is opened is closed, backgrounds change while it runs."""

from __future__ import annotations

import inspect
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from pydantic_core import PydanticUndefined

import edge_bg
from edge_bg import config
from edge_bg.composite import KINDS as BACKGROUNDS
from edge_bg.config import kinds
from edge_bg.errors import ConfigError, EdgeBgError, PictureError, SinkError
from edge_bg.parts import source
from edge_bg.sinks import KINDS as SINKS
from edge_bg.sources import KINDS as SOURCES

SMALL = {"kind": "synthetic", "size": "320x180", "realtime": False, "frames": 12}
MADE_BY_BUILD = {"realtime", "loop"}  # null in a config: build.py decides


def parts(union: Any) -> list[Any]:
    return list(get_args(get_args(union)[0]))


@pytest.mark.parametrize(
    ("part", "table"),
    [(part, table) for union, table in ((kinds.Source, SOURCES), (kinds.Sink, SINKS), (kinds.Background, BACKGROUNDS))
     for part in parts(union)],
    ids=lambda each: each.__name__ if inspect.isclass(each) else "",
)  # fmt: skip
def test_keys_of_a_kind_are_the_arguments_of_its_class(part: Any, table: dict[str, str]):
    module, _, name = table[part.model_fields["kind"].default].partition(":")
    signature = inspect.signature(getattr(import_module(module), name))
    wanted = {key: parameter.default for key, parameter in signature.parameters.items()}
    keys = {key: info for key, info in part.model_fields.items() if key not in ("kind", "name")}
    assert keys.keys() == wanted.keys()
    for key, info in keys.items():
        default = info.get_default(call_default_factory=True)
        if default is PydanticUndefined:
            assert wanted[key] is inspect.Parameter.empty
        elif not (default is None and key in MADE_BY_BUILD):
            assert default == ({} if wanted[key] is None and key == "controls" else wanted[key])


def test_every_kind_of_the_tables_can_be_configured():
    for union, table in ((kinds.Source, SOURCES), (kinds.Sink, SINKS), (kinds.Background, BACKGROUNDS)):
        assert {part.model_fields["kind"].default for part in parts(union)} == set(table)


@pytest.mark.parametrize(("sink", "paced"), [("http:0", True), ("null", False), ("out.mp4", False)])
def test_a_file_is_paced_where_someone_looks_on(sink: str, paced: bool, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    made = source(config.from_dict({"source": str(tmp_path / "a.png"), "sinks": [sink]}))
    assert (made.live, made.loop) == (paced, paced)


def test_a_booth_gives_composited_frames_with_alpha_and_changes_its_background_live():
    with edge_bg.open({"source": SMALL, "background": "#ff0000", "sinks": ["null"]}) as booth:
        colours = []
        for frame in booth:
            assert frame.alpha is not None
            assert frame.alpha.shape == (180, 320)
            colours.append(tuple(frame.rgb()[2, 2]))
            booth.background = "#0000ff"
    assert len(colours) == 12
    assert colours[0][0] > 240
    assert colours[0][2] < 15
    assert colours[-1][2] > 240
    assert colours[-1][0] < 15
    assert booth.stats.snapshot()["frames"] == 12


def test_a_background_that_will_not_do_leaves_the_old_one(tmp_path: Path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    with edge_bg.open({"source": SMALL, "background": "#ff0000", "sinks": ["null"]}) as booth:
        before = booth.background
        with pytest.raises(ConfigError):
            booth.background = "bleu"
        with pytest.raises(ConfigError, match="does not exist"):
            booth.background = tmp_path / "none.png"
        with pytest.raises(PictureError):
            booth.background = broken
        assert booth.background is before


def test_running_feeds_the_sinks_and_counts():
    with edge_bg.open({"source": SMALL, "sinks": ["null", {"kind": "null", "name": "second"}]}) as booth:
        assert booth.run(frames=5) == 5
        assert {name: each["delivered"] for name, each in booth.sinks.report().items()} == {"null": 5, "second": 5}


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path):
    before = threading.active_count()
    with (
        pytest.raises(SinkError, match="no folder"),
        edge_bg.open({"source": SMALL, "sinks": [str(tmp_path / "nowhere" / "a.mp4")]}) as booth,
    ):
        booth.run()
    with pytest.raises(EdgeBgError):
        edge_bg.open({"source": {"kind": "v4l2", "device": str(tmp_path / "video9")}})
    with pytest.raises(EdgeBgError, match="nonsense"):
        edge_bg.open({"model": "nonsense"})
    assert threading.active_count() <= before + 1  # OpenCV may keep one of its own


@pytest.mark.parametrize(
    ("room", "heavy"),
    [
        ("edge_bg", "email cv2 numpy ai_edge_litert tflite_runtime pydantic yaml click"),
        ("edge_bg.config", "cv2 numpy"),
        ("edge_bg.catalogue.work", "pydantic click"),  # each worker process starts with it
    ],
)
def test_importing_is_light(room: str, heavy: str, root: Path):
    import subprocess
    import sys

    code = (
        f"import sys, {room}; early = set(sys.modules); import edge_bg; edge_bg.__version__; edge_bg.EdgeBgError; "
        f"found = set({heavy!r}.split()) & (early | set(sys.modules) - {{'email'}}); sys.exit(str(found or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_public_names_are_there():
    for name in edge_bg.__all__:
        assert getattr(edge_bg, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        edge_bg.nothing  # noqa: B018


def test_showing_the_room_as_it_is_is_said_aloud(caplog: pytest.LogCaptureFixture):
    with edge_bg.open({"source": SMALL, "sinks": ["null"], "privacy": {"show_room": True}}) as booth:
        assert "the room is shown" not in caplog.text
        booth.background = "none"
    assert "background none: the room is shown as it is" in caplog.text
