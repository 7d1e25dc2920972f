"""`edge-bg check`: is a config right, and what would it do?"""

from __future__ import annotations

from pathlib import Path

import click

from edge_bg.commands import debug_option, examples
from edge_bg.config import Config, load, schema_text
from edge_bg.errors import EdgeBgError


@click.command(
    epilog=examples("edge-bg check kiosk.yaml", "edge-bg check --schema > edge-bg.schema.json     for editors")
)
@click.argument("configs", nargs=-1, metavar="CONFIG...", type=click.Path(path_type=Path))
@click.option("--schema", "print_schema", is_flag=True, help="Print the JSON Schema of a config and exit.")
@debug_option
def check(configs: tuple[Path, ...], print_schema: bool) -> int:
    """Check configs without opening a camera: every error at once, with its line and what would do.

    Pictures and videos that it reads are opened, files that it writes are not.

    Exit code 0: all fine; 2: something is wrong.
    """
    if print_schema:
        click.echo(schema_text(), nl=False)
        return 0
    if not configs:
        raise click.UsageError("name a CONFIG to check, or --schema")
    wrong = 0
    for path in configs:
        try:
            config = load(path)
            model = _model(config)
            _open_files(config)
        except EdgeBgError as error:
            wrong += 1
            text = str(error)
            click.echo(text if text.startswith(str(path)) else f"{path}: {text}", err=True)
        else:
            click.echo(f"{path}: fine\n{describe(config, model)}")
    return 2 if wrong else 0


def _model(config: Config) -> str:
    """The model that would be used; ModelError if there is none or its file is not what its card says."""
    from edge_bg.network.card import find

    card = find(config.model.name, config.model.precision)
    card.read_model()
    return card.path.stem


def _open_files(config: Config) -> None:
    """Open the files that a config reads and look at those it would write. Raises EdgeBgError."""
    from edge_bg import build
    from edge_bg.sinks.file import File

    size, fps = getattr(config.source, "size", None) or (1280, 720), 30.0
    if config.source.kind in ("file", "images"):
        with build.source(config) as source:
            size, fps = source.size, source.fps
    for part in (config.background, config.privacy.cover):
        background = build.background(part)
        background.open(size, fps)
        background.close()
    for each in map(build.sink, config.sinks):
        if isinstance(each, File):
            each.check()


def describe(config: Config, model: str) -> str:
    """What a config would do, in a few lines."""
    from edge_bg.network.tuned import edges as chosen
    from edge_bg.network.tuned import tuned_for
    from edge_bg.parts import source, waited_for

    edges = config.model.edges
    if edges in (None, "auto") and waited_for(config, source(config)):
        edges = "portrait, in each frame: nobody waits for this film"
    elif tuned_for(config.model.name, edges):
        card, every = chosen(config.model.name, edges, config.model.edges_every)
        edges = f"{card.path.stem}, in each {every}. frame" if card else "none: `edge-bg tune` has not chosen any"
    delegates = [each if isinstance(each, str) else each.library for each in config.model.delegates]
    lines = [
        ("source", _part(config.source)),
        ("model", f"{model} on {', then '.join(delegates)}"),
        *([("edges", edges)] if edges else []),
        ("background", _part(config.background)),
        *(("sink", _part(sink)) for sink in config.sinks),
        ("cover", f"{_part(config.privacy.cover)}, once a mask is {config.privacy.max_mask_age:g} s old"),
    ]
    return "\n".join(f"  {name:<10}  {text}" for name, text in lines)


def _part(part: object) -> str:
    """`kind key=value ...`, without what is at its default; the token stays secret."""
    shown = [str(getattr(part, "kind", ""))]
    for key, info in type(part).model_fields.items():  # type: ignore[attr-defined]
        value = getattr(part, key)
        always = key in ("size", "fps", "device", "path", "color", "host", "port", "camera")
        if key == "kind" or value is None or (value == info.default and not always) or value == {}:
            continue
        if key == "token":
            value = "***"
        shown.append(f"{key}={'x'.join(map(str, value)) if isinstance(value, tuple) else value}")
    return " ".join(shown)
