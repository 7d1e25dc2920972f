"""What the API says, in the language that is asked for (`Accept-Language`); English where nobody has translated it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from edge_bg.errors import EdgeBgError
from edge_bg.said import Said

FOLDER: Final = Path(__file__).parent / "static" / "lang" / "api"


@cache
def table(language: str) -> Mapping[str, str]:
    """English templates and what they are in `language`; empty for a language that there is not."""
    names = {path.stem for path in FOLDER.glob("*.json")}
    return json.loads((FOLDER / f"{language}.json").read_text("utf-8")) if language in names else {}


def asked(header: str) -> str:
    """The first language that an `Accept-Language` header names: browsers send the best first."""
    return header.partition(",")[0].partition(";")[0].strip()[:2].lower()


def told(value: Any, language: str) -> Any:
    """An answer, its `Said` words in `language`."""
    known = table(language)
    if not known:
        return value
    if isinstance(value, Said):
        return _words(value, known)
    if isinstance(value, dict):
        return {key: told(each, language) for key, each in value.items()}
    return [told(each, language) for each in value] if isinstance(value, list) else value


def error(caught: EdgeBgError, language: str) -> str:
    """An error in `language`, its hint below."""
    known = table(language)
    return "\n  ".join(_words(text, known) for text in (caught.message, caught.hint) if text)


def words(text: str, language: str) -> str:
    """A sentence in `language`."""
    return _words(text, table(language))


def _words(text: str, known: Mapping[str, str]) -> str:
    if not isinstance(text, Said):
        return known.get(text, text)
    values = {key: _words(each, known) if isinstance(each, Said) else each for key, each in text.values.items()}
    found = known.get(text.template)
    return str(text) if found is None and not values else (found or text.template).format(**values)
