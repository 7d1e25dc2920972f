"""Tables: the rooms of the package by their docstrings, the decisions by their headings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

BEGIN, END = "<!-- generated: scripts/update-docs -->", "<!-- end of what is generated -->"


def put(page: Path, text: str) -> str:
    """The page with `text` between its marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    if not begin or END not in rest:
        raise SystemExit(f"{page} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}"


def first_line(module: Path) -> str:
    """The first sentence of a module's docstring, for a cell of a table."""
    doc = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.partition("\n\n")[0].split()).replace("|", "\\|")


def rooms(root: Path) -> str:
    """A row for each file and folder on the top floor of `edge_bg/`."""
    package = root / "edge_bg"
    files = sorted(p for p in package.glob("*.py") if not p.name.startswith("__"))
    folders = sorted(p.parent for p in package.glob("*/__init__.py"))
    lines = ["| | |", "| --- | --- |"]
    lines += [f"| `{p.name}` | {first_line(p)} |" for p in files]
    lines += [f"| `{p.name}/` | {first_line(p / '__init__.py')} |" for p in folders]
    return "\n".join(lines) + "\n"


def decisions(docs: Path) -> str:
    """A row for each decision."""
    lines = ["| | |", "| --: | --- |"]
    for page in sorted((docs / "decisions").glob("[0-9]*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        lines.append(f"| {int(page.name[:4])} | [{re.sub(r'^[0-9]+[.] *', '', title)}]({page.name}) |")
    return "\n".join(lines) + "\n"
