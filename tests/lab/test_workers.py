"""Workers end with the process that they work for, even when that one is killed."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, time
from edge_bg.lab.workers import processes

with processes(1, os.chdir, "/") as pool:
    print(pool.submit(os.getcwd).result(), flush=True)
    pool.submit(time.sleep, 120).result()
"""


def test_nobody_works_on_for_a_process_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "/\n", "begun as it was told to"
        process.kill()
        # The worker has the same standard output: it ends with the last who holds it.
        assert process.communicate(timeout=30)[0] == ""
