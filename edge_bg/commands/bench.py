"""`edge-bg bench`: figures of this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from edge_bg.commands import debug_option, examples, json_option, size_option


@click.command(
    epilog=examples(
        "edge-bg bench",
        "edge-bg bench --size 640x480 --json -          JSON on standard output",
        "edge-bg bench --quick                          without the long memory run",
        "edge-bg bench --report                         a file to send in from your board",
    )
)
@click.option("--model", default="landscape", show_default=True, metavar="NAME", help="Model of the loop.")
@click.option("--precision", default="int8", show_default=True, help="Its precision.")
@click.option(
    "--delegate", "delegates", multiple=True, metavar="NAME", help="Measure `invoke` on it too, such as edgetpu."
)
@size_option("Size of the frames.")
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="Length of each turn.")
@click.option("--quick", is_flag=True, help="Leave out starting the program and its memory.")
@json_option("Write all figures as JSON too")
@click.option("--report", "to_send", is_flag=True, help="Write the figures to a file named after board and date.")
@debug_option
def bench(
    model: str,
    precision: str,
    delegates: tuple[str, ...],
    size: tuple[int, int],
    seconds: float,
    quick: bool,
    json_path: str | None,
    to_send: bool,
) -> int:
    """Measure the loop on this machine: time per stage beside a reference loop, rate, latency, memory.

    Nothing here is compared with other machines: what is compared is measured side by side, in turns.
    """
    from edge_bg import bench as benchmarks

    options = benchmarks.Options(
        model=model, precision=precision, delegates=delegates, size=size, seconds=seconds, program=not quick
    )
    report = benchmarks.run(options, say=lambda what: click.echo(f"measuring: {what}", err=True))
    if json_path == "-":
        click.echo(json.dumps(report, indent=1))
        return 0
    click.echo(benchmarks.text(report))
    if json_path:
        Path(json_path).write_text(json.dumps(report, indent=1) + "\n")
    if to_send:
        path = Path(report_name(report["machine"]))
        path.write_text(json.dumps(report, indent=1) + "\n")
        click.echo(f"written: {path}; nothing in it names you. Send it in as benchmarks/boards/{path}")
    return 0


def report_name(machine: dict[str, Any]) -> str:
    """Name of a report's file: the board (or its processor), the architecture and the date, in plain characters."""
    words = f"{machine['board'] or machine['cpu']} {machine['arch']} {machine['date']}"
    return re.sub(r"[^a-z0-9-]+", "-", words.lower()).strip("-") + ".json"
