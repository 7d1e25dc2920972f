"""Properties: whatever the bytes, the answer is a Config or a ConfigError; what is written out reads back the same."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_bg import config
from edge_bg.errors import ConfigError

sides = st.integers(16, 2000).map(lambda half: half * 2)
words = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=12)
sensors = words.map(lambda word: f"imx{word}")
file_names = words.map(lambda word: f"films/{word}")
recordings = words.map(lambda word: f"out/{word}")  # never the source's own file
flags = st.booleans()
control_values = st.one_of(st.booleans(), st.integers(-1000, 1000), st.floats(-10, 10), words)


def kind(name: str, **optional: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    required = {key: optional.pop(key) for key in list(optional) if key in ("path", "port")}
    return st.fixed_dictionaries({"kind": st.just(name), **required}, optional=optional)


def output(sink: dict[str, object]) -> object:
    """What no two sinks may share."""
    return sink.get("path", "stdout" if sink["kind"] == "pipe" and "command" not in sink else id(sink))


sizes = st.one_of(st.tuples(sides, sides).map(lambda s: f"{s[0]}x{s[1]}"), st.tuples(sides, sides).map(list))
rates = st.floats(0.5, 240)
camera = {"size": sizes, "fps": rates, "hflip": flags, "vflip": flags, "wait": flags}
controls = st.dictionaries(words, control_values, max_size=3)
colours = st.integers(0, 0xFFFFFF).map(lambda c: f"#{c:06x}")
sources = st.one_of(
    kind("synthetic", size=sizes, fps=rates, seed=st.integers(0, 2**32 - 1), realtime=flags),
    kind("file", path=file_names, loop=flags, realtime=st.none() | flags, size=st.none() | sizes),
    kind("images", path=file_names, fps=rates, loop=st.none() | flags),
    kind("v4l2", device=words, format=st.sampled_from(["auto", "mjpg", "yuyv", "nv12"]), controls=controls, **camera),
    kind("picamera2", camera=st.integers(0, 15) | sensors, lores=flags, controls=controls, **camera),
)
backgrounds = st.one_of(
    kind("color", color=colours),
    kind("image", path=file_names, fit=st.sampled_from(["cover", "contain", "stretch"])),
    kind("video", path=file_names),
    kind("blur", strength=st.floats(0, 1)),
    kind("transparent"),
    kind("none"),
)
sinks = st.one_of(
    kind("null"),
    kind("file", path=recordings, overwrite=flags, bitrate=st.none() | st.integers(1000, 10**8)),
    kind("pipe", command=st.one_of(words, st.lists(words, min_size=1, max_size=3))),
    kind("http", port=st.just(0), quality=st.integers(1, 100), max_clients=st.integers(1, 1000)),
)
delegates = st.one_of(
    st.sampled_from(["cpu", "edgetpu", "edgetpu:usb:0", "edgetpu:pci", "edgetpu::1"]),
    st.fixed_dictionaries({"library": words}),
)
configs = st.fixed_dictionaries(
    {
        "privacy": st.fixed_dictionaries(
            {"show_room": st.just(True)}, optional={"max_mask_age": st.floats(0.01, 10), "cover": colours}
        )
    },
    optional={
        "source": sources,
        "background": backgrounds,
        "sinks": st.lists(
            sinks,
            min_size=1,
            max_size=3,
            unique_by=output,
        ),
        "model": st.fixed_dictionaries(
            {}, optional={"name": words, "delegates": st.lists(delegates, min_size=1, max_size=3)}
        ),
        "sync": st.sampled_from(["exact", "latest"]),
    },
)


@given(configs)
@settings(max_examples=150, deadline=None)
def test_what_is_written_out_reads_back_the_same(data: dict[str, object]):
    made = config.from_dict(data)
    plain = made.model_dump(mode="json")
    assert config.from_dict(plain) == made
    assert config.loads(json.dumps(plain)) == made  # JSON is YAML


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_give_anything_but_a_config_error(data: bytes):
    try:
        config.loads(data)
    except ConfigError as error:
        assert str(error).startswith("config")


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
known = st.sampled_from(sorted(config.Config.model_fields))
inside = st.sampled_from(["kind", "path", "size", "fps", "color", "name", "delegates", "cover", "controls", "library"])
kinds = st.sampled_from(["synthetic", "file", "v4l2", "http", "color", "image", "null", "pipe", "blur"])
mappings = st.dictionaries(inside, scalars | kinds | trees, max_size=4)
plausible = st.dictionaries(known, scalars | mappings | st.lists(mappings | scalars, max_size=3), max_size=5)


@given(st.one_of(plausible, st.dictionaries(st.text(max_size=8), trees, max_size=4)))
@settings(max_examples=300, deadline=None)
def test_wrong_trees_never_give_anything_but_a_config_error(data: dict[str, object]):
    try:
        config.from_dict(data)
    except ConfigError as error:
        assert str(error).splitlines()


punctuation = st.sampled_from(
    [": ", "- ", "\n", "  ", "{", "}", "[", "]", "&a ", "*a", "!", "|", ">", "'", '"', "#", "?", "<<"]
)
texts = st.lists(st.one_of(punctuation, words, known, inside, kinds), max_size=40).map("".join)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_almost_yaml_never_gives_anything_but_a_config_error(text: str):
    try:
        config.loads(text)
    except ConfigError as error:
        assert str(error).startswith("config")
