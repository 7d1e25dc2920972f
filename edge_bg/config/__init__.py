"""YAML -> `Config`: every error at once, each with its file, line, column, key and what would do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_bg.config.changes import Change, apply
from edge_bg.config.model import Config, Log, Matte, Model, Privacy
from edge_bg.config.reader import Document, Problem, read_file, read_text
from edge_bg.config.report import problems_of
from edge_bg.errors import ConfigError

__all__ = [
    "Change",
    "Config",
    "Log",
    "Matte",
    "Model",
    "Privacy",
    "from_dict",
    "load",
    "loads",
    "read_yaml",
    "schema",
    "schema_text",
]


def load(path: str | Path, changes: Mapping[str, Change] | None = None, *, check_files: bool = True) -> Config:
    """Read a config file. Relative paths in it start at its folder.

    `changes` are keys that replace the file's, such as `{"source.size": Change("640x480", "--size")}`; their relative
    paths start at the current folder. Raises ConfigError with all errors, one a line.
    """
    path = Path(path)
    document = read_file(path)
    if changes and isinstance(document.data, dict):
        apply(document, changes)
    return _validate(document, path.absolute().parent, check_files)


def loads(text: str | bytes, name: str = "config", *, base: Path | None = None, check_files: bool = False) -> Config:
    """Like `load`, from a text."""
    return _validate(read_text(text, name), base, check_files)


def from_dict(data: Mapping[str, Any], *, base: Path | None = None, check_files: bool = False) -> Config:
    """A config from plain data, such as a dict in Python or what `model_dump(mode="json")` gave."""
    return _validate(Document("config", dict(data)), base, check_files)


def read_yaml(path: str | Path) -> Any:
    """Plain data of any YAML file under the same strict rules. Raises ConfigError."""
    document = read_file(Path(path))
    _refuse(document, document.problems)
    return document.data


def schema() -> dict[str, Any]:
    """JSON Schema of a config, for editors."""
    generated = _untitled(Config.model_json_schema(mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated, "title": "edge-bg configuration"}


def _untitled(node: Any) -> Any:
    """Without the titles that pydantic makes from names: they say nothing new in an editor."""
    if isinstance(node, dict):
        return {key: _untitled(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    return [_untitled(item) for item in node] if isinstance(node, list) else node


def schema_text() -> str:
    """`schema()` as it is kept in configs/edge-bg.schema.json."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _validate(document: Document, base: Path | None, check_files: bool) -> Config:
    problems = list(document.problems)
    config: Config | None = None
    if not isinstance(document.data, dict):
        problems.append(Problem(*document.position(()), (), "is not a mapping", "write key: value lines"))
        _refuse(document, problems)
    try:
        context = {"base": base, "files": check_files}
        config = Config.model_validate(document.data, context=context)
    except ValidationError as error:
        known = [problem.path for problem in problems]
        for problem in problems_of(error, document):
            if not any(problem.path[: len(path)] == path for path in known if path):
                problems.append(problem)
    _refuse(document, problems)
    assert config is not None
    return config


def _refuse(document: Document, problems: list[Problem]) -> None:
    if problems:
        problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
        raise ConfigError("\n".join(document.render(problem) for problem in problems))
