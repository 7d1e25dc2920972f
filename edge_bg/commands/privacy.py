"""`edge-bg privacy`: what a config shows, keeps and sends, in words for the people before the camera."""

from __future__ import annotations

from pathlib import Path

import click

from edge_bg.commands import debug_option, examples
from edge_bg.config import Config, load
from edge_bg.config.booth import Storage

BEHIND = {
    "color": "a plain colour",
    "image": "a picture",
    "video": "a film",
    "transparent": "nothing: it is cut away",
}


@click.command(epilog=examples("edge-bg privacy kiosk.yaml", "edge-bg privacy kiosk.yaml > notice.txt     to print"))
@click.argument("config", type=click.Path(path_type=Path))
@debug_option
def privacy(config: Path) -> int:
    """Say what CONFIG shows, keeps and sends, in words a guest understands.

    Print it and put it up beside the camera. It tells what the program does, not what you do with its pictures, and is
    no legal advice: docs/privacy.md.
    """
    click.echo(notice(load(config)))
    return 0


def notice(config: Config) -> str:
    """The notice: a heading and a few short paragraphs, lines of at most 78 characters."""
    import textwrap

    parts = [("What the camera is for", _purpose(config)), ("What is shown", _shown(config))]
    parts += [("Where the picture goes", _goes(config)), ("What is kept", _kept(config)), ("What is never done", NEVER)]
    lines = ["ABOUT THIS CAMERA"]
    for title, sentences in parts:
        lines += ["", title.upper()]
        for sentence in sentences:
            lines += textwrap.wrap(sentence, 78, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


NEVER = [
    "Nobody is recognised. The program tells people from what is behind them; it does not know who they are, and "
    "measures no face, age, mood or sex.",
    "No picture is sent to the internet, and nothing is learned from it.",
]


def _purpose(config: Config) -> list[str]:
    what = {
        "synthetic": "No camera is used: a drawn room is shown.",
        "file": "No camera is used: a film is played.",
        "images": "No camera is used: stored pictures are shown.",
    }
    return [
        what.get(config.source.kind, "It films what is before it, all the time while the program runs."),
        "A computer beside it cuts people out of the picture with a neural network (a kind of artificial intelligence) "
        "and puts something else behind them. What you see has been changed by it.",
    ]


def _shown(config: Config) -> list[str]:
    background, age = config.background, config.privacy.max_mask_age
    if background.kind == "none":
        return ["YOU AND THE WHOLE ROOM, as they are. Nothing is hidden."]
    if background.kind == "blur":
        behind = "the room, blurred: details are gone, but who knows the place may still know it"
    else:
        behind = BEHIND[background.kind]
    return [
        f"You, and behind you {behind}.",
        f"While the program does not know for {age:g} seconds where you are, or has no camera, a plain picture is "
        "shown instead.",
        "It can be wrong for a moment: a piece of the room may flash up at your outline, or something you hold may "
        "vanish.",
    ]


def _goes(config: Config) -> list[str]:
    said = []
    for sink in config.sinks:
        if sink.kind == "http" and sink.host in ("127.0.0.1", "localhost", "::1"):
            said.append("To a screen at this computer. Other machines cannot ask for it.")
        elif sink.kind == "http":
            said.append("To whoever on the network here has the address and its password.")
        elif sink.kind == "pipe":
            said.append("To another program, which may show, keep or send it: ask the people who run this camera.")
        elif sink.kind == "v4l2loopback":
            said.append("To other programs of this computer as a camera, a video call for instance.")
        elif sink.kind == "file":
            said.append("Into a file: see below.")
    if config.booth.mqtt is not None:
        said.append(f"What the booth does, and no picture, is told to another machine: {config.booth.mqtt.host}.")
    return list(dict.fromkeys(said)) or ["Nowhere: the pictures are thrown away at once."]


def _kept(config: Config) -> list[str]:
    said = [
        f"A film of it is written to {sink.path} and stays there until somebody erases it."
        for sink in config.sinks
        if sink.kind == "file"
    ]
    storage = config.booth.storage
    if storage is not None:
        said.append(_photos(storage))
    if config.booth.control:
        which = "A photo that is taken" if storage is None else "A photo that nobody keeps"
        said.append(f"{which} stays in memory for at most five minutes, less if many are taken. Then it is gone.")
    if config.matte.booth:
        said.append("A picture of the empty room is kept in memory while the program runs, to tell you from it.")
    return said or ["Nothing. Each picture is gone as soon as the next one is there, a moment later."]


def _photos(storage: Storage) -> str:
    hours = storage.hours
    until = f"{hours:g} hours" if hours < 48 else f"{hours / 24:.0f} days"
    asked = "after you have agreed, " if storage.consent else ""
    return f"A photo that you take is, {asked}written to {storage.folder} and erased after {until}."
