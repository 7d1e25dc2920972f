"""What leaves an accelerator alone that a process has died of, with a real delegate; and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_bg.loop.stats import Stats
from edge_bg.network.breaker import DEATHS, Breaker
from edge_bg.network.card import ModelCard
from edge_bg.network.ladder import Ladder

from .accelerated import card as card
from .accelerated import edgetpu as edgetpu


def test_deaths_inside_an_accelerator_lead_to_the_cpu_and_back(
    card: Callable[[str], ModelCard], edgetpu: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    stats = Stats()

    def start() -> Ladder:
        breaker = Breaker(tmp_path, clock=lambda: now[0])
        return Ladder(card("only"), ["edgetpu", {"library": edgetpu}], 1, breaker=breaker, stats=stats)

    for _ in range(DEATHS):  # each run is simply forgotten, as a crash would: nothing says goodbye
        ladder = start()
        assert ladder.label == "edgetpu"
        now[0] += 60
    ladder = start()
    assert ladder.label == "external:libtiny_edgetpu.so"
    assert "left alone for 30 more minutes" in ladder.fallbacks["edgetpu"]
    assert stats.snapshot()["left_alone.delegate"] == 1
    assert "ended while edgetpu was being tried (3 of 3" in caplog.text
    ladder.close()
    now[0] += 31 * 60
    ladder = start()
    assert ladder.label == "edgetpu"
    ladder.close()


def test_a_real_crash_is_counted(
    card: Callable[[str], ModelCard], twin_folder: Path, tiny: str, tmp_path: Path
) -> None:
    code = """
import os, sys
from edge_bg.network.segment import Segmenter
from tests.patience import crowd, no_descriptors, wait_for
Segmenter(sys.argv[1], delegates=[{"library": sys.argv[2]}, "cpu"], threads=1)
os.abort() if len(sys.argv) < 4 else sys.exit()
"""
    command = [sys.executable, "-c", code, str(twin_folder / "twin.yaml"), tiny]
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path)}
    root = str(Path(__file__).resolve().parents[2])
    for more in ([], ["well"], []):  # the second ends well
        subprocess.run([*command, *more], env=environment, cwd=root, capture_output=True, check=False)
    breaker = Breaker(tmp_path)
    assert len(breaker._deaths["external:libtiny_edgetpu.so"]) == 2
    assert breaker.rest("external:libtiny_edgetpu.so") == 0.0
    subprocess.run(command, env=environment, cwd=root, capture_output=True, check=False)
    assert Breaker(tmp_path).rest("external:libtiny_edgetpu.so") > 1700


def deaths(folder: Path) -> int:
    return len(Breaker(folder)._deaths.get("edgetpu", []))


@pytest.mark.parametrize(
    ("note", "settled", "counts"),
    [
        (None, True, False),  # a power cut: systemd had no time to write anything
        (None, False, True),  # ... but one that came with the first work of the device, which may have caused it
        ("signal KILL", True, False),  # somebody's kill -9
        ("oom-kill KILL", True, False),
        ("watchdog ABRT", True, False),  # nothing was delivered; a network that hangs is counted by the service
        ("exit-code 1", True, False),
        ("signal SEGV", True, True),
        ("core-dump ABRT", True, True),
        ("signal BUS", True, True),
        ("signal KILL", False, True),
        ("rubbish", True, False),
    ],
)
def test_which_ends_count(tmp_path: Path, note: str | None, settled: bool, counts: bool) -> None:
    breaker = Breaker(tmp_path)
    breaker.enter("edgetpu")
    if settled:
        breaker.settle("edgetpu")
    if note is not None:
        (tmp_path / "ended").write_text(note + "\n")
    assert deaths(tmp_path) == counts
    assert deaths(tmp_path) == counts, "it is counted once"
    breaker = Breaker(tmp_path)
    breaker.enter("edgetpu")
    breaker.settle("edgetpu")
    assert deaths(tmp_path) == counts, "a note is not believed twice"


def test_an_accelerator_settles_after_a_while_of_work(
    card: Callable[[str], ModelCard], edgetpu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_bg.network.ladder.SETTLED", 0.2)
    ladder = Ladder(card("only"), ["edgetpu"], 1, breaker=Breaker(tmp_path))
    state = tmp_path / "accelerator.json"
    assert '"tried"' in state.read_text()
    time.sleep(0.3)
    ladder.engine()
    assert '"used"' in state.read_text()
    ladder.close()
    assert '"busy": {}' in state.read_text()


def test_a_clean_end_is_no_death(tmp_path: Path) -> None:
    for _ in range(5):
        breaker = Breaker(tmp_path)
        breaker.enter("edgetpu")
        breaker.leave("edgetpu")
    assert Breaker(tmp_path).rest("edgetpu") == 0.0


def test_rare_deaths_do_not_open_the_breaker(tmp_path: Path) -> None:
    now = [0.0]
    for _ in range(6):
        breaker = Breaker(tmp_path, clock=lambda: now[0])
        assert breaker.rest("edgetpu") == 0.0
        breaker.enter("edgetpu")
        now[0] += 1700


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"deaths": 5}', '{"deaths": {"x": ["y"]}}', '{"busy": 3}', '{"busy": {"edgetpu": 3}}']
)
def test_a_damaged_state_file_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "accelerator.json").write_text(text)
    breaker = Breaker(tmp_path)
    breaker.enter("edgetpu")
    breaker.leave()
    assert Breaker(tmp_path).rest("edgetpu") == 0.0


def test_without_a_state_directory_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    breaker = Breaker(None)
    breaker.enter("edgetpu")
    assert not list(tmp_path.iterdir())
