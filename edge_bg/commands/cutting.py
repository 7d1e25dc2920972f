"""What `edge-bg image` does once its words are understood."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

OUTPUTS = (".png", ".webp", ".tif", ".tiff", ".jpg", ".jpeg")


def known_model(model: str) -> str:
    """The model's name, once it is known to be there: ModelError here, not in each worker."""
    from edge_bg.network.card import find

    find(model)
    return model


def run_catalogue(
    inputs: tuple[str, ...], output: str | None, settings: Any, *, jobs: int | None, on: str | None, watch: bool,
    overwrite: bool,
) -> int:  # fmt: skip
    """Plan, do, and say what became of it; returns the exit code."""
    from tqdm import tqdm

    from edge_bg.catalogue import run
    from edge_bg.catalogue.manifest import Manifest

    one_file = output is not None and Path(output).suffix.lower() in OUTPUTS and not Path(output).is_dir()
    ending = f".{settings.look.format}"
    folder = None if one_file else output or next((each for each in inputs if Path(each).is_dir()), None)
    manifest = (
        Manifest(str(Path(folder).expanduser()) if folder and "://" not in folder else folder) if folder else None
    )

    def planned() -> Any:
        return _plan(inputs, output, one_file, ending, manifest)

    plan = planned()
    if plan.folder is None:
        manifest = None
    for line in (*plan.problems, *plan.notes):
        click.echo(line, err=True)
    bar = tqdm(
        total=None if watch else len(plan.jobs), unit="picture", disable=None if len(plan.jobs) > 1 or watch else True
    )

    def say(text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def step() -> None:
        bar.update()

    interrupted = False
    total, last = 0 if watch else len(plan.jobs), plan
    at_work = ExitStack()  # networks and processes, until the last picture is done
    engine = at_work.enter_context(run.engine_of(jobs, on))
    catalogue = run.Catalogue(settings, engine, overwrite=overwrite, say=say, step=step, manifest=manifest)
    try:
        if watch:
            from edge_bg.catalogue.watch import arrivals

            click.echo("watching; Ctrl-C ends it", err=True)
            for come in arrivals(planned, lambda: False):
                for note in come.notes:
                    if note not in plan.notes:
                        say(note)
                bar.total = total = (
                    catalogue.tally.done + catalogue.tally.failed + catalogue.tally.before + len(come.jobs)
                )
                catalogue.run(come)
        else:
            catalogue.run(plan)
    except KeyboardInterrupt:
        interrupted = True
        if watch:
            last = planned()
    finally:
        at_work.close()
        bar.close()
        if manifest is not None:
            manifest.close()
    if manifest is not None and manifest.trouble:
        click.echo(manifest.trouble, err=True)
    tally = catalogue.tally
    if interrupted and not watch:
        click.echo(f"interrupted: {tally.done} of {total} pictures done; the same command goes on", err=True)
        return 130
    failures = tally.failed + len(plan.problems)
    words = tally.line(total + len(plan.problems), failures)
    if tally.done:
        words += f" -> {plan.jobs[0].target if len(plan.jobs) == 1 else plan.folder or output or 'beside each'}"
    click.echo(words, err=True)
    page = catalogue.sheet(last) if tally.done else None
    if page is not None:
        click.echo(f"before and after: {page}", err=True)
    return 1 if failures else 0


def _plan(inputs: tuple[str, ...], output: str | None, one_file: bool, ending: str, manifest: Any) -> Any:
    """The plan, or UsageError where inputs and output do not fit."""
    from edge_bg.catalogue.job import Job
    from edge_bg.catalogue.plan import plan

    if output is not None and not one_file and "://" not in output:
        path = Path(output)
        if path.suffix and not path.is_dir() and not output.endswith("/"):
            raise click.UsageError(
                f"{output}: unknown ending; use one of {' '.join(OUTPUTS)}, or name a folder with a /"
            )
        output = str(path.expanduser())
    found = plan(inputs, None if one_file else output, ending, known=manifest.targets() if manifest else None)
    if one_file:
        if len(found.jobs) > 1:
            raise click.UsageError(f"{output} is one file, but there are {len(found.jobs)} pictures; name a folder")
        found.jobs = [Job(job.source, str(Path(str(output)).expanduser())) for job in found.jobs]
        found.folder = None
    return found


def look_of(preset: str | None, background: str | None, output: str | None, layout: dict[str, Any]) -> Any:
    """The look that the options ask for. UsageError, ConfigError."""
    from edge_bg.listing.options import Look, changed, parse_aspect, parse_margin, parse_size
    from edge_bg.listing.options import preset as named

    kind = layout.pop("kind")
    look = named(preset).look() if preset else Look()
    if preset is not None and (layout["size"] or layout["aspect"]):  # a shape of one's own
        look = changed(look)
    parsed = {
        "margin": None if layout["margin"] is None else parse_margin(layout["margin"]),
        "aspect": None if layout["aspect"] is None else parse_aspect(layout["aspect"]),
        "size": None if layout["size"] is None else parse_size(layout["size"]),
    }
    ending = Path(output).suffix.lower() if output is not None else ""
    if kind is None and ending in OUTPUTS:
        kind = {"jpeg": "jpg", "tiff": "tif"}.get(ending[1:], ending[1:])
    options = {**layout, **parsed, "crop": layout["crop"] or None, "mask_only": layout["mask_only"] or None}
    look = changed(look, **options, format=kind, behind=None if background is None else _behind(background))
    if look.format == "jpg" and not look.opaque:
        raise click.UsageError("JPEG has no transparency: write .png, or give a --background")
    return look


def _behind(background: str) -> Any:
    from edge_bg import config
    from edge_bg.listing import Behind

    part = config.from_dict({"background": background}, check_files=True).background
    if part.kind == "transparent":
        return Behind()
    if part.kind == "color":
        red, green, blue = (int(part.color[at : at + 2], 16) for at in (1, 3, 5))
        return Behind("color", (red, green, blue))
    if part.kind == "image":
        return Behind("image", path=str(part.path), fit=part.fit)
    if part.kind == "blur":
        return Behind("blur", strength=part.strength)
    raise click.UsageError(
        f"--background {part.kind} is not for pictures; use transparent, a colour, a picture or blur"
    )


def check_files(inputs: tuple[str, ...], name: str, max_megapixels: float) -> int:
    """Say which rules each picture meets; 1 when any does not meet one."""
    from edge_bg.catalogue.plan import plan
    from edge_bg.errors import EdgeBgError
    from edge_bg.listing import check, preset

    wanted = preset(name)
    found = plan(inputs, None, writing=False)
    wrong = len(found.problems)
    for line in (*found.problems, *found.notes):
        click.echo(line, err=True)
    for job in found.jobs:
        try:
            findings = check(Path(job.source), wanted, max_megapixels=max_megapixels)
        except (EdgeBgError, OSError) as error:
            wrong += 1
            click.echo(str(error), err=True)
            continue
        bad = sum(each.ok is False for each in findings)
        wrong += bool(bad)
        short = f"{bad} rule{'s' * (bad > 1)} not met of"
        click.echo(f"{job.source}: {short if bad else 'meets'} {wanted.title}")
        for each in findings:
            click.echo(f"  {'ok ' if each.ok else '?  ' if each.ok is None else 'NO '} {each.rule}: {each.words}")
    return 1 if wrong else 0


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does; a second signal of either kind ends it at once."""
    count = 0

    def stop(number: int, frame: object) -> None:
        nonlocal count
        count += 1
        if count > 2:
            os._exit(128 + number)
        raise KeyboardInterrupt

    before: dict[int, Callable[..., Any] | int | None] = {}
    try:
        for number in (int(signal.SIGTERM), int(signal.SIGINT)):
            before[number] = signal.signal(number, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
