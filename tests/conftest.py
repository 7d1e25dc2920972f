"""What all tests share: the --slow flag, and loud skips where the evaluation pictures are absent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A shell that starts the tests in the background has SIGINT ignored, and the programs they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the proofs that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes: run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of evaluation pictures."""
    folder = os.environ.get("EDGE_BG_DATA")
    if not folder or not (Path(folder) / "people").is_dir():
        pytest.skip("EVALUATION DATA ABSENT: set EDGE_BG_DATA to the folder that holds people/ and webcam/")
    return Path(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return Path(__file__).resolve().parents[1]
