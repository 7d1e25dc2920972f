"""`edge-bg models`: what is installed, and cards for other people's models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge_bg.commands import debug_option, examples
from edge_bg.errors import ModelError
from edge_bg.network.card import ModelCard, find
from edge_bg.network.card import models as installed
from edge_bg.network.card_template import template


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "edge-bg models",
        "edge-bg models --json",
        "edge-bg models card mine.tflite > mine.yaml     to use your own model",
        "edge-bg models export portrait-192x320 p.tflite a network that shares a file, in one of its own",
        "edge-bg models inspect mine.tflite              what runs where, operator by operator",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debug_option
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> int:
    """List the models that are installed, with what was measured of them."""
    if ctx.invoked_subcommand is not None:
        return 0
    cards = installed()
    if as_json:
        click.echo(json.dumps([_plain(card) for card in cards], indent=1))
        return 0
    rows = [("NAME", "PRECISION", "INPUT", "SIZE", "IOU", "LICENCE"), *(_row(card) for card in cards)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


@models.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@debug_option
def card(model: Path) -> int:
    """Print a card for MODEL, a .tflite file: what the file tells is filled in, the rest is marked CHECK."""
    click.echo(template(model), nl=False)
    return 0


@models.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debug_option
def inspect(model: Path, as_json: bool) -> int:
    """Look into MODEL, a .tflite file, operator by operator.

    Tells what the Edge TPU compiler would take and why not, whether XNNPACK runs it in one piece, how it is
    quantised, its memory and its multiply-adds. The verdicts are by the published lists; nothing is compiled or run.
    """
    from edge_bg.network.inspect import inspect as look

    report = look(model)
    click.echo(json.dumps(report.as_dict(), indent=1) if as_json else report.text())
    return 0


@models.command()
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@debug_option
def export(name: str, out: Path) -> int:
    """Write the network NAME (a model, or the path of a card) to OUT, a .tflite file of its own, as it runs."""
    data = find(name).read_model()
    try:
        out.write_bytes(data)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written: {error.strerror}", hint="Name a file in a folder that is there."
        ) from None
    return 0


def _plain(card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "precision": card.precision,
        "size": list(card.size),
        "bytes": card.model.stat().st_size if card.model.is_file() else None,
        "sha256": card.sha256,
        "card": str(card.path),
        "edgetpu": None if card.edgetpu is None else str(card.edgetpu),
        "measured": None if card.measured is None else dict(card.measured),
        "licence": card.about.get("licence"),
    }


def _row(card: ModelCard) -> tuple[str, ...]:
    plain = _plain(card)
    iou = _find(plain["measured"], "iou")
    size = "missing" if plain["bytes"] is None else f"{plain['bytes'] / 1e6:.2f} MB"
    shape = f"{card.size[0]}x{card.size[1]}"
    return card.name, card.precision, shape, size, "-" if iou is None else f"{iou:.3f}", str(plain["licence"] or "?")


def _find(measured: Any, key: str) -> float | None:
    """The first number under `key`, wherever a card keeps it."""
    if not isinstance(measured, dict):
        return None
    value = measured.get(key)
    if isinstance(value, (int, float)):
        return float(value)
    for inside in (value, *measured.values()):
        found = _find(inside, key) if isinstance(inside, dict) else None
        if found is not None:
            return found
    return None
