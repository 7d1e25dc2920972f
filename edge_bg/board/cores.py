"""How many cores there really are for this process: what the threads of the network and of the loop are chosen by."""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores(root: str | Path = "/") -> int:
    """Cores this process may really use: its CPU affinity, capped by the cgroup's CPU quota; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path(root))
    if quota is not None:
        cores = min(cores, max(1, int(quota)))
    return max(1, cores)


def _cgroup_quota(root: Path) -> float | None:
    """Cores granted by cgroup v2 `cpu.max` (this group or any above it) or v1 quota; None: no limit."""
    quotas = []
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in groups:
        number, controllers, group = line.split(":", 2)
        if number == "0":
            path = Path(group.strip("/"))
            for level in (path, *path.parents):
                quotas.append(_ratio(root / "sys/fs/cgroup" / level / "cpu.max"))
        elif "cpu" in controllers.split(","):
            folder = root / "sys/fs/cgroup/cpu" / group.strip("/")
            quotas.append(_ratio(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us"))
    known = [quota for quota in quotas if quota is not None]
    return min(known) if known else None


def _ratio(*files: Path) -> float | None:
    try:
        quota, period = " ".join(file.read_text() for file in files).split()[:2]
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
