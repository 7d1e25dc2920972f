"""Kept photos on the disk: a folder each, whole or not there, and gone when their time is over."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_bg.booth import files
from edge_bg.errors import EdgeBgError

NOTES: Final = "photo.json"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_FILE: Final = re.compile(r"[a-z]{1,16}\.[a-z]{3,4}")


class Store:
    """A folder of photos, at most `most` of them. Raises CannotWrite where the disk does not let it."""

    def __init__(self, folder: Path, most: int = 1000) -> None:
        self.folder = folder
        self.most = most
        files.sweep(folder)

    def put(self, name: str, data: Mapping[str, bytes], notes: dict[str, Any]) -> None:
        """Write a photo as a whole; one that is there is replaced file by file."""
        target = self._path(name)
        if target.is_dir():
            for each, content in data.items():
                files.put(target / _checked(each), content)
            files.put_json(target / NOTES, notes)
            return
        part = self.folder / f"{files.HIDDEN}{secrets.token_hex(4)}"
        try:
            for each, content in data.items():
                files.put(part / _checked(each), content)
            files.put_json(part / NOTES, notes)
            part.replace(target)
        except BaseException:
            files.erase(part)
            raise
        self._within_most(name)

    def names(self) -> list[str]:
        """The photos that there are, the newest first."""
        try:
            found = [entry for entry in os.scandir(self.folder) if _NAME.fullmatch(entry.name) and entry.is_dir()]
        except OSError:
            return []
        times = {}
        for entry in found:
            with suppress(OSError):  # erased meanwhile
                times[entry.name] = entry.stat().st_mtime
        return sorted(times, key=lambda name: -times[name])

    def notes(self, name: str) -> dict[str, Any]:
        """What was noted with a photo; empty where there is no such."""
        return files.get_json(self._path(name) / NOTES)

    def file(self, name: str, kind: str) -> bytes | None:
        """One file of a photo."""
        try:
            return (self._path(name) / _checked(kind)).read_bytes()
        except OSError:
            return None

    def has(self, name: str, kind: str) -> bool:
        """Whether a photo has that file."""
        return (self._path(name) / _checked(kind)).is_file()

    def size(self, name: str) -> int:
        """Bytes of a photo."""
        return sum(path.stat().st_size for path in self._path(name).iterdir())

    def erase(self, name: str) -> None:
        """Remove a photo and all that belongs to it."""
        files.erase(self._path(name))

    def tidy(self, now: float) -> list[str]:
        """Erase what has expired by `now`, seconds since the epoch; the names of what went."""
        gone = []
        for name in self.names():
            try:
                expires = files.read_json(self._path(name) / NOTES).get("expires")
            except files.CannotRead:  # asked again soon
                continue
            if isinstance(expires, (int, float)) and expires > now:
                continue
            self.erase(name)  # also what has lost its notes: nobody could say when it has to go
            gone.append(name)
        return gone

    def _within_most(self, newest: str) -> None:
        for name in self.names()[self.most :]:
            if name != newest:
                self.erase(name)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise EdgeBgError("that is no photo's name")
        return self.folder / name


def _checked(name: str) -> str:
    if not _FILE.fullmatch(name):
        raise EdgeBgError(f"{name!r} is no file of a photo")
    return name
