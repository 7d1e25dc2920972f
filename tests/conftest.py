"""What all tests share: what is left out when, signals as they are meant, no process left, and what was not tried."""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import hypothesis
import pytest

# `nohup`, and a shell that starts the tests in the background, have signals ignored, and the programs that tests start
# would inherit that. A handler is not inherited: they find the default. The tests themselves go on as they were asked.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)
signal.pthread_sigmask(signal.SIG_SETMASK, ())

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: whoever loses its parent becomes a child of ours, and is seen
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
MACHINERY = ("multiprocessing", "playwright")  # processes of a library, which ends them with the session
_leave = subprocess.Popen.__exit__


def _end_and_leave(
    self: subprocess.Popen[Any], kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
) -> None:
    """`with Popen(...)` waits for its process: for ever, where a test failed before it told the process to end."""
    if kind is not None and self.poll() is None:
        self.kill()
    _leave(self, kind, error, at)


subprocess.Popen.__exit__ = _end_and_leave  # type: ignore[method-assign]


def _children() -> dict[int, str]:
    """Process number -> command line of the living processes that this one has started."""
    found: dict[int, str] = {}
    for each in Path("/proc/self/task").glob("*/children"):
        try:
            numbers = each.read_text().split()
        except OSError:  # the thread has just ended
            continue
        for pid in numbers:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                words = words or Path(f"/proc/{pid}/stat").read_text()  # it has only just begun, or has ended
            except OSError:
                continue
            if ") Z" not in words and not any(word in words for word in MACHINERY):
                found[int(pid)] = words
    return found


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """What a test has started is gone a moment after it: killed, and the test failed, where it is not."""
    before = _children()
    yield
    end = time.monotonic() + 10.0
    while (left := {pid: words for pid, words in _children().items() if pid not in before}) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"the test left processes behind: {left}"


ROOT = Path(__file__).resolve().parents[1]
# These start programs and wait for what they say, most of the time idle, or share a browser, a service or a network.
# Each group has a worker that runs it, one test after the other, so that no more than these run at a time; `--fast`
# leaves them out.
CLOCK = {
    "pages": ("tests/web", "tests/booth"),
    "stills": ("tests/still", "tests/cutserver"),
    "programs": ("tests/e2e", "tests/service", "tests/faults", "tests/bench", "tests/network/test_crash_loop.py"),
}
# These play films, measure models or start programs for a moment; `--fast` leaves them out, too.
FILMS = (
    "tests/framing", "tests/lab", "tests/matte", "tests/models", "tests/still", "tests/golden",
    "tests/catalogue", "tests/cutserver", "tests/fuzz", "tests/contract", "tests/house/test_hygiene.py",
    "tests/network/test_delegates.py", "tests/network/test_breaker.py", "tests/network/test_tune",
    "tests/network/test_damaged_models.py",
    "tests/sources/test_file.py", "tests/sources/test_tone.py", "tests/sources/test_bars.py",
    "tests/sources/test_cuts.py", "tests/sources/test_synthetic.py",
    "tests/sinks/test_clients.py", "tests/sinks/test_file.py",
)  # fmt: skip
# Of files that stay: what starts a program, or builds the pages of the manual.
PROGRAMS = (
    "tests/cli/test_run_command.py::test_a_signal", "tests/cli/test_run_command.py::test_raw_video",
    "tests/cli/test_docs.py::test_the_manual_is_a_site", "tests/cli/test_docs.py::test_pages_made",
    "tests/config/test_model.py::test_what_is_generated",
)  # fmt: skip
NOT_FAST = (*itertools.chain(*CLOCK.values()), *FILMS, *PROGRAMS)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run what proves more than it checks, in minutes")
    parser.addoption("--slow", action="store_true", help="also run the proofs that take minutes each, up to hours")
    parser.addoption("--fast", action="store_true", help="leave out what starts programs, plays films or measures")


def pytest_configure(config: pytest.Config) -> None:
    # The same examples every time: what stops a change from landing is the change. `--slow` looks for new ones.
    hypothesis.settings.register_profile("same", derandomize=True, print_blob=True)
    hypothesis.settings.register_profile("new", derandomize=False, print_blob=True)
    hypothesis.settings.load_profile("new" if config.getoption("--slow") else "same")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--fast") and collection_path.is_relative_to(ROOT):
        return collection_path.relative_to(ROOT).as_posix().startswith(NOT_FAST) or None
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each group of `CLOCK` on one worker, and each other file: what its tests share is made once.

    xdist's own groups (`xdist_group`, 3.8) are of no effect with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Rooms(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            groups = (group for group, places in CLOCK.items() if nodeid.startswith(places))
            return next(groups, nodeid.split("::")[0])

    return Rooms(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        left = [item for item in items if item.nodeid.startswith(PROGRAMS)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    slow = config.getoption("--slow")
    for word, reason, wanted in (("slow", SLOW, slow), ("long", LONG, slow or config.getoption("--long"))):
        skip = pytest.mark.skip(reason=reason)
        for item in items:
            if word in item.keywords and not wanted:
                item.add_marker(skip)


SLOW = "takes minutes: run with --slow"
LONG = "proves more than it checks: run with --long"
WANTS = (  # what a reason says, and how the last line puts it
    (re.compile("ffmpeg", re.I), "ffmpeg"),
    (re.compile("chromium|playwright", re.I), "chromium and playwright"),
    (re.compile("gcc|c compiler", re.I), "gcc"),
    (re.compile("EDGE_BG_DATA|evaluation", re.I), "the evaluation pictures (EDGE_BG_DATA)"),
    (re.compile("--slow"), "--slow"),
    (re.compile("--long"), "--long"),
    (re.compile("loopback", re.I), "v4l2loopback"),
    (re.compile("systemd|container|nspawn", re.I), "systemd"),
    (re.compile("root", re.I), "root"),
    (re.compile("torch", re.I), "torch"),
)
_untried: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        _note(report.longrepr[2])


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _note(report.longrepr[2])  # a whole file


def _note(reason: str) -> None:
    reason = reason.removeprefix("Skipped: ")
    _untried[next((word for what, word in WANTS if what.search(reason)), reason)] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line: what was not tried, and what it wants."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and config.getoption("--fast"):
        terminal.write_line(f"LEFT OUT by --fast: {' '.join(NOT_FAST)}")
    if terminal is not None and _untried:
        parts = ", ".join(f"{n} without {word}" for word, n in _untried.most_common())
        terminal.write_line(f"NOT TRIED: {sum(_untried.values())} tests ({parts})")


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
