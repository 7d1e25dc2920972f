"""`edge-bg privacy`: a notice for guests, true for each config; and what a config must ask for to show the room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_bg import build, config
from edge_bg.booth import photos
from edge_bg.cli import run
from edge_bg.commands.privacy import notice
from edge_bg.config import from_dict
from edge_bg.errors import ConfigError


@pytest.mark.parametrize("background", ["none", "blur:0.1", {"kind": "blur", "strength": 0.29}])
def test_the_room_is_shown_only_if_that_is_said_aloud(background: Any) -> None:
    with pytest.raises(ConfigError, match=r"background.*(shows the room|can be made out).*\n?.*show_room: true"):
        from_dict({"background": background})
    meant = from_dict({"background": background, "privacy": {"show_room": True}})
    assert meant.background.kind in ("none", "blur")


def test_a_strong_blur_needs_no_leave() -> None:
    assert from_dict({"background": "blur"}).background.kind == "blur"
    assert from_dict({"background": "blur:0.3"}).background.kind == "blur"


def test_a_program_cannot_show_the_room_behind_the_config_either() -> None:
    plain = {"source": {"kind": "synthetic", "size": "96x64", "frames": 1}, "sinks": ["null"]}
    with build.open(plain) as booth, pytest.raises(ConfigError, match="show_room"):
        booth.background = "none"
    with build.open({**plain, "privacy": {"show_room": True}}) as booth:
        booth.background = "none"
        assert booth.background.mode == "pass"


SAYS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({}, ["No camera is used", "a plain colour", "this computer", "Nothing. Each picture is gone"], ["WHOLE ROOM"]),
    ({"source": "v4l2", "background": "blur"}, ["films what is before it", "blurred"], ["No camera is used"]),
    ({"background": "none", "privacy": {"show_room": True}}, ["YOU AND THE WHOLE ROOM"], ["a plain colour"]),
    ({"sinks": [{"kind": "http", "host": "0.0.0.0"}]}, ["on the network here"], ["Other machines cannot"]),
    ({"sinks": ["out.mp4", "null"]}, ["A film of it is written to", "out.mp4"], ["Nothing. Each"]),
    ({"sinks": ["pipe:cat"]}, ["another program"], ["thrown away"]),
    ({"sinks": ["null"]}, ["thrown away at once"], ["written"]),
    ({"matte": {"booth": True}}, ["A picture of the empty room is kept in memory"], []),
    (
        {"booth": {"control": True, "storage": {"folder": "photos", "hours": 72, "consent": "Yes?"}}},
        [
            "after you have agreed, written to",
            "erased after 3 days",
            "nobody keeps stays in memory for at most five minutes",
        ],
        ["Nothing. Each"],
    ),
    (
        {"booth": {"control": True}},
        ["that is taken stays in memory for at most five minutes, less if many are taken"],
        ["written", "next guest", "Nothing. Each"],
    ),
    ({"booth": {"control": True, "mqtt": {"host": "hub.example"}}}, ["and no picture, is told to", "hub.example"], []),
]


@pytest.mark.parametrize(("data", "told", "untold"), SAYS)
def test_the_notice_says_what_the_config_does(data: dict[str, Any], told: list[str], untold: list[str]) -> None:
    text = notice(from_dict(data))
    flat = " ".join(text.split())
    assert all(each in flat for each in told), text
    assert not any(each in flat for each in untold), text
    assert "Nobody is recognised" in flat and max(map(len, text.splitlines())) <= 78


def test_the_five_minutes_are_those_of_the_booth() -> None:
    assert photos.FORGOTTEN == 5 * 60


def test_every_shipped_config_has_a_notice(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((root / "configs").glob("*.yaml")):
        assert notice(config.load(path, check_files=False))
    assert run(["privacy", str(root / "configs/demo.yaml")]) == 0
    assert capsys.readouterr().out.startswith("ABOUT THIS CAMERA")
