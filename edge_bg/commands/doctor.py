"""`edge-bg doctor`: print what is fine, what is wrong, and what mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from edge_bg.commands import debug_option, examples

_MARKS = {"ok": ("ok  ", "green"), "info": ("-   ", "blue"), "warn": ("WARN", "yellow"), "fail": ("FAIL", "red")}


@click.command(
    epilog=examples(
        "edge-bg doctor                       look at this board",
        "sudo -u nobody edge-bg doctor        as another user: permissions differ",
        "edge-bg doctor --json | jq '.[] | select(.level == \"fail\")'",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {name, level, text, mend}.")
@click.option(
    "--root", default="/", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look at the system under this folder, such as a mounted SD card.",
)  # fmt: skip
@debug_option
def doctor(as_json: bool, root: Path) -> int:
    """Look at the board: Python and its packages, cameras, permissions, Coral, heat, power, memory.

    Nothing is changed. Exit code 1 when something will not work.
    """
    from edge_bg.board.doctor import run

    checks = run(root)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=1, ensure_ascii=False))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            mark, colour = _MARKS[check.level]
            click.echo(f"{click.style(mark, fg=colour)}  {check.name:{width}}  {check.text}")
            if check.mend:
                click.echo(click.style(f"{'':{width + 8}}{check.mend}", dim=check.level == "info"))
        count = {level: sum(check.level == level for check in checks) for level in _MARKS}
        click.echo(f"{count['fail']} wrong, {count['warn']} could be better, {count['ok']} fine")
    return 1 if any(check.level == "fail" for check in checks) else 0
