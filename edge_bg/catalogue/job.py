"""What a worker is told and what it answers: plain data that goes to another process or machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from edge_bg.listing.options import Look


@dataclass(frozen=True)
class Settings:
    """How pictures are cut out. `threads` None: as many as pay; `people_delegates`: tried in this order."""

    look: Look = field(default_factory=Look)
    subject: str = "people"
    model: str = "general"
    delegates: tuple[str, ...] = ("cpu",)
    threads: int | None = None
    max_megapixels: float = 64.0
    thumbs: bool = False

    def key(self) -> str:
        """A short mark of all that changes the result: another mark, and pictures are done anew."""
        plain = replace(self, delegates=(), threads=None, thumbs=False)
        return sha256(repr(plain).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """One picture: addresses of what is read and what is written."""

    source: str
    target: str


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    words: why it failed; empty when it did not.  notes: what a person should know all the same.  found: False where it
    failed as there was nothing to cut out.  confidence: 0 to 1.  sha256 of what was read and written; before, after:
    small WebP pictures.
    """

    job: Job
    words: str = ""
    notes: tuple[str, ...] = ()
    found: bool = True
    subject: str = "people"
    confidence: float = 1.0
    source_bytes: int = 0
    source_hash: str = ""
    target_bytes: int = 0
    target_hash: str = ""
    seconds: float = 0.0
    before: bytes = b""
    after: bytes = b""

    @property
    def ok(self) -> bool:
        """Was the picture written?"""
        return not self.words
