"""Reports from boards: what `edge-bg bench --report` writes keeps to the schema, and so does every file sent in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from edge_bg.commands.bench import report_name

pytest.importorskip("simplejpeg")
BOARDS = Path(__file__).resolve().parents[2] / "benchmarks/boards"
SCHEMA = json.loads((BOARDS / "schema.json").read_text())
SENT = sorted(path for path in BOARDS.glob("*.json") if path.name != "schema.json")


def faults(report: Any) -> list[str]:
    import jsonschema  # here, as it takes seconds that no other test should pay

    return [error.json_path for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)]


def test_the_schema_is_one() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_report_keeps_to_the_schema(report: Any) -> None:
    assert faults(report) == []
    cpu, coral = report["accelerators"]
    assert cpu["ms"] > 0 and "names no Edge TPU twin" in coral["error"]
    assert str(Path.cwd()) not in json.dumps(report) and "/" not in coral["error"]


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.name)
def test_every_report_that_was_sent_in(path: Path) -> None:
    sent = json.loads(path.read_text())
    assert faults(sent) == []
    assert report_name(sent["machine"]) == path.name


def test_what_does_not_belong_there_is_found(report: Any) -> None:
    for change in (
        lambda it: it["machine"].update(hostname="kitchen-pi"),
        lambda it: it["machine"].update(kernel="6.6.31+rpt-rpi-v8"),
        lambda it: it["machine"].pop("after"),
        lambda it: it.update(invoke=[]),
        lambda it: it["invoke"][0].update(ms=-1.0),
        lambda it: it["accelerators"].append({"delegate": "edgetpu"}),
        lambda it: it.update(memory={"frames": 10, "exit": 1, "peak_mb": 1, "early_mb": 1, "late_mb": 1}),
    ):
        wrong = copy.deepcopy(report)
        change(wrong)
        assert faults(wrong)
