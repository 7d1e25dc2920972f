"""What a config may say: kinds, one-line forms, paths, and what cannot be said together."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pydantic
import pytest
from pydantic import ValidationError

from edge_bg import config
from edge_bg.assets import asset_path, data_path
from edge_bg.config.model import Matte
from edge_bg.errors import ConfigError

CONFIGS = sorted(data_path("configs").glob("*.yaml"))


def made(**data: object) -> config.Config:
    return config.from_dict(data)


def fault(**data: object) -> str:
    with pytest.raises(ConfigError) as caught:
        config.from_dict(data)
    return str(caught.value)


def test_defaults_run_the_synthetic_source_into_the_browser_on_this_machine():
    c = config.from_dict({})
    assert (c.source.kind, c.sinks[0].kind, c.sinks[0].host) == ("synthetic", "http", "127.0.0.1")
    assert c.privacy.max_mask_age == 0.5


@pytest.mark.parametrize(
    ("text", "kind", "key", "value"),
    [
        ("synthetic", "synthetic", "seed", 0),
        ("synthetic:7", "synthetic", "seed", 7),
        ("v4l2:/dev/video3", "v4l2", "device", "/dev/video3"),
        ("v4l2:3", "v4l2", "device", "/dev/video3"),
        ("/dev/v4l/by-id/usb-cam", "v4l2", "device", "/dev/v4l/by-id/usb-cam"),
        ("picamera2", "picamera2", "camera", 0),
        ("picamera2:1", "picamera2", "camera", 1),
        ("picamera2:imx708", "picamera2", "camera", "imx708"),
        ("a/walk.MP4", "file", "path", Path("a/walk.MP4")),
        ("dance.gif", "file", "path", Path("dance.gif")),
        ("file:walk", "file", "path", Path("walk")),
        ("me.jpg", "images", "path", Path("me.jpg")),
        ("photos/*.png", "images", "path", Path("photos/*.png")),
        ("photos/", "images", "path", Path("photos")),
    ],
)
def test_sources_in_one_line(text: str, kind: str, key: str, value: object):
    source = made(source=text).source
    assert (source.kind, getattr(source, key)) == (kind, value)


@pytest.mark.parametrize(
    ("text", "kind", "key", "value"),
    [
        ("null", "null", "name", None),
        ("http", "http", "port", 8080),
        ("http:9000", "http", "port", 9000),
        ("http:0.0.0.0:9000", "http", "host", "0.0.0.0"),
        ("http:[::1]:9000", "http", "host", "::1"),
        ("out.webm", "file", "path", Path("out.webm")),
        ("file:a:b.mp4", "file", "path", Path("a:b.mp4")),
        ("-", "pipe", "command", None),
        ("pipe", "pipe", "command", None),
        ("pipe:ffmpeg -i - out.mkv", "pipe", "command", "ffmpeg -i - out.mkv"),
        ("v4l2loopback:/dev/video9", "v4l2loopback", "device", "/dev/video9"),
        ("/dev/video9", "v4l2loopback", "device", "/dev/video9"),
    ],
)
def test_sinks_in_one_line(text: str, kind: str, key: str, value: object):
    sink = made(sinks=[text]).sinks[0]
    assert (sink.kind, getattr(sink, key)) == (kind, value)


@pytest.mark.parametrize(
    ("text", "kind", "key", "value"),
    [
        ("#00B140", "color", "color", "#00b140"),
        ("#0b4", "color", "color", "#00bb44"),
        ("green", "color", "color", "#00b140"),
        ("blur", "blur", "strength", 0.5),
        ("blur:0.8", "blur", "strength", 0.8),
        ("none", "none", "kind", "none"),
        ("transparent", "transparent", "kind", "transparent"),
        ("beach.jpg", "image", "path", Path("beach.jpg")),
        ("waves.mp4", "video", "path", Path("waves.mp4")),
        ("image:beach", "image", "path", Path("beach")),
        ("builtin:backdrop.jpg", "image", "path", asset_path("backdrop.jpg")),
    ],
)
def test_backgrounds_in_one_line(text: str, kind: str, key: str, value: object):
    background = made(background=text, privacy={"show_room": True}).background
    assert (background.kind, getattr(background, key)) == (kind, value)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"source": "sinthetic"}, 'did you mean "synthetic"?'),
        ({"source": "file:"}, "names no file"),
        ({"source": ""}, "source: is empty"),
        ({"source": " "}, "source: is empty"),
        ({"sinks": [""]}, "sinks.0: is empty"),
        ({"background": ""}, "background: is empty"),
        ({"source": {"kind": "file", "path": "a.mp4", "fps": 3}}, "source.fps: is an unknown key for kind file; known"),
        ({"<name>": None}, "<name>: is an unknown key; known here: background,"),
        ({"model": {"<library>": 1}}, "model.<library>: is an unknown key; known here: delegates,"),
        ({"model": {"delegates": [{"library": "a.so", "<name>": 1}]}}, "model.delegates.0.<name>: is an unknown key"),
        ({"source": 5}, "is not a source (given 5)"),
        ({"source": "rtsp://camera/1.mp4"}, "opens no network connections"),
        ({"source": {"size": "640x480"}}, "has no kind"),
        ({"sinks": ["http:x"]}, "is not an address"),
        ({"sinks": []}, "sinks: has to be at least 1 of them"),
        ({"sinks": "http"}, "sinks: has to be a list"),
        ({"background": "blurr"}, 'did you mean "blur"?'),
        ({"background": "blur:2"}, "background.strength: has to be at most 1"),
        ({"background": True}, "is not a background (given true)"),
        ({"background": {"kind": "color", "color": "#12345"}}, "background.color: is not a colour"),
        ({"source": {"kind": "synthetic", "size": "10x10"}}, "out of range"),
        ({"source": {"kind": "synthetic", "size": [640]}}, "is not a size"),
        ({"source": {"kind": "synthetic", "device": 1}}, "source.device: is an unknown key"),
        ({"model": {"delegates": [3]}}, "model.delegates.0: has to be"),
        ({"model": {"delegates": [{"library": "a.so", "options": {"x": 1}}]}}, "model.delegates.0.options.x:"),
        ({"model": {"delegates": ["gpu"]}}, 'model.delegates.0: is not a delegate (given "gpu"); cpu, edgetpu,'),
        ({"model": 3}, "model: has to be a mapping"),
        ({"matte": {"radius": 2.5}}, "matte.radius: has to be a whole number"),
        ({"privacy": {"cover": {"kind": "none"}}}, "unknown kind"),
        ({"sinks": ["http", "http:8080"]}, "sinks.1.port: is the same port as sinks.0"),
        ({"sinks": ["a.mp4", "a.mp4"]}, "sinks.1.path: is the same file"),
        ({"sinks": ["-", "pipe"]}, "sinks.1.command: is the same output"),
        ({"source": "a.mp4", "sinks": ["a.mp4"]}, "is the source's own file"),
        ({"source": "/dev/video0", "sinks": ["/dev/video0"]}, "is the source's own device"),
    ],
)
def test_what_will_not_do(data: dict[str, object], wanted: str):
    assert wanted in fault(**data)


def test_a_token_that_will_not_do_is_not_repeated():
    for wrong in ("secret", "not so secret"):
        message = fault(sinks=[{"kind": "http", "token": wrong}])
        assert "sinks.0.token" in message and wrong not in message


def test_a_name_may_be_used_once():
    sinks = [{"kind": "null", "name": "a"}, {"kind": "http", "name": "a"}]
    assert "sinks.1.name: is the same name as sinks.0" in fault(sinks=sinks)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path):
    (tmp_path / "beach.jpg").write_bytes(b"x")
    (tmp_path / "photos").mkdir()
    path = tmp_path / "booth.yaml"
    path.write_text("background: beach.jpg\nsource: photos\nsinks: [out/film.mp4]\n")
    c = config.load(path)
    assert c.background.path == tmp_path / "beach.jpg"
    assert (c.source.kind, c.source.path) == ("images", tmp_path / "photos")
    assert c.sinks[0].path == tmp_path / "out" / "film.mp4"


def test_a_missing_picture_is_an_error_with_its_line(tmp_path: Path):
    path = tmp_path / "booth.yaml"
    path.write_text("sync: exact\nbackground: beach.jpg\n")
    with pytest.raises(
        ConfigError, match=r"booth.yaml:2:13: background.path: does not exist .*; looked for .*beach.jpg"
    ):
        config.load(path)
    assert config.load(path, check_files=False).background.kind == "image"


def test_it_is_frozen():
    c = config.from_dict({})
    with pytest.raises(ValidationError, match="frozen"):
        c.sync = "latest"
    with pytest.raises(ValidationError, match="frozen"):
        c.source.fps = 1.0


def test_matte_keys_are_the_options_of_the_matte():
    from edge_bg.knobs.matte import MatteOptions

    keys = {}
    for name, info in Matte.model_fields.items():
        bounds = [
            getattr(m, "ge", getattr(m, "le", None)) for m in info.metadata if hasattr(m, "ge") or hasattr(m, "le")
        ]
        keys[name] = (info.default, *bounds)
    options = {}
    for each in fields(MatteOptions):
        bounds = [each.metadata[key] for key in ("low", "high") if key in each.metadata]
        options[each.name] = (each.default, *bounds)
    assert keys == options


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid_and_fit_the_schema(path: Path):
    import jsonschema  # here, as it takes seconds that no other test should pay

    config.load(path)
    jsonschema.validate(config.read_yaml(path), config.schema())
    assert path.read_text().startswith("# yaml-language-server: $schema=edge-bg.schema.json\n# ")


def test_there_is_a_config_per_use():
    assert {path.stem for path in CONFIGS} >= {"demo", "kiosk-pi5", "usb-webcam", "coral", "headless"}


@pytest.mark.skipif(int(pydantic.VERSION.split(".")[1]) < 12, reason="older pydantic words the schema in other ways")
def test_what_is_generated_from_the_models_is_up_to_date(root: Path):
    command = [sys.executable, root / "scripts" / "update-config-docs", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run scripts/update-config-docs\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("data", [{"nonsense": 1}, {"sync": "no"}, {"sinks": []}, {"source": {"kind": "x"}}])
def test_schema_refuses_what_is_refused(data: dict[str, object]):
    import jsonschema

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, config.schema())


def test_what_a_stage_refuses_is_told_with_its_place():
    for wrong in ({"key": "green-ish"}, {"key": "auto", "booth": True}):
        with pytest.raises(ConfigError, match="matte"):
            config.from_dict({"matte": wrong})
