"""`edge-bg evaluate`: parse, call, print."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import Any

import click

import edge_bg
from edge_bg.commands import debug_option, examples, has_folder, json_option, size_option


def _list(values: tuple[str, ...]) -> list[str]:
    """`a,b` and repeated options alike."""
    return [part for value in values for part in value.split(",") if part]


def _picture(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuses what is no picture's name."""
    if value is not None and value.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise click.BadParameter(f"{value}: name it .png, .jpg or .webp", ctx, param)
    found: Path | None = has_folder(ctx, param, value)
    return found


@click.command(
    epilog=examples(
        "edge-bg evaluate people/ --report out/              all conditions, with pictures and plots",
        "edge-bg evaluate people/ --models landscape,general --conditions as-is,dark",
        "edge-bg evaluate webcam/ --json -                   flicker on videos without labels",
        "edge-bg evaluate --clips --sheet sheet.png          the matte's stages on and off, on labelled clips",
        "edge-bg evaluate --patterns                         rooms with strong patterns, by room and by clothes",
    )
)
@click.argument("data", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--models", "-m", multiple=True, metavar="NAME", help="Models or cards; default landscape.")
@click.option("--conditions", "-c", multiple=True, metavar="NAME", help="Conditions; default all.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for report.html and .json.")
@json_option("Write the figures as JSON")
@click.option("--limit", type=click.IntRange(1), help="At most so many pictures, or frames of each clip.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the conditions and clips.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--clips", "clips_", is_flag=True, help="Measure the matte's stages on labelled clips.")
@click.option("--patterns", is_flag=True, help="Measure the matte before patterned rooms, with and without learning.")
@click.option("--only", multiple=True, metavar="NAME", help="With --clips or --patterns: these clips or stages only.")
@size_option("With --clips or --patterns: size of frames.")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_picture,
    help="With --clips or --patterns: the stages in a picture.",
)
@debug_option
def evaluate(
    data: Path | None,
    models: tuple[str, ...],
    conditions: tuple[str, ...],
    report: Path | None,
    json_path: str | None,
    limit: int | None,
    seed: int,
    workers: int,
    clips_: bool,
    patterns: bool,
    only: tuple[str, ...],
    size: tuple[int, int],
    sheet: Path | None,
) -> int:
    """Measure models on DATA: a folder of pictures with masks or alpha (images/ and masks/), videos, or both.

    With --clips, measure the stages of the matte on labelled clips instead; DATA (or $EDGE_BG_DATA) then lends its
    people and rooms, and without it the built-in portrait plays all the parts. With --patterns, the clips are of guests
    in black, white, striped and wall-coloured clothes before lattice, tiles, brick, blinds, books, curtain and lights.
    """
    _only_where_it_counts(clips_ or patterns, conditions=conditions, report=report, only=only, sheet=sheet)
    if clips_ or patterns:
        if len(_list(models)) > 1:
            raise click.BadParameter("of clips one model is measured at a time", param_hint="--models")
        lent = data or (Path(os.environ["EDGE_BG_DATA"]) if os.environ.get("EDGE_BG_DATA") else None)
        return _clips(lent, _list(models), _list(only), limit, seed, size, sheet, json_path, workers, patterns)
    if data is None:
        raise click.UsageError("DATA is missing: a folder with images/ and masks/, or with videos")
    return _pictures(data, _list(models), _list(conditions), report, json_path, limit, seed, workers)


def _only_where_it_counts(clips: bool, **given: object) -> None:
    """Refuses what would be ignored with, or without, clips."""
    for name, value in given.items():
        if value and (name in ("only", "sheet")) != clips:
            raise click.UsageError(f"--{name} counts only {'without' if clips else 'with'} --clips or --patterns")


