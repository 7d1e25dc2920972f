"""What was done, a line of JSON each, so that nothing is done twice: after an interruption, or when pictures come."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from edge_bg.catalogue import store
from edge_bg.catalogue.job import Job, Outcome
from edge_bg.errors import PictureError

FOLDER = ".edge-bg"
NAME = "manifest.jsonl"
Verdict = Literal["do", "done", "taken", "changed", "empty"]


@dataclass(frozen=True)
class Entry:
    """The newest that is known of one picture. state: begun, done or failed."""

    source: str
    target: str
    state: str
    options: str
    source_stat: tuple[int, str] = (0, "")
    source_hash: str = ""
    target_stat: tuple[int, str] = (0, "")
    target_hash: str = ""
    found: bool = True
    confidence: float = 1.0
    subject: str = "people"
    thumbs: tuple[int, int, int] | None = None
    words: str = ""  # why it failed

    @property
    def empty(self) -> bool:
        """Was there nothing in it to cut out?"""
        return self.state == "failed" and not self.found


class Manifest:
    """The manifest of an output folder. Lines are appended as pictures are begun and done; the last one counts."""

    def __init__(self, folder: str) -> None:
        self.remote = store.is_address(folder)
        self.place = store.join(folder, FOLDER, NAME)
        self.entries: dict[str, Entry] = {}
        self.trouble = ""
        self._lock = threading.Lock()
        self._file: Any = None
        for line in self._lines():
            try:
                raw = json.loads(line)
                for key in ("source_stat", "target_stat", "thumbs"):
                    raw[key] = tuple(raw[key]) if raw.get(key) else Entry.__dataclass_fields__[key].default
                entry = Entry(**raw)
            except (ValueError, TypeError, KeyError):
                continue  # half a line, from an interruption
            self.entries[entry.source] = entry

    def _lines(self) -> Iterator[str]:
        if store.stat(self.place) is None:
            return
        yield from store.read(self.place).decode("utf-8", "replace").splitlines()

    def targets(self) -> dict[str, str]:
        """Source -> target of all that was ever done here."""
        return {entry.source: entry.target for entry in self.entries.values()}

    def verdict(self, job: Job, options: str, *, overwrite: bool) -> Verdict:
        """A job is to be done; it is done; its output is somebody else's ("taken"), or was changed by hand; there was
        nothing in it to cut out ("empty")."""
        entry, there = self.entries.get(job.source), store.stat(job.target)
        if overwrite:
            return "do"
        if entry is not None and entry.empty and entry.options == options and self._as_it_was(entry):
            return "empty"
        if there is None:
            return "do"
        if entry is None or entry.target != job.target:
            return "taken"
        if entry.state == "begun":
            return "do"  # interrupted between the picture and its line
        if tuple(there) != tuple(entry.target_stat) and _hash(job.target) != entry.target_hash:
            return "changed"
        if entry.state != "done" or entry.options != options:
            return "do"
        return "done" if self._as_it_was(entry) else "do"

    @staticmethod
    def _as_it_was(entry: Entry) -> bool:
        """Whether the picture is the one that the entry tells of."""
        here = store.stat(entry.source)
        if here is not None and tuple(here) == tuple(entry.source_stat):
            return True
        return _hash(entry.source) == entry.source_hash

    def begin(self, job: Job, options: str) -> None:
        """A worker takes the job now."""
        old = self.entries.get(job.source)
        if old is None or old.state != "begun":
            self._add(Entry(job.source, job.target, "begun", options))

    def end(self, outcome: Outcome, options: str, thumbs: tuple[int, int, int] | None) -> None:
        """The job is done, or failed."""
        job = outcome.job
        source, target = store.stat(job.source), store.stat(job.target) if outcome.ok else None
        self._add(
            Entry(
                job.source, job.target, "done" if outcome.ok else "failed", options,
                tuple(source) if source else (0, ""), outcome.source_hash,  # type: ignore[arg-type]
                tuple(target) if target else (0, ""), outcome.target_hash,  # type: ignore[arg-type]
                outcome.found, round(outcome.confidence, 3), outcome.subject, thumbs, outcome.words,
            )
        )  # fmt: skip

    def _add(self, entry: Entry) -> None:
        self.entries[entry.source] = entry
        if self.remote:
            return  # written once, at the end: object stores have no append
        with self._lock:
            if self._file is None:
                path = Path(self.place)
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = path.open("a", encoding="utf-8")
                except OSError as error:
                    hint = f"ls -ld {path.parent.parent}; it must be yours to write, or choose another: -o FOLDER"
                    raise PictureError(f"{path.parent.parent}: {error.strerror}", hint=hint) from None
            try:
                self._file.write(_line(entry))
                self._file.flush()
            except OSError as error:  # the disk is full: pictures say so one by one, and are done again next time
                self.trouble = f"{self.place}: {error.strerror}; what is not noted there is done again next time"

    def close(self) -> None:
        """Write what is not written yet."""
        if self.remote and self.entries:
            store.write(self.place, "".join(map(_line, self.entries.values())).encode())
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


def _line(entry: Entry) -> str:
    return json.dumps({key: value for key, value in vars(entry).items() if value is not None}) + "\n"


def _hash(place: str) -> str:
    try:
        return sha256(store.read(place)).hexdigest()
    except (OSError, PictureError):
        return ""
