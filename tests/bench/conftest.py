"""One report for all that is asked of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_bg.bench import Options, run


@pytest.fixture(scope="session")
def report() -> Any:
    """What `edge-bg bench` finds in next to no time, as the file that it writes holds it."""
    pytest.importorskip("simplejpeg")
    made = run(Options(size=(320, 180), seconds=0.05, program=False, delegates=("cpu", "edgetpu")))
    assert json.loads(json.dumps(made)) == made, "it is JSON as it is"
    return made
