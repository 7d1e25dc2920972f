"""YAML that readers disagree on, broken files, and where errors point."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_bg import config
from edge_bg.errors import ConfigError, EdgeBgError


def fails(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        config.loads(text, "booth.yaml")
    return str(caught.value)


TEN_FAULTS = """\
source:
  kind: v4l2
  siez: 1280x720
  size: 1281x720
  fps: fast
  wait: yes
  format: mjpeg
background: #00b140
model:
  threads: 0
sinks:
  - kind: http
    port: 99999
  - kind: htp
  - kind: file
sync: on
sync: exact
privacy:
  max_mask_age: -1
  cover: blur
nonsense: 1
"""


def test_every_fault_is_told_at_once_where_it_stands_and_what_would_do():
    lines = fails(TEN_FAULTS).splitlines()
    wanted = [
        ('booth.yaml:3:3: source.siez: is an unknown key; did you mean "size"?'),
        (
            "booth.yaml:4:9: source.size: has an odd side, and video needs even ones"
            ' (given "1281x720"); 1282x720 would do'
        ),
        ('booth.yaml:5:8: source.fps: has to be a number (given "fast")'),
        ("booth.yaml:6:9: source.wait: is a boolean to some readers"),
        ('booth.yaml:7:11: source.format: is none of the choices (given "mjpeg"); did you mean "mjpg"?'),
        ('booth.yaml:8:12: background: #00b140 without quotes is a comment; write "#00b140"'),
        ("booth.yaml:10:12: model.threads: has to be at least 1 (given 0)"),
        ("booth.yaml:13:11: sinks.0.port: has to be at most 65535 (given 99999)"),
        ('booth.yaml:14:5: sinks.1: is an unknown kind (given "htp"); did you mean "http"?'),
        ("booth.yaml:15:5: sinks.2.path: is missing"),
        ("booth.yaml:16:7: sync: is a boolean to some readers"),
        ("booth.yaml:17:1: sync: is there twice (first in line 16)"),
        ("booth.yaml:19:17: privacy.max_mask_age: has to be more than 0 (given -1)"),
        ('booth.yaml:20:10: privacy.cover: is an unknown kind (given "blur"); one of: color, image'),
        ("booth.yaml:21:1: nonsense: is an unknown key; known here: background,"),
    ]
    assert len(lines) == len(wanted)
    for line, start in zip(lines, wanted, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"", ":1:1: is empty"),
        (b"\n \n", ":1:1: is empty"),
        (b"# only a comment\n", "is not a mapping"),
        (b"- a\n- b\n", "is not a mapping"),
        (b"just text", "is not a mapping"),
        (b"source: synthetic\n\tsync: exact\n", ":2:1: a tab indents this line; YAML wants spaces"),
        (b"source:\n\tkind: synthetic\n", ":2:1: a tab indents this line; YAML wants spaces"),
        (b"sync: exact\n---\nsync: latest\n", ":2:1: a second document begins here"),
        (b"sync: exact\nmodel: caf\xe9\n", ":2:11: is not UTF-8 (byte 0xe9); save it as UTF-8"),
        ("sync: exact".encode("utf-16"), ":1:1: is UTF-16"),
        (b"sync: exa\x00ct\n", ":1:10: holds a control character (U+0000)"),
        (b"sync: 'exact\n", ":2:1: not YAML"),
        (b"sync: exact: latest\n", ":1:12: not YAML: mapping values are not allowed here; is a quote missing"),
        (b"source:\n  kind: synthetic\n   size: 2x2\n", ":3:8: not YAML"),
        (b"sync: *nothing\n", ":1:7: not YAML: found undefined alias"),
        (b"log: &a [*a]\n", "aliases expand without end"),
        (b"[" * 3000, "nested too deeply"),
        (b"sync: !!python/object/apply:os.system [ls]\n", "leave tags out"),
        (b"sync: !!binary aGVsbG8=\n", "leave tags out"),
        (b"? [a, b]\n: c\n", "a key has to be a word"),
        (b"x" * (200 * 1024), "is larger than 128 KiB"),
    ],
)
def test_broken_files_say_what_is_broken(text: bytes, wanted: str):
    assert wanted in fails(text)


def test_alias_bomb_is_refused_quickly():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    assert "holds more than 10000 values" in fails(bomb)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "Yes", "NO", "y", "n"])
def test_words_that_are_booleans_to_some_are_refused_unless_quoted(word: str):
    assert "is a boolean to some readers" in fails(f"model: {word}\n")
    assert config.loads(f'model: "{word}"\n').model.name == word


@pytest.mark.parametrize("number", ["010", "0o17", "0b11", "1_000", "12:30:45", "9" * 5000])
def test_numbers_of_an_unclear_kind_are_refused(number: str):
    assert "number of an unclear kind" in fails(f"source: {{kind: synthetic, seed: {number}}}\n")


def test_numbers_are_those_of_yaml_1_2():
    made = config.loads("source: {kind: synthetic, seed: 0x10, fps: 2.5e1}\n")
    assert (made.source.seed, made.source.fps) == (16, 25.0)


@pytest.mark.parametrize("fps", [".inf", ".nan", "true", "'30'"])
def test_numbers_are_finite_and_nothing_is_converted(fps: str):
    assert "source.fps: has to be a" in fails(f"source: {{kind: synthetic, fps: {fps}}}\n")


def test_merge_keys_work_and_written_keys_win():
    text = "source: &camera {kind: synthetic, fps: 10}\nsinks: [{<<: {kind: http, port: 9000}, port: 9001}]\n"
    made = config.loads(text)
    assert made.sinks[0].port == 9001


def test_null_sink_needs_no_quotes():
    assert config.loads("sinks: [null]").sinks[0].kind == "null"
    assert config.loads("sinks: [{kind: null}]").sinks[0].kind == "null"
    assert config.loads("sinks: ['null']").sinks[0].kind == "null"


def test_a_missing_or_unreadable_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path)
    with pytest.raises(EdgeBgError):
        config.load("a\0b")


def test_bom_is_fine():
    assert config.loads(b"\xef\xbb\xbfsync: latest\n").sync == "latest"


def test_read_yaml_gives_plain_data_under_the_same_rules(tmp_path: Path):
    path = tmp_path / "card.yaml"
    path.write_text("a: {b: [1, 2.5, x]}\n")
    assert config.read_yaml(path) == {"a": {"b": [1, 2.5, "x"]}}
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match="there twice"):
        config.read_yaml(path)
