"""What the documentation names is there: links, files, commands with their options, and configs that can be read."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
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


def test_pages_made_from_the_code_are_up_to_date():
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts/update-docs"), "--check"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_the_manual_is_a_site_without_broken_links(tmp_path: Path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    outside = [
        p for p in tmp_path.rglob("*.html") if re.search(r'(?:src|@import|href="[^"]*\.css)="?https?:', p.read_text())
    ]
    assert outside == [], "a page loads something from another host"


MANUAL = [page for page in PAGES if page.parent == ROOT / "docs" and page.stem not in ("api", "architecture")]
LONGEST = 25  # words of a sentence: what people read without stopping


def sentences(page: Path) -> Iterator[str]:
    """The sentences of a page's prose: no code, no tables, no headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = text.partition("<!-- generated")[0] + text.partition("<!-- end of what is generated -->")[2]
    for block in re.split(r"\n\s*\n|\n(?=[-*|#>]|\d+\. )", text):
        if not block.lstrip().startswith(("|", "#", "!", "<")):
            plain = re.sub(r"\]\([^)]*\)|[`*\[]", "", " ".join(block.split()))
            yield from re.split(r"(?<=[.!?:;])\s+", plain)


@pytest.mark.parametrize("page", MANUAL, ids=lambda page: page.stem)
def test_sentences_of_the_manual_are_short(page: Path):
    long = [text for text in sentences(page) if len([w for w in text.split() if re.search(r"\w", w)]) > LONGEST]
    assert long == []
