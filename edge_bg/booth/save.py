"""Rewrites the config with what was changed while it ran: comments, order and all other lines stay as they were."""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_bg import config as configuration
from edge_bg.booth import files, settings
from edge_bg.config import Config
from edge_bg.errors import MissingDependency, NotNow

_DEFAULTS: Final = Config().model_dump(mode="json")


def save(path: Path | None, running: Config) -> list[str]:
    """Write to `path` what `running` has and the file has not; the keys that changed. The file is whole at any moment.

    Raises NotNow where there is no file, ConfigError where it is wrong by now, CannotWrite.
    """
    if path is None:
        raise NotNow("edge-bg was started without a config file", hint="edge-bg run kiosk.yaml")
    before = configuration.load(path, check_files=False).model_dump(mode="json")
    now = running.model_dump(mode="json")
    changed = [key for key in settings.SAVED if settings.get(before, key) != settings.get(now, key)]
    if not changed:
        return []
    text = rewritten(path.read_text("utf-8"), {key: settings.get(now, key) for key in changed}, path.parent)
    configuration.loads(text, str(path), base=path.parent)
    mode = stat.S_IMODE(path.stat().st_mode)
    files.put(path, text.encode())
    with suppress(OSError):
        path.chmod(mode)
    return changed


def rewritten(text: str, changes: dict[str, Any], base: Path) -> str:
    """`text`, YAML, with other values at some keys; `base` is the folder that its relative paths start from."""
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.comments import CommentedMap
    except ImportError:
        raise MissingDependency("saving needs ruamel.yaml", hint="pip install 'edge-bg[web]'") from None
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    data = yaml.load(text)
    if data is None:
        data = CommentedMap()
    for key, value in changes.items():
        _put(data, key, _short(key, value, base))
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def _put(data: Any, key: str, value: Any) -> None:
    if key == "model.name" and not isinstance(data.get("model"), dict):
        data["model"] = value
        return
    *path, last = key.split(".")
    for step in path:
        if not isinstance(data.get(step), dict):
            data[step] = {}
        data = data[step]
    data[last] = value


def _short(key: str, value: Any, base: Path) -> Any:
    """A part of several keys without those that are as they are by default; paths beside the config are relative."""
    if key == "source" and isinstance(value, dict) and isinstance(value.get("size"), list):
        value = {**value, "size": "x".join(map(str, value["size"]))}
    if not isinstance(value, dict):
        return value
    plain = {name: each for name, each in value.items() if each not in (None, {}, []) or name == "kind"}
    if isinstance(plain.get("path"), str) and (path := Path(plain["path"])).is_relative_to(base):
        plain["path"] = os.path.relpath(path, base)
    if plain.get("kind") == "color":
        return plain["color"]
    return plain
