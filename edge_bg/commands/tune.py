"""`edge-bg tune`: parse, call, print."""

from __future__ import annotations

import datetime
from pathlib import Path

import click
from click.core import ParameterSource

from edge_bg.board.cores import usable_cores
from edge_bg.commands import debug_option, examples, size_option
from edge_bg.errors import ModelError
from edge_bg.network.tune import (
    Candidate,
    Finer,
    candidates,
    choose,
    edge_times,
    edges,
    named,
    room_for_edges,
    suitable,
    table,
)
from edge_bg.network.tune_room import edges_ms, holds_edges
from edge_bg.network.tuned import Choice, board, places, save


@click.command(
    epilog=examples(
        "edge-bg tune                                   for 30 frames a second at 1280x720",
        "edge-bg tune --rate 15 --size 640x480",
        "edge-bg tune --delegate edgetpu                with a Coral, too",
        "edge-bg tune --config booth.yaml               for the size, rate and delegates that a config names",
        "sudo STATE_DIRECTORY=/var/lib/edge-bg /opt/edge-bg/venv/bin/edge-bg tune      for the service",
    )
)
@click.option(
    "--rate", type=click.FloatRange(0.1, 240), default=30.0, show_default=True, help="Wanted frames a second."
)
@size_option("Size of the frames.")
@click.option("--seconds", type=click.FloatRange(0.05, 60), default=2.0, show_default=True, help="For each candidate.")
@click.option("--models", "-m", "only", multiple=True, metavar="NAME", help="These models only; default all installed.")
@click.option(
    "--delegate", "-d", "asked", multiple=True, metavar="NAME", help="Measure on this too: edgetpu, edgetpu:usb:0, ..."
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure for the size and rate of this config's source, and on what it names.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the choice here.")
@click.option(
    "--edges/--no-edges", "with_edges", default=True, help="Measure the networks for edges, too (`model.edges`)."
)
@click.option("--dry-run", is_flag=True, help="Measure and say, write nothing.")
@debug_option
@click.pass_context
def tune(
    ctx: click.Context,
    rate: float,
    size: tuple[int, int],
    seconds: float,
    only: tuple[str, ...],
    asked: tuple[str, ...],
    config: Path | None,
    output: Path | None,
    dry_run: bool,
    with_edges: bool,
) -> int:
    """Measure the models on this board and choose the one that `model: auto` will be."""
    if config is not None:
        size, rate = _wanted(ctx, config, size, rate)
    cores = usable_cores()
    names = [name for part in only for name in part.split(",") if name]
    cards, left = suitable(size, [card for name in names for card in named(name)] or None)
    counts = [n for n in (1, 2, 3, 4) if n <= cores]
    found, failed = candidates(cards, counts, size, seconds, _say, _delegates(asked, config))
    best, why = choose(found, rate, cores)
    click.echo(
        f"{board()}; frames of {size[0]}x{size[1]}, {rate:g} a second wanted; matte and compositor {best.rest:.2f} ms"
    )
    click.echo(table(found, best, rate, cores))
    for reason in (*left, *dict.fromkeys(failed)):
        click.echo(f"  left out: {reason}")
    click.echo(f"chosen: {best.label}, {best.threads} thread{'s' * (best.threads > 1)}, because {why}.")
    finer = _finer(best, size, rate, cores, seconds) if with_edges else None
    more = edges_ms(size, seconds / 2)  # never both at once: the finer network rests while the room is known
    room_edges = holds_edges(best, more, rate, cores)
    verdict = "there is time for it" if room_edges else "too slow for it: a booth's edges are the plain ones"
    click.echo(f"edges by a learned room take up to {more:.1f} ms more a frame: {verdict}")
    if dry_run:
        return 0
    today = datetime.date.today().isoformat()
    choice = Choice(
        best.name, best.card.sha256, best.threads, board(), today, why, best.delegate,
        finer.card.path.stem if finer else None, finer.every if finer else 1, room_edges,
    )  # fmt: skip
    path = output or places()[0]
    try:
        save(choice, path)
    except OSError as error:
        raise ModelError(
            f"the choice cannot be written to {path}: {error.strerror}",
            hint="Give a place with --output, or set STATE_DIRECTORY or XDG_STATE_HOME.",
        ) from error
    click.echo(f"written: {path}; `model: auto` and `edges: auto` in a config take it from there")
    return 0


def _wanted(ctx: click.Context, config: Path, size: tuple[int, int], rate: float) -> tuple[tuple[int, int], float]:
    """(size, rate) of a config's source, but for what the command line says."""
    from edge_bg.config import load

    source = load(config).source
    if ctx.get_parameter_source("size") is not ParameterSource.COMMANDLINE:
        size = getattr(source, "size", None) or size
    if ctx.get_parameter_source("rate") is not ParameterSource.COMMANDLINE:
        rate = getattr(source, "fps", None) or rate
    return size, rate


def _finer(best: Candidate, size: tuple[int, int], rate: float, cores: int, seconds: float) -> Finer | None:
    """The network for edges that this board holds beside `best`; what was found is printed."""
    times, broken = edge_times(size, rate, seconds, _say) if room_for_edges(best, rate, cores) else ([], [])
    finer, told = edges(best, times, rate, cores)
    for line in (*told, *broken):
        click.echo(f"  {line}")
    click.echo(f"edges: {f'{finer.card.path.stem}, in each {finer.every}. frame' if finer else 'none'}.")
    return finer


def _say(what: str) -> None:
    click.echo(f"measuring: {what}", err=True)


def _delegates(asked: tuple[str, ...], config: Path | None) -> list[object]:
    """What to measure on: the processor always, then what the config and the command line name."""
    listed: list[object] = ["cpu"]
    if config is not None:
        from edge_bg.config import load

        model = load(config).model
        listed += [each if isinstance(each, str) else each.model_dump() for each in model.delegates]
    listed += asked
    return [entry for at, entry in enumerate(listed) if entry not in listed[:at]]
