"""The same work on other machines, by an engine that is there already: Dask (docs/decisions/0141)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from edge_bg.catalogue import work
from edge_bg.catalogue.job import Job, Outcome, Settings
from edge_bg.catalogue.store import INSTALL
from edge_bg.errors import EdgeBgError, MissingDependency

AHEAD = 2  # jobs that wait for each thread of a worker
PATIENCE = 20.0  # seconds in which the scheduler, and then a worker, has to be there


class ClusterError(EdgeBgError, ConnectionError):
    """An engine cannot be reached, or has no workers."""


def cluster(jobs: Iterable[Job], settings: Settings, address: str) -> Iterator[Outcome]:
    """Outcomes as they come. A worker that is lost costs the time of its picture: Dask gives it to another one; a
    picture that three workers died of is given up and said.

    address: `dask://HOST:PORT` of a scheduler, whose workers have edge-bg installed and see the pictures under the same
    paths or addresses. Raises MissingDependency, ClusterError.
    """
    kind, _, where = address.partition("://")
    if kind != "dask" or not where:
        raise ClusterError(f"--on {address}: is no engine", hint="write dask://HOST:8786")
    try:
        import distributed
    except ImportError:
        raise MissingDependency(f"--on {address}: Dask is not installed", hint=INSTALL) from None
    try:
        connect: Any = distributed.Client
        client: Any = connect(f"tcp://{where}", timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        hint = f"is `dask scheduler` running there? {error}"
        raise ClusterError(f"--on {address}: no scheduler answers", hint=hint) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            hint = f"start one on each machine: dask worker tcp://{where}"
            raise ClusterError(f"--on {address}: the scheduler has no workers", hint=hint) from None
        threads = sum(each["nthreads"] for each in client.scheduler_info(n_workers=-1)["workers"].values())
        yield from _shared_out(client, distributed.as_completed, iter(jobs), settings, max(2, threads * AHEAD))


def _shared_out(
    client: Any, as_completed: Any, todo: Iterator[Job], settings: Settings, window: int
) -> Iterator[Outcome]:
    running: dict[str, Job] = {}
    done = as_completed(loop=client.loop)

    def send() -> bool:
        job = next(todo, None)
        if job is None:
            return False
        future = client.submit(work.work_anywhere, job, settings, pure=False)
        running[future.key] = job
        done.add(future)
        return True

    while len(running) < window and send():
        pass
    while running:
        future = next(done)
        job = running.pop(future.key)
        try:
            outcome: Outcome = future.result()
        except Exception as error:  # the engine's own: KilledWorker above all
            words = f"{job.source}: given up by the engine ({type(error).__name__}): its workers died of it"
            outcome = Outcome(job, words=words)
        future.release()
        send()
        yield outcome