def _pictures(
    data: Path,
    models: list[str],
    conditions: list[str],
    report: Path | None,
    json_path: str | None,
    limit: int | None,
    seed: int,
    workers: int,
) -> int:
    from tqdm import tqdm

    from edge_bg.lab import report as reports
    from edge_bg.lab.run import conditions_known
    from edge_bg.lab.run import evaluate as measure

    try:
        names = conditions_known(conditions or None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--conditions") from None
    with tqdm(unit="picture", disable=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = measure(
            data,
            models=models or ["landscape"],
            conditions=names,
            seed=seed,
            limit=limit,
            workers=workers,
            progress=progress,
        )
    about: dict[str, Any] = {
        "command": "edge-bg " + " ".join(sys.argv[1:]),
        "date": datetime.date.today().isoformat(),
        "edge_bg": edge_bg.__version__,
    }
    if json_path == "-":
        click.echo(reports.to_json(result, about), nl=False)
    else:
        click.echo(text(result.summary))
        if json_path:
            Path(json_path).write_text(reports.to_json(result, about), encoding="utf-8")
    if report is not None:
        click.echo(f"report: {reports.write(result, report, about)}", err=json_path == "-")
    return 0


def text(summary: dict[str, Any]) -> str:
    """The figures as a table for a terminal."""
    lines = []
    for name, model in summary["models"].items():
        lines.append(f"\n{name}")
        if model["conditions"]:
            lines.append(
                f"  {'condition':<14}{'n':>5}{'IoU':>8}{'95 %':>16}{'median':>8}{'p10':>7}{'AP':>7}{'bound. F':>10}"
                f"{'MAD':>8}{'gradient':>10}{'nobody':>8}"
            )
        for condition, f in model["conditions"].items():
            u = f["iou"]
            lines.append(
                f"  {condition:<14}{u['n']:>5}{u['mean']:>8.3f}{u['low']:>8.3f} - {u['high']:.3f}{u['median']:>8.3f}"
                f"{u['p10']:>7.3f}{f['ap']['ap']:>7.3f}{f['boundary_f']['mean']:>10.3f}{f['mad']['mean']:>8.4f}"
                f"{f['gradient']['mean']:>10.2f}{f['not_found']:>8}"
            )
        if model["videos"] and model["videos"]["flicker"]["n"]:
            v = model["videos"]
            lines.append(
                f"  videos: flicker {v['flicker']['mean']:.2f} (still pixels), change {v['change']['mean']:.2f} "
                f"(all pixels), x1000, {v['flicker']['n']} videos"
            )
        lines += [f"  - {sentence}" for sentence in model["words"]]
    if summary.get("left_out"):
        lines.append(f"\nleft out, as their masks mark nobody: {', '.join(summary['left_out'])}")
    return "\n".join(lines).strip("\n")


def _clips(
    data: Path | None,
    models: list[str],
    only: list[str],
    limit: int | None,
    seed: int,
    size: tuple[int, int],
    sheet: Path | None,
    json_path: str | None,
    workers: int,
    patterns: bool,
) -> int:
    import json

    from tqdm import tqdm

    from edge_bg.lab import patterned, stages

    try:
        scenes, ways = stages.split_names(only)
        if patterns:
            scenes, ways = patterned.chosen(scenes), ways or list(patterned.WAYS)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    model = (models or ["landscape"])[0]
    task = stages.Task(model, seed, size, data, tuple(scenes) if scenes else None, tuple(ways) if ways else None, limit)
    with tqdm(unit="clip", disable=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        table = stages.measure(task, workers=workers, progress=progress)
    if patterns:
        table["patterns"] = {way: patterned.split(entry["clips"]) for way, entry in table["ways"].items()}
    if json_path == "-":
        click.echo(json.dumps(table, indent=1))
    else:
        click.echo(patterned.text(table) if patterns else stages.text(table))
        if json_path:
            Path(json_path).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    if sheet is not None:
        from edge_bg.lab import sheet as sheets
        from edge_bg.lab.ways import choose
        from edge_bg.lab.ways import stages as all_ways
        from edge_bg.network.segment import Segmenter

        with Segmenter(model) as segmenter:
            sheets.draw(sheet, task, choose(task.only, all_ways()), segmenter)
        click.echo(f"sheet: {sheet}", err=json_path == "-")
    return 0
