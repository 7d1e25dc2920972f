"""A catalogue from its plan to its last line: what is done is left, what comes is taken, what fails is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from edge_bg.catalogue import pool, store
from edge_bg.catalogue.job import Job, Outcome, Settings
from edge_bg.catalogue.manifest import Manifest
from edge_bg.catalogue.plan import Plan
from edge_bg.catalogue.sheet import Thumbs, of_run, write_sheet
from edge_bg.errors import EdgeBgError
from edge_bg.still.confidence import DOUBTFUL

Say = Callable[[str], None]
Engine = Callable[[Iterable[Job], Settings], Iterator[Outcome]]


@dataclass
class Tally:
    """What became of the pictures."""

    done: int = 0
    before: int = 0
    failed: int = 0
    nobody: int = 0
    doubtful: int = 0
    failures: list[str] = field(default_factory=list)

    def line(self, total: int, failed: int) -> str:
        """One line for people; `failed` counts inputs that were not there, too."""
        parts = [f"{self.done} of {total} pictures done"]
        if self.before:
            parts.append(f"{self.before} done before")
        if failed:
            parts.append(f"{failed} failed" + (f" (with nothing to cut out: {self.nobody})" if self.nobody else ""))
        if self.doubtful:
            parts.append(f"{self.doubtful} worth a look")
        return ", ".join(parts)


class Catalogue:
    """One run over a plan. `say` takes lines for people; `step` is called as each picture is over."""

    def __init__(
        self, settings: Settings, engine: Engine, *, overwrite: bool = False, say: Say = print,
        step: Callable[[], None] = lambda: None, manifest: Manifest | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.engine = engine
        self.overwrite = overwrite
        self.say = say
        self.step = step
        self.manifest = manifest
        self.tally = Tally()
        self._key = settings.key()

    def run(self, plan: Plan) -> None:
        """Do what is to be done. KeyboardInterrupt passes through; what was done by then is whole and noted."""
        inputs = {_real(job.source) for job in plan.jobs}
        thumbs = Thumbs(plan.folder) if plan.folder is not None and self.settings.thumbs else None
        for outcome in self.engine(self._todo(plan, inputs), self.settings):
            where = None if thumbs is None else thumbs.add(outcome.before, outcome.after)
            if self.manifest is not None:
                self.manifest.end(outcome, self._key, where)
            self._count(outcome)
            self.step()

    def _todo(self, plan: Plan, inputs: set[str]) -> Iterator[Job]:
        for job in plan.jobs:
            verdict, words = self._verdict(job, inputs)
            if verdict == "do":
                store.forget_parts(job.target)
                if self.manifest is not None:
                    self.manifest.begin(job, self._key)
                yield job
                continue
            if verdict == "done":
                self.tally.before += 1
            else:
                self.tally.nobody += verdict == "empty"
                self._fail(words)
            self.step()

    def _verdict(self, job: Job, inputs: set[str]) -> tuple[str, str]:
        try:
            if _real(job.target) in inputs:
                text = f"{job.source}: {job.target} is a picture to be read\n  choose another output: -o cutouts/"
                return "failed", text
            if self.manifest is not None:
                verdict = self.manifest.verdict(job, self._key, overwrite=self.overwrite)
            else:
                verdict = "do" if self.overwrite or store.stat(job.target) is None else "taken"
        except (EdgeBgError, OSError) as error:
            return "failed", f"{job.source}: {error}"
        words = {
            "empty": self.manifest.entries[job.source].words if self.manifest and verdict == "empty" else "",
            "taken": f"{job.source}: {job.target} is there already\n  --overwrite replaces it",
            "changed": f"{job.source}: {job.target} was changed by hand and is kept\n  --overwrite replaces it",
        }
        return verdict, words.get(verdict, "")

    def _count(self, outcome: Outcome) -> None:
        for note in outcome.notes:
            self.say(note)
        self.tally.nobody += not outcome.found
        if not outcome.ok:
            self._fail(outcome.words)
            return
        self.tally.done += 1
        self.tally.doubtful += outcome.confidence < DOUBTFUL

    def _fail(self, words: str) -> None:
        self.tally.failed += 1
        self.tally.failures.append(words)
        self.say(words)

    def sheet(self, plan: Plan) -> str | None:
        """Write the contact sheet; its path, or None where there is none to write."""
        if plan.folder is None or self.manifest is None or store.is_address(plan.folder) or not self.settings.thumbs:
            return None
        sources = {job.source for job in plan.jobs}
        entries = list(of_run(self.manifest.entries.values(), sources))
        if len(entries) < 2:
            return None
        try:
            return str(write_sheet(plan.folder, entries, Thumbs(plan.folder)))
        except OSError as error:
            self.say(f"no contact sheet: {plan.folder}: {error.strerror}")
            return None


def engine_of(jobs: int | None, on: str | None) -> AbstractContextManager[Engine]:
    """What does the work, for as long as the context is open: an engine's address, so many processes, or (None) what
    pays."""
    if on is None:
        return pool.Here(jobs)
    from edge_bg.catalogue.cluster import cluster

    def elsewhere(todo: Iterable[Job], settings: Settings) -> Iterator[Outcome]:
        return cluster(todo, settings, on)

    return nullcontext(elsewhere)


def _real(place: str) -> str:
    from os.path import realpath

    return place if store.is_address(place) else realpath(place)
