"""pydantic's findings -> problems with line, column, key, what was given and what would do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from edge_bg.config.model import Config, CrossCheck
from edge_bg.config.reader import Document, Key, Problem
from edge_bg.config.shorthand import did_you_mean
from edge_bg.config.types import Bad

_WANTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "string_type": 'text (in "quotes" if it looks like a number)', "bool_type": "true or false",
    "list_type": "a list ([a, b], or one \"- item\" per line)", "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)", "model_attributes_type": "a mapping (key: value)",
    "finite_number": "a finite number",
}  # fmt: skip
_LIMITS = {
    "greater_than": ("gt", "more than {}"), "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"), "less_than_equal": ("le", "at most {}"),
    "too_short": ("min_length", "at least {} of them"), "too_long": ("max_length", "at most {} of them"),
    "string_too_short": ("min_length", "at least {} characters"),
    "string_too_long": ("max_length", "at most {} characters"),
}  # fmt: skip


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """All that pydantic found, in the order of the file, one problem per place."""
    found: dict[Key, Problem] = {}
    for item in error.errors(include_url=False):
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, CrossCheck):
            for path, bad in cause.problems:
                found.setdefault(path, _problem(document, path, _given(bad, _at(document.data, path)), bad.fix))
            continue
        of_key = item["type"] == "extra_forbidden"
        path, models = _resolve(item["loc"], document.data, of_key=of_key)
        what, fix = _explain(item, cause, path, models)
        if path in found and found[path].what != what:  # members of a plain union disagree: say both
            old = found[path]
            what = f"{re.sub(r' [(]given .*', '', old.what)} or {re.sub(r'^has to be ', '', what)}"
            found[path] = Problem(old.line, old.column, path, what, old.fix or fix)
        elif path not in found:
            found[path] = _problem(document, path, what, fix, of_key=of_key)
    return sorted(found.values(), key=lambda problem: (problem.line, problem.column))


def _problem(document: Document, path: Key, what: str, fix: str, *, of_key: bool = False) -> Problem:
    return Problem(*document.position(path, of_key=of_key), path, what, fix)


def _at(data: Any, path: Key) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _given(bad: Bad, value: Any) -> str:
    return bad.what if value is None else f"{bad.what} (given {show(value)})"


def show(value: Any) -> str:
    """A value as one would write it, at most 60 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _explain(item: Mapping[str, Any], cause: Any, path: Key, models: list[type[BaseModel]]) -> tuple[str, str]:
    kind, context, given = item["type"], item.get("ctx", {}), item.get("input")
    if path and path[-1] == "token":
        given = "***"  # a secret, and messages end up in the journal
    if isinstance(cause, Bad):
        return f"{cause.what} (given {show(given)})", cause.fix
    if kind == "extra_forbidden":
        known = sorted({key for model in models for key in model.model_fields})
        close = did_you_mean(str(path[-1]), known)
        if close:
            return "is an unknown key", close
        chosen = _kinds(models) if len(models) == 1 else []
        of = f" for kind {chosen[0]}" if chosen else ""
        return f"is an unknown key{of}", f"known here: {', '.join(known) or 'none'}"
    if kind == "missing":
        return "is missing", "add it"
    if kind == "union_tag_not_found":
        return f"has no kind (given {show(given)})", f"add kind: one of {', '.join(_kinds(models))}"
    if kind == "union_tag_invalid":
        tag, kinds = str(context.get("tag")), _kinds(models)
        fix = did_you_mean(tag, kinds) or f"one of: {', '.join(kinds)}"
        return f"is an unknown kind (given {show(tag)})", fix
    if kind == "literal_error":
        choices = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        fix = (did_you_mean(given, choices.split(", ")) if isinstance(given, str) else "") or f"one of: {choices}"
        return f"is none of the choices (given {show(given)})", fix
    if kind in _WANTED:
        return f"has to be {_WANTED[kind]} (given {show(given)})", ""
    if kind in _LIMITS:
        key, text = _LIMITS[kind]
        return f"has to be {text.format(f'{context.get(key):g}')} (given {show(given)})", ""
    if kind == "string_pattern_mismatch":
        return f"has characters or a form that will not do (given {show(given)})", f"it matches {context['pattern']}"
    return f"{item['msg'][:1].lower()}{item['msg'][1:]} (given {show(given)})", ""


def _kinds(models: list[type[BaseModel]]) -> list[str]:
    return [str(model.model_fields["kind"].default) for model in models if "kind" in model.model_fields]


def _resolve(loc: tuple[int | str, ...], data: Any, *, of_key: bool) -> tuple[Key, list[type[BaseModel]]]:
    """pydantic's location without the names of union members, and the models that could stand there.

    For an unknown key (`of_key`), the last step is that key, whatever it looks like, and the models are those of the
    mapping that holds it.
    """
    loc, key = (loc[:-1], loc[-1:]) if of_key else (loc, ())
    path: list[str | int] = []
    here: Any = Config
    holders: list[type[BaseModel]] = [Config]
    for step in loc:
        if step in ("<name>", "<library>") and path and isinstance(path[-1], int):  # a delegate's form, see model.py
            continue
        models = _models(here)
        if len(models) > 1 and isinstance(step, str):  # the kind chosen from a union
            chosen = [model for model in models if model.model_fields.get("kind") is not None
                      and model.model_fields["kind"].default == step]  # fmt: skip
            if chosen:
                here, holders = chosen[0], chosen
                continue
        if len(models) == 1 and isinstance(step, str):
            holders = models
            path.append(step)
            info = models[0].model_fields.get(step)
            here = info.annotation if info is not None else None
            continue
        if isinstance(step, int):
            path.append(step)
            here = _element(here)
            continue
        if isinstance(data, (dict, list)) and isinstance(_at(data, tuple(path)), dict) \
                and step in _at(data, tuple(path)):  # fmt: skip
            path.append(step)  # a key of a free mapping such as controls
        # else: pydantic's name of a union member ("str", "ExternalDelegate", "function-before[...]")
    inside = _models(here)
    return (*path, *key), inside if len(inside) > 1 or (key and inside) else holders


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return _models(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [model for member in get_args(annotation) for model in _models(member)]
    return []


def _element(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _element(get_args(annotation)[0])
    return get_args(annotation)[0] if get_origin(annotation) is list and get_args(annotation) else None
