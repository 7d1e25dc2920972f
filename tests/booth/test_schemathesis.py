"""schemathesis, by the API's own description, finds no answer of 500 and above."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.booth.conftest import running


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_request_makes_the_server_fail(tmp_path):
    program = shutil.which("schemathesis")
    if program is None:
        pytest.skip("SCHEMATHESIS ABSENT: it is not in the extra dev: pip install schemathesis, in a venv of its own")
    booth = {
        "control": True, "token": "operator-token-1234", "folder": str(tmp_path / "events"),
        "storage": {"folder": str(tmp_path / "photos")},
    }  # fmt: skip
    with running(booth) as made:
        made.booth.control.operator.check.seconds = 1.0
        command = [
            program,
            "run",
            f"{made.base}/api/v1/openapi.json",
            "-H",
            "Authorization: Bearer operator-token-1234",
        ]
        command += ["-c", "not_a_server_error", "--max-examples", "15", "--exclude-path", "/events", "--no-color"]
        command += ["--phases", "examples,coverage,fuzzing", "--rate-limit", "12/s", "--request-timeout", "30"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=560, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-4000:]
        assert "Tested:" in done.stdout
