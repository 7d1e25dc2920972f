"""Where pictures lie: folders of this machine, or any address that fsspec knows (s3://, sftp://, memory://)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from edge_bg.errors import MissingDependency, PictureError
from edge_bg.pictures.write import part_of, write_whole

INSTALL = "pip install 'edge-bg[cluster]'"


class Stat(NamedTuple):
    """Size in bytes and a mark of the last change (nanoseconds, or what the store gives)."""

    bytes: int
    changed: str


def is_address(text: str) -> bool:
    """`s3://bucket/x` is one; a path is not."""
    return "://" in text


def join(folder: str, *parts: str) -> str:
    """An address or a path below `folder`."""
    if is_address(folder):
        return "/".join([folder.rstrip("/"), *parts])
    return str(Path(folder, *parts))


def _remote(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingDependency(f"{address}: addresses are read by fsspec", hint=INSTALL) from None
    try:
        found: tuple[Any, str] = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise PictureError(f"{address}: {error}") from None
    return found


@contextmanager
def _named(address: str) -> Iterator[None]:
    """Clients of stores raise what they like, and seldom name the place."""
    try:
        yield
    except PictureError:
        raise
    except Exception as error:
        hint = "is the address right, and are the keys and the network there?"
        raise PictureError(f"{address}: {str(error) or type(error).__name__}", hint=hint) from None


def read(place: str) -> bytes:
    """All bytes. Raises OSError, for an address PictureError."""
    if not is_address(place):
        return Path(place).read_bytes()
    files, path = _remote(place)
    with _named(place):
        return bytes(files.cat_file(path))


def write(place: str, data: bytes) -> None:
    """Write, whole or not at all. Raises OSError, for an address PictureError."""
    if not is_address(place):
        write_whole(Path(place), data)
        return
    files, path = _remote(place)
    if "file" in files.protocol:  # file:// is a folder that all workers share
        write_whole(Path(path), data)
        return
    with _named(place):
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.pipe_file(path, data)  # object stores show an object when all of it is there


def stat(place: str) -> Stat | None:
    """What lies there; None for nothing."""
    try:
        if not is_address(place):
            found = os.stat(place)  # noqa: PTH116 - a str, and there are many of them
            return Stat(found.st_size, str(found.st_mtime_ns))
        files, path = _remote(place)
        with _named(place):
            info = files.info(path)
        mark = info.get("ETag") or info.get("mtime") or info.get("LastModified") or info.get("created") or ""
        return Stat(int(info.get("size") or 0), str(mark))
    except (OSError, ValueError, PictureError):
        return None


def forget_parts(target: str) -> None:
    """Remove what a worker that was killed left of a target."""
    if not is_address(target):
        with suppress(OSError):  # whoever writes there says why it cannot
            part_of(Path(target)).unlink(missing_ok=True)


def walk(folder: str, said: list[str]) -> Iterator[str]:
    """Every file below `folder`, in order of names; folders that lead back into themselves are said, not entered."""
    if is_address(folder):
        files, path = _remote(folder)
        with _named(folder):
            found = sorted(files.find(path))
        for each in found:
            inside = str(each)[len(path.rstrip("/")) :]
            if "/." not in inside:
                yield folder.rstrip("/") + inside
        return
    yield from _walk(folder, frozenset(), said)


def _walk(folder: str, above: frozenset[tuple[int, int]], said: list[str]) -> Iterator[str]:
    try:
        here = os.stat(folder)  # noqa: PTH116
        mark = (here.st_dev, here.st_ino)
        if mark in above:
            said.append(f"{folder}: leads back into a folder it lies in, so it is not entered")
            return
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        loops = error.errno == errno.ELOOP
        said.append(f"{folder}: {'a link that leads to itself' if loops else error.strerror}")
        return
    for entry in found:
        if entry.name.startswith("."):
            continue
        try:
            is_folder = entry.is_dir()
            is_file = not is_folder and entry.is_file()
        except OSError:
            said.append(f"{entry.path}: a link that leads to itself")
            continue
        if is_folder:
            yield from _walk(entry.path, above | {mark}, said)
        elif is_file:
            yield entry.path
        elif entry.is_symlink():
            said.append(f"{entry.path}: a link to nothing")
