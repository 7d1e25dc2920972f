"""`edge-bg photos`: what a booth has kept, listed and erased, whether it runs or not."""

from __future__ import annotations

import time
from pathlib import Path

import click

from edge_bg.booth.store import Store
from edge_bg.commands import debug_option, examples
from edge_bg.config import load
from edge_bg.errors import EdgeBgError


@click.group(
    epilog=examples(
        "edge-bg photos list booth.yaml           what is kept, and until when",
        "edge-bg photos erase booth.yaml ID ...   some of it",
        "edge-bg photos erase booth.yaml --all    all of it",
    )
)
@debug_option
def photos() -> None:
    """List or erase the photos that a booth has kept."""


_config = click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))


def _store(config: Path) -> Store:
    storage = load(config, check_files=False).booth.storage
    if storage is None:
        raise EdgeBgError(f"{config}: this booth keeps no photos", hint="its config lacks booth: {storage: ...}")
    return Store(Path(storage.folder), storage.most)


@photos.command("list")
@_config
@debug_option
def list_(config: Path) -> int:
    """Print id, time, expiry and size of each photo kept by the booth of CONFIG, the newest first."""
    store = _store(config)
    names = store.names()
    for name in names:
        notes = store.notes(name)
        taken, ends = (_day(notes.get(key)) for key in ("time", "expires"))
        click.echo(f"{name}  taken {taken}  kept until {ends}  {store.size(name) / 1e6:.1f} MB")
    click.echo(f"{len(names)} kept in {store.folder}")
    return 0


@photos.command()
@_config
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Erase all that is kept.")
@debug_option
def erase(config: Path, names: tuple[str, ...], everything: bool) -> int:
    """Erase photos kept by the booth of CONFIG, for good."""
    store = _store(config)
    if bool(names) == everything:
        raise click.UsageError("name the photos to erase, or say --all")
    known = store.names()
    missing = [name for name in names if name not in known]
    if missing:
        raise EdgeBgError(f"there is no photo {', '.join(missing)}", hint=f"edge-bg photos list {config}")
    gone = known if everything else list(names)
    for name in gone:
        store.erase(name)
    click.echo(f"{len(gone)} erased, {len(store.names())} left")
    return 0


def _day(seconds: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if isinstance(seconds, (int, float)) else "?"
