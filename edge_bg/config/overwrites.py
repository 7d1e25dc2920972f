"""Nothing that is read is ever written over: which files a config reads, and which of them a sink would replace."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_NUMBER = re.compile(r"%0?\d?d")  # as `edge_bg.sinks.writers` has it


def read_paths(config: BaseModel, *, without: tuple[str, ...] = ("sinks",)) -> Iterator[tuple[str, Path]]:
    """(key, path) of every file or folder that a config names, but for what its sinks write."""
    for key in type(config).model_fields:
        if key not in without:
            yield from _paths(key, getattr(config, key))


def _paths(key: str, value: Any) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(f"{key}.{name}", getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from _paths(f"{key}.{number}", each)


def replaces(target: Path, read: Path) -> bool:
    """Would writing `target` replace `read`, or something in it if that is a folder? Links are followed.

    `target` may number pictures, such as `out-%06d.png`.
    """
    name = re.escape(target.name)
    pattern = re.compile(_NUMBER.sub(r"\\d+", name)) if _NUMBER.search(target.name) else None
    if read.is_dir() or set(str(read)) & set("*?["):
        folder = read if read.is_dir() else read.parent
        if not _same(folder, target.parent):
            return False
        return any(pattern.fullmatch(each) if pattern else each == target.name for each in _names(folder))
    if pattern is not None:
        return _same(read.parent, target.parent) and pattern.fullmatch(read.name) is not None
    return _same(target, read)


def _same(one: Path, two: Path) -> bool:
    try:
        return one.samefile(two)
    except (OSError, ValueError):  # one of them is not there
        return os.path.realpath(one) == os.path.realpath(two)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []
