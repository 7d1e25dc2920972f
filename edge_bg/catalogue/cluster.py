"""A cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge_bg.catalogue.job import Job, Outcome, Settings


def cluster(jobs: Iterable[Job], settings: Settings, address: str) -> Iterator[Outcome]:
    """To come."""
    raise NotImplementedError
