"""`edge-bg completion`: shell completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from edge_bg.commands import cli, debug_option, examples


@click.command(
    epilog=examples(
        'eval "$(edge-bg completion bash)"                  in ~/.bashrc',
        'eval "$(edge-bg completion zsh)"                   in ~/.zshrc',
        "edge-bg completion fish > ~/.config/fish/completions/edge-bg.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option
def completion(shell: str) -> int:
    """Print what makes Tab complete edge-bg's words in SHELL."""
    complete = get_completion_class(shell)
    assert complete is not None
    made = complete(cli, {}, "edge-bg", "_EDGE_BG_COMPLETE")
    click.echo(made.source_template % made.source_vars())  # not source(): that starts a bash to ask its version
    return 0
