"""YAML text -> plain data plus where each key stands. Strict on purpose: what YAML readers disagree on is an error.

Scalars follow YAML 1.2's core schema. Duplicate keys, `yes/no/on/off`, octal-looking numbers, tags, several
documents and alias bombs are problems with a line and a column, all collected before anything is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edge_bg.errors import ConfigError

MAX_BYTES = 128 * 1024  # bytes of a config
MAX_NODES = 10_000  # values in it: aliases could multiply them without end

Key = tuple[str | int, ...]

_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_AMBIGUOUS = re.compile(r"(?i:yes|no|on|off|y|n)")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_ODD_NUMBER = re.compile(
    r"[-+]?0[0-9_]+|0o[0-7]+|0b[01]+|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?[0-9]{19,}|[0-9]+(:[0-5]?[0-9])+"
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (1-based), at which key, what, and what would do."""

    line: int
    column: int
    path: Key
    what: str
    fix: str = ""

    def render(self, name: str) -> str:
        """`file:line:column: key.path: what; fix` in one line (no line and column where there is no text)."""
        place = f"{name}:{self.line}:{self.column}" if self.line else name
        key = f" {'.'.join(map(str, self.path))}:" if self.path else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{place}:{key} {self.what}{fix}"


@dataclass
class Document:
    """Data of one YAML text, and the position of each key and value in it (line, column; 1-based)."""

    name: str
    data: Any = None
    keys: dict[Key, tuple[int, int]] = field(default_factory=dict)
    values: dict[Key, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    labels: dict[Key, str] = field(default_factory=dict)
    """Where a key was said if not in the text, such as an option of the command line."""

    def render(self, problem: Problem) -> str:
        """The problem in one line, with the place it was said at."""
        for length in range(len(problem.path), 0, -1):
            label = self.labels.get(problem.path[:length])
            if label is not None:
                rest = ".".join(map(str, problem.path[length:]))
                return f"{label}: {rest}{': ' if rest else ''}{problem.what}" + (
                    f"; {problem.fix}" if problem.fix else ""
                )
        return problem.render(self.name)

    def forget(self, path: Key) -> None:
        """Drop what the text says at `path`: its positions and its problems."""
        for table in (self.keys, self.values):
            for key in [key for key in table if key[: len(path)] == path]:
                del table[key]
        self.problems = [each for each in self.problems if each.path[: len(path)] != path]

    def position(self, path: Key, *, of_key: bool = False) -> tuple[int, int]:
        """Where `path` stands, or its nearest parent; (0, 0) without a text."""
        while True:
            first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
            place = first.get(path) or second.get(path)
            if place or not path:
                return place or (0, 0)
            path = path[:-1]


class _Fatal(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read_file(path: Path) -> Document:
    """Read and parse a YAML file. Raises ConfigError when it cannot be read or is not YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file", hint="edge-bg run without CONFIG shows the demo") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return read_text(raw, str(path))


def read_text(text: str | bytes, name: str = "config") -> Document:
    """Parse YAML; problems that leave the rest readable are in `.problems`, others raise ConfigError."""
    document = Document(name)
    try:
        _parse(text, document)
    except _Fatal as fatal:
        raise ConfigError(fatal.problem.render(name)) from None
    return document


def _parse(text: str | bytes, document: Document) -> None:
    text = _decode(text)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            document.data = _Builder(document, text.splitlines()).build(node)
    except yaml.MarkedYAMLError as error:
        raise _Fatal(_syntax(error, text)) from None
    except yaml.YAMLError as error:
        raise _Fatal(Problem(0, 0, (), f"is not YAML: {' '.join(str(error).split())}")) from None
    except RecursionError:
        raise _Fatal(Problem(0, 0, (), "is nested too deeply", "a config needs three or four levels")) from None


def _decode(text: str | bytes) -> str:
    """Text without what no config holds: other encodings, control characters, nothing at all, far too much."""
    if len(text) > MAX_BYTES:
        raise _Fatal(Problem(0, 0, (), f"is larger than {MAX_BYTES // 1024} KiB", "is this a config?"))
    if isinstance(text, bytes):
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise _Fatal(Problem(1, 1, (), "is UTF-16", "save it as UTF-8"))
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before: bytes = error.object[: error.start]
            line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
            what = f"is not UTF-8 (byte 0x{error.object[error.start]:02x})"
            raise _Fatal(Problem(line, column, (), what, "save it as UTF-8")) from None
    for number, line_text in enumerate(text.splitlines(), 1):
        bad = re.search(r"[^\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", line_text)
        if bad:
            what = f"holds a control character (U+{ord(bad[0]):04X})"
            raise _Fatal(Problem(number, bad.start() + 1, (), what, "remove it; is this a text file?"))
    if not text.strip():
        raise _Fatal(Problem(1, 1, (), "is empty", "copy one from configs/, or write at least: source: synthetic"))
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    problem = " ".join((error.problem or "is not YAML").split())
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "'\\t'" in problem or re.match(r" *\t", here):
        return Problem(line, here.find("\t") + 1 or column, (), "a tab indents this line", "YAML wants spaces")
    if "expected a single document" in (error.context or ""):
        return Problem(line, column, (), "a second document begins here", "remove the --- line: one file, one config")
    fix = {
        "mapping values are not allowed here": "is a quote missing, or is this line indented too far?",
        "could not find expected ':'": "write key: value",
    }.get(problem, "")
    if problem.startswith("expected <block end>"):
        fix = "is this line indented like its neighbours?"
    return Problem(line, column, (), f"not YAML: {problem}", fix)


class _Builder:
    """Walks the composed nodes once, expanding aliases within a budget."""

    def __init__(self, document: Document, lines: list[str]) -> None:
        self.document = document
        self.lines = lines
        self.left = MAX_NODES
        self.inside: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        return self._value(node, ())

    def _problem(self, node: yaml.Node, path: Key, what: str, fix: str = "") -> None:
        mark = node.start_mark
        self.document.problems.append(Problem(mark.line + 1, mark.column + 1, path, what, fix))

    def _value(self, node: yaml.Node, path: Key) -> Any:
        mark = node.start_mark
        self.document.values[path] = (mark.line + 1, mark.column + 1)
        self.left -= 1
        if self.left < 0 or id(node) in self.inside:
            what = "aliases expand without end" if id(node) in self.inside else f"holds more than {MAX_NODES} values"
            raise _Fatal(Problem(mark.line + 1, mark.column + 1, path, what, "write it out"))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in ("map", "seq"):
            self._problem(node, path, f"has the tag {node.tag}", "leave tags out")
            return None
        self.inside.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self._value(item, (*path, number)) for number, item in enumerate(node.value)]
        finally:
            self.inside.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Key) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" and isinstance(key_node, yaml.ScalarNode):
                merged.append(value_node)
                continue
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str) or not key:
                self._problem(key_node, path, "a key has to be a word", "write key: value")
                continue
            here = (*path, key)
            if key in data:
                first = self.document.keys[here][0]
                self._problem(key_node, here, f"is there twice (first in line {first})", "keep one")
                continue
            mark = key_node.start_mark
            self.document.keys[here] = (mark.line + 1, mark.column + 1)
            data[key] = self._value(value_node, here)
        for base in self._bases(merged, path):
            for key, value in base.items():
                data.setdefault(key, value)
        return data

    def _bases(self, nodes: list[yaml.Node], path: Key) -> Iterator[dict[str, Any]]:
        """The mappings that `<<: *name` merges in; keys written out win over them."""
        for node in nodes:
            for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                places = dict(self.document.keys), dict(self.document.values)
                base = self._value(part, path)
                self.document.keys, self.document.values = (
                    {**self.document.keys, **places[0]}, {**self.document.values, **places[1]},
                )  # fmt: skip
                if isinstance(base, dict):
                    yield base
                else:
                    self._problem(part, path, "<< merges something that is not a mapping", "write <<: *name")

    def _scalar(self, node: yaml.ScalarNode, path: Key) -> Any:
        text: str = node.value
        if node.style is not None and node.tag == "tag:yaml.org,2002:str":
            return text
        mark = node.start_mark
        line = self.lines[mark.line] if mark.line < len(self.lines) else ""
        if line[mark.column : mark.column + 1] == "!" or not node.tag.startswith("tag:yaml.org,2002:"):
            self._problem(node, path, f"has the tag {node.tag}", "leave tags out")
            return None
        if text in _NULLS:
            colour = re.search(r"[:\-]\s+(#[0-9a-fA-F]{3,6})\s*$", line)
            if not text and colour:
                self._problem(node, path, f"{colour[1]} without quotes is a comment", f'write "{colour[1]}"')
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if _AMBIGUOUS.fullmatch(text):
            fix = f'write true or false, or "{text}" in quotes if the word is meant'
            self._problem(node, path, f"is a boolean to some readers of YAML and a word to others (given {text})", fix)
            return None
        if _INT.fullmatch(text):
            return int(text, 0)
        if _ODD_NUMBER.fullmatch(text):
            fix = f'write a plain number, or "{text}" in quotes if text is meant'
            self._problem(node, path, f"is a number of an unclear kind (given {text[:40]})", fix)
            return None
        if _FLOAT.fullmatch(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text
