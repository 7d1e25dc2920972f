"""The page of public names, from their docstrings as griffe reads them (Google style)."""

from __future__ import annotations

import inspect
from pathlib import Path

import griffe

import edge_bg

HEAD = """# API

The public names of `edge_bg`. `scripts/update-docs` makes this page from their docstrings. How they are used:
[In Python](python.md). Times are seconds of `time.monotonic()`; pictures are `uint8`.
"""
NAMES = ("open", "cut_out")  # first what most people need; classes follow
FIELDS_ELSEWHERE = ("Config",)  # its arguments are docs/configuration.md


def page() -> str:
    """The whole page."""
    package = griffe.load(
        "edge_bg", search_paths=[str(Path(edge_bg.__file__).parent.parent)], docstring_parser=griffe.Parser.google
    )
    names = [*NAMES, *sorted(set(edge_bg.__all__) - set(NAMES))]
    return "\n".join([HEAD, *(entry(package, name) for name in names)])


def entry(package: griffe.Module, name: str) -> str:
    """One name: signature, text, and the public members of a class."""
    thing = getattr(edge_bg, name)
    found = package[f"{thing.__module__.removeprefix('edge_bg.')}.{thing.__name__}"]
    lines = [f"## `{name}`", "", "```python", signature(name, thing), "```", "", *sections(found)]
    if isinstance(found, griffe.Class):
        for member in found.members.values():
            if member.is_alias or member.name.startswith("_") or not member.has_docstring:
                continue
            call = "" if "property" in member.labels or member.is_attribute else "()"
            lines += [f"### `{name}.{member.name}{call}`", "", *sections(member)]
    return "\n".join(lines)


def signature(name: str, thing: object) -> str:
    """How it is called, one argument a line where there are several."""
    if name in FIELDS_ELSEWHERE:
        return f"edge_bg.{name}"
    found = inspect.signature(thing)  # type: ignore[arg-type]
    args = [str(each).replace("'", "") for each in found.parameters.values()]
    for index, each in enumerate(found.parameters.values()):
        if each.kind is each.KEYWORD_ONLY:
            args.insert(index, "*")
            break
    comes = "" if inspect.isclass(thing) else f" -> {found.return_annotation}".replace("'", "")
    inside = ", ".join(args) if len(args) < 2 else "\n    " + ",\n    ".join(args) + ",\n"
    return f"edge_bg.{name}({inside}){comes}"


def sections(thing: griffe.Object | griffe.Alias) -> list[str]:
    """Text, then what goes in, what comes out, and what may be raised."""
    if thing.docstring is None:
        return []
    lines: list[str] = []
    for part in thing.docstring.parsed:
        if part.kind is griffe.DocstringSectionKind.text:
            lines += [part.value, ""]
        elif part.kind in (griffe.DocstringSectionKind.parameters, griffe.DocstringSectionKind.attributes):
            lines += ["| | |", "| --- | --- |"]
            lines += [f"| `{item.name}` | {cell(item.description)} |" for item in part.value]
            lines.append("")
        elif part.kind is griffe.DocstringSectionKind.returns:
            lines += [f"Returns: {cell(' '.join(item.description for item in part.value))}", ""]
        elif part.kind is griffe.DocstringSectionKind.raises:
            lines += ["| raises | when |", "| --- | --- |"]
            lines += [f"| `{item.annotation}` | {cell(item.description)} |" for item in part.value]
            lines.append("")
        elif part.kind is griffe.DocstringSectionKind.examples:
            lines += ["```python", *(str(text) for _, text in part.value), "```", ""]
        elif part.kind is griffe.DocstringSectionKind.admonition:
            lines += [f"{part.title}: {cell(part.value.description)}", ""]
    return lines


def cell(text: str) -> str:
    """Text in one line, for a table."""
    return " ".join(text.split()).replace("|", "\\|")
