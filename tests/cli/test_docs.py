"""What the documentation names is there: links, files, commands with their options, and configs that can be read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from edge_bg import config
from edge_bg.commands import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for place in ("*.md", "docs/**/*.md", "benchmarks/**/*.md", "models/*.md", "systemd/*.md")
    for page in ROOT.glob(place)
)
FOLDERS = "docs|scripts|tests|edge_bg|configs|systemd|benchmarks|models"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each `edge-bg ...` in the page's shell blocks."""
    for line in "".join(blocks(page, "sh")).splitlines():
        for part in re.split(r"[|;&]+ ", line.partition(" #")[0]):
            if found := re.search(r"(?:^|[ /])edge-bg ((?:[a-z-]|-).*)", part):
                yield shlex.split(found[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_files_are_there(page: Path):
    text = page.read_text()
    missing = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
        if "://" not in target and not (page.parent / target).exists()
    ]
    named = re.findall(rf"`((?:{FOLDERS})/[A-Za-z0-9_./-]+)`", text)
    missing += [name for name in named if not any(ROOT.glob(f"{name}*"))]  # a decision goes by its number
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path):
    context = click.Context(cli)
    for words in commands(page):
        command, rest = cli.get_command(context, words[0]), words[1:]
        assert command is not None or words[0].startswith("-"), words
        if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            command = command.get_command(context, rest[0])
        known = {name for param in (command or cli).params for name in (*param.opts, *param.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= known | {"--help", "--debug"}, words


def test_the_readme_shows_commands_and_a_picture():
    assert len(list(commands(ROOT / "README.md"))) >= 5
    assert re.search(r"!\[.+\]\(docs/pictures/.+\)", (ROOT / "README.md").read_text())


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=lambda page: page.stem)
def test_configs_can_be_read(page: Path):
    for block in blocks(page, "yaml"):
        tops = re.split(r"^(?=[a-z]+:)", block, flags=re.MULTILINE)[1:]
        names = [top.partition(":")[0] for top in tops]
        for text in [block] if len(set(names)) == len(names) else tops:  # alternatives stand one below the other
            config.loads(text)
