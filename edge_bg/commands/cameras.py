"""`edge-bg run --list-cameras`: what this machine has to take pictures with."""

from __future__ import annotations

import click

from edge_bg.sources.cameras import Camera, list_cameras


def print_cameras(cameras: list[Camera] | None = None) -> int:
    """Print each camera with what to write for --source; 0 when there is one, 1 when there is none."""
    found = list_cameras() if cameras is None else cameras
    for camera in found:
        click.echo(f"--source {camera.kind}:{camera.name}  {camera.model}")
        if camera.stable:
            click.echo(f"    the same after renumbering: --source {camera.kind}:{camera.stable}")
        for mode in camera.modes:
            click.echo(f"    {mode}")
    if not found:
        click.echo("no camera found; `edge-bg doctor` says what to look at", err=True)
    return 0 if found else 1
