"""The commands of `edge-bg`: parse, call, print. Each is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import edge_bg

COMMANDS = {  # name -> where it is, what it does
    "run": ("edge_bg.commands.run:run", "Take the camera, put people on a new background, send it out."),
    "image": ("edge_bg.commands.image:image", "Cut people out of pictures."),
    "serve": ("edge_bg.commands.serve:serve", "Cut pictures out over HTTP, and on a page."),
    "photos": ("edge_bg.commands.photos:photos", "List or erase the photos that a booth has kept."),
    "check": ("edge_bg.commands.check:check", "Check a config; say what it would do."),
    "privacy": ("edge_bg.commands.privacy:privacy", "Say in plain words what a config shows, keeps and sends."),
    "models": ("edge_bg.commands.models:models", "List the models."),
    "bench": ("edge_bg.commands.bench:bench", "Measure this machine."),
    "evaluate": ("edge_bg.commands.evaluate:evaluate", "Measure models on labelled pictures and clips."),
    "tune": ("edge_bg.commands.tune:tune", "Choose the model and thread count that suit this board."),
    "doctor": ("edge_bg.commands.doctor:doctor", "Look for what is wrong on this board."),
    "completion": ("edge_bg.commands.completion:completion", "Print what makes Tab complete edge-bg's words."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called: `--help` and `--version` stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess at what was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], list(COMMANDS), n=1)
            if not close or "did you mean" in error.message.lower():
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--debug`, read by `edge_bg.cli` and by the commands that log."""
    text = "Log everything, and show where an error comes from."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def size_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--size 1280x720`, which the command gets as (1280, 720); what a config would refuse is wrong usage."""

    def size(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
        from edge_bg.config.types import Bad, parse_size

        try:
            return parse_size(value)
        except Bad as error:
            raise click.BadParameter(f"{value} {error}", ctx, param) from None

    return click.option("--size", callback=size, metavar="WxH", default="1280x720", show_default=True, help=text)


def has_folder(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Refuses, before minutes of work, a file whose folder is not there; `-` is standard output."""
    if value is not None and str(value) != "-" and not (folder := Path(value).absolute().parent).is_dir():
        raise click.BadParameter(f"there is no folder {folder}; `mkdir -p {folder}` makes it", ctx, param)
    return value


def json_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--json FILE`, which the command gets as `json_path`."""
    text += "; - is standard output."
    return click.option("--json", "json_path", metavar="FILE", callback=has_folder, help=text)


def examples(*lines: str) -> str:
    """An epilog of examples that click leaves as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "edge-bg run                                    the demo: open http://127.0.0.1:8080",
        "edge-bg run --source v4l2 --background blur    your webcam, the room blurred",
        "edge-bg run kiosk.yaml                         what a config says",
        "edge-bg image party/*.jpg -o cutouts/          cut people out of photographs",
    )
    + "\n\n\b\nExit codes:\n  0 done, also after Ctrl-C or SIGTERM   1 something failed   2 wrong usage or config"
    "\n  130 interrupted before anything began",
)
@click.version_option(edge_bg.__version__, "-V", "--version", prog_name="edge-bg")
@debug_option
def cli() -> None:
    """Remove and replace the background behind people, live, on small boards."""
