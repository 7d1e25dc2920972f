"""Files that are whole or not there: written beside, then moved into place. Names are made here, never taken."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_bg.errors import EdgeBgError, Refused

HIDDEN = ".part-"  # what a file or folder is called until it is whole; left-overs of a crash are recognised by it


class CannotWrite(EdgeBgError, OSError):
    """A folder of the booth's cannot be written to."""


class CannotRead(EdgeBgError, OSError):
    """A file of the booth's is there and cannot be read just now."""


def put(path: Path, data: bytes) -> None:
    """Write `data` to `path`, at once or not at all. Raises CannotWrite."""
    part = path.with_name(f"{HIDDEN}{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(
            f"{path}: {error.strerror or error}", hint=f"the user of edge-bg needs to write there: ls -ld {path.parent}"
        ) from error


def put_json(path: Path, data: Any) -> None:
    """`put`, as JSON."""
    put(path, json.dumps(data, ensure_ascii=False, indent=1).encode())


def get_json(path: Path) -> dict[str, Any]:
    """The mapping in a file of `put_json`; an empty one where there is none, or none can be read. To look at."""
    try:
        return read_json(path)
    except CannotRead:
        return {}


def read_json(path: Path) -> dict[str, Any]:
    """`get_json` for those who then write or erase: raises CannotRead where the file is there, and cannot be read."""
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    except OSError as error:  # such as no descriptors left, or a disk that has gone
        raise CannotRead(f"{path}: {error.strerror or error}", hint="try again; if it stays: ls -l, dmesg") from error
    return data if isinstance(data, dict) else {}


def erase(path: Path) -> None:
    """Remove a file or folder, gone or not. Raises CannotWrite if it stays."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CannotWrite(f"{path} cannot be erased: {error.strerror or error}") from error


def sweep(folder: Path) -> None:
    """Remove what a crash left half written."""
    with suppress(OSError):
        for left in folder.glob(f"{HIDDEN}*"):
            with suppress(EdgeBgError):
                erase(left)


def new_name(prefix: str, suffix: str) -> str:
    """A file name that nobody has yet."""
    return f"{prefix}-{secrets.token_hex(6)}{suffix}"


def spoken(name: str, most: int = 60) -> str:
    """`name` as people may see it: one line, no control characters. Raises Refused if nothing is left."""
    text = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in name)).strip()[:most].strip()
    if not text:
        raise Refused("the name is empty")
    return text


def identity(path: Path) -> str:
    """An id of a file, from its name alone: the same at each start, and nothing but letters, digits, `.`, `_`, `-`."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", path.stem):
        return path.stem
    import hashlib

    slug = re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-")[:24] or "file"
    return f"{slug}-{hashlib.sha256(path.name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
