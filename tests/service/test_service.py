"""The daemon as a real process: what it says to systemd, what signals do, what survives."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.patience import crowd

ROOT = Path(__file__).resolve().parents[2]
SLOWNESS = 8 if "QEMU_CPU" in os.environ else 1  # emulated processors do the same, later
HTTP = "{kind: http, port: 0}"


class Daemon:
    """`python -m edge_bg.service CONFIG` with a systemd made of a socket."""

    def __init__(self, folder: Path, text: str, code: str = "", **environ: str) -> None:
        program = ["-c", code] if code else ["-m", "edge_bg.service"]
        self.config = folder / "config.yaml"
        self.config.write_text(text)
        self.log = folder / "log"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.said: list[tuple[float, str]] = []
        with self.log.open("wb") as log:
            journal = os.fstat(log.fileno())
            self.process = subprocess.Popen(
                [sys.executable, *program, str(self.config)],
                cwd=ROOT,
                stderr=log,
                env={
                    **os.environ,
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": "1000000",
                    "JOURNAL_STREAM": f"{journal.st_dev}:{journal.st_ino}",
                    **environ,
                },
            )

    def listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds * SLOWNESS
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self.said.append((time.monotonic(), self.socket.recv(4096).decode()))
            except TimeoutError:
                return

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds * SLOWNESS
        while not condition():
            assert time.monotonic() < end, f"no {what} within {seconds} s; log:\n{self.text()}\nsaid: {self.said}"
            self.listen(0.05)

    def ready(self) -> None:
        self.until(lambda: self.count("READY=1"), "READY")

    def count(self, word: str) -> int:
        return sum(word in message for _, message in self.said)

    def status(self) -> str:
        lines = [m.removeprefix("STATUS=") for _, m in self.said if m.startswith("STATUS=")]
        return lines[-1] if lines else ""

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        start = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(60 * SLOWNESS)
        return code, (time.monotonic() - start) / SLOWNESS / crowd()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def make(text: str, code: str = "", **environ: str) -> Daemon:
        made.append(Daemon(tmp_path, text, code, **environ))
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            started = psutil.Process(each.process.pid).children(recursive=True)
            each.process.kill()
            each.process.wait()
            for child in started:  # a command behind a pipe outlives a program that is killed
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        each.socket.close()


def config(
    *, source: str = "{kind: synthetic, size: 320x180, fps: 30}", sinks: str = f"[{HTTP}]", more: str = ""
) -> str:
    return f"source: {source}\nsinks: {sinks}\nmodel: {{threads: 1}}\n{more}\n"


def test_ready_status_watchdog_and_a_quick_end(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config())
    service.ready()
    service.listen(2.2)
    assert service.said[0][1] == "STATUS=starting"
    assert service.count("WATCHDOG=1") >= 5
    assert re.match(r"\d+\.\d fps, \d+ ms, cpu(, \d+ °C)?$", service.status()), service.status()
    code, seconds = service.end()
    assert (code, seconds < 2) == (0, True)
    service.listen(0.1)
    assert service.count("STOPPING=1") == 1
    assert re.search(r"^<6>stopped in", service.text(), re.M), "priorities for the journal"


def test_a_hung_loop_starves_the_watchdog(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config())
    service.ready()
    service.process.send_signal(signal.SIGSTOP)
    service.listen(0.3)  # what was under way
    before = service.count("WATCHDOG=1")
    service.listen(1.0)
    assert service.count("WATCHDOG=1") == before
    service.process.send_signal(signal.SIGCONT)
    service.until(lambda: service.count("WATCHDOG=1") > before, "food after SIGCONT")
    service.process.send_signal(signal.SIGABRT)  # what the watchdog of systemd sends
    assert service.process.wait(60 * SLOWNESS) == -signal.SIGABRT
    assert "in _live" in service.text(), "the journal shows where each thread was"


@pytest.mark.long
def test_a_sink_that_takes_nothing_starves_the_watchdog(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config(sinks="[{kind: pipe, command: 'sleep 60'}]"))
    service.ready()  # the pipe takes a few frames before it is full
    service.listen(4)
    delivered = service.count("WATCHDOG=1")
    service.listen(1.5)
    assert service.count("WATCHDOG=1") == delivered, "the pipe is full: nothing is delivered, whatever the loop does"
    assert service.count("STATUS=") > 2, "the main thread does live"


def test_a_missing_camera_is_a_state(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config(source="{kind: v4l2, device: /dev/video97, size: 320x180, wait: false}"))
    service.ready()
    service.listen(1.5)
    assert "source lost" in service.status()
    assert service.count("WATCHDOG=1") >= 2, "the cover is a delivered frame"
    assert service.process.poll() is None
    code, seconds = service.end(signal.SIGINT)
    assert (code, seconds < 2) == (0, True)


def test_reload_live_refused_and_with_a_new_source(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config(more='background: "#ff0000"\nlog: {level: info}'))
    service.ready()
    pid = service.process.pid

    def reload(text: str, done: str) -> None:
        ready = service.count("READY=1")
        service.config.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: service.count("READY=1") > ready and done in service.text(), f"reload: {done}")

    reload(config(more='background: "#00ff00"\nmatte: {radius: 3}\nprivacy: {max_mask_age: 1.0}'), "<6>changed:")
    line = next(text for text in service.text().splitlines() if "changed:" in text)
    assert all(part in line for part in ("background", "matte", "privacy"))
    reload(
        config(more="model: {name: landscape, precision: float16, threads: 1}").replace("model: {threads: 1}\n", ""),
        "changed: model",
    )
    reload("sinks: [{kind: http, port: 999999}]\nbackgroud: x", "<3>the old configuration stays")
    assert "backgroud" in service.text() and "port" in service.text()
    service.until(lambda: "the new configuration was refused" in service.status(), "status of the refusal")
    reload(config(source="{kind: synthetic, size: 256x144, fps: 20}"), "<4>source changed: the loop starts anew")
    food = service.count("WATCHDOG=1")
    service.until(lambda: service.count("WATCHDOG=1") > food + 2, "frames after the restart")
    assert service.process.pid == pid and service.process.poll() is None
    assert service.count("RELOADING=1") == 4
    assert service.end()[0] == 0


@pytest.mark.long
def test_a_signal_has_the_empty_room_learned_anew(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config(more="matte: {booth: true}\nlog: {level: info}"))
    service.ready()
    service.process.send_signal(signal.SIGUSR1)
    service.until(lambda: "learning the empty room anew" in service.text(), "the signal in the journal")
    food = service.count("WATCHDOG=1")
    service.until(lambda: service.count("WATCHDOG=1") > food + 2, "frames afterwards")
    assert service.end()[0] == 0


@pytest.mark.long
def test_a_source_that_cannot_be_opened_is_refused_by_a_reload(daemon: Callable[..., Daemon]) -> None:
    service = daemon(config())
    service.ready()
    service.config.write_text(config(sinks="[{kind: pipe, command: /nowhere/program}]"))
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: "refused" in service.status(), "refusal")
    food = service.count("WATCHDOG=1")
    service.until(lambda: service.count("WATCHDOG=1") > food + 2, "frames of the old config")
    assert service.end()[0] == 0


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("gcc") is None:
        pytest.skip("GCC ABSENT: the delegate of this test is compiled: apt install gcc")
    library = tmp_path_factory.mktemp("delegate") / "libtiny.so"
    source = ROOT / "tests/network/tiny_delegate.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return str(library)


@pytest.mark.long
def test_term_is_heard_while_a_device_hangs(daemon: Callable[..., Daemon], tiny: str) -> None:
    delegates = f"[{{library: {tiny}, options: {{hang: create}}}}, cpu]"
    service = daemon(config().replace("threads: 1", f"threads: 1, delegates: {delegates}"))
    service.until(lambda: psutil.Process(service.process.pid).children(), "process of its own for the delegate")
    service.listen(1)
    assert service.count("READY=1") == 0
    hanging = psutil.Process(service.process.pid).children()
    code, seconds = service.end()
    assert (code, seconds < 2) == (0, True), service.text()
    assert psutil.wait_procs(hanging, timeout=10)[1] == [], "a device that hangs leaves no process behind"


@pytest.mark.long
def test_a_reload_to_a_device_that_hangs_stops_nothing(daemon: Callable[..., Daemon], tiny: str) -> None:
    code = (
        "from edge_bg import service\nfrom edge_bg.network import ladder\n"
        "ladder.SOON = 0.1\nraise SystemExit(service.main())"
    )
    service = daemon(config(), code)
    service.ready()
    delegates = f"[{{library: {tiny}, options: {{hang: create}}}}, cpu]"
    service.config.write_text(config().replace("threads: 1", f"threads: 1, delegates: {delegates}"))
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: "changed: model" in service.text(), "the reload")
    service.until(lambda: psutil.Process(service.process.pid).children(), "the trial of the device")
    food = service.count("WATCHDOG=1")
    service.listen(1.5)
    assert service.count("WATCHDOG=1") >= food + 3 and "cpu" in service.status()
    code, seconds = service.end()
    assert (code, seconds < 2) == (0, True), service.text()


@pytest.mark.long
def test_term_is_heard_while_a_camera_hangs_in_its_driver(daemon: Callable[..., Daemon]) -> None:
    code = (
        "import time\nfrom edge_bg import service\nfrom edge_bg.sources.v4l2 import V4l2Camera as Camera\n"
        "Camera._connect = lambda self: None\nCamera._grab = lambda self: time.sleep(30)\n"
        "raise SystemExit(service.main())"
    )
    service = daemon(config(source="{kind: v4l2, device: /dev/video97, size: 320x180}"), code)
    service.ready()
    code, seconds = service.end()
    assert (code, seconds < 2) == (0, True), service.text()


def test_the_command_line_offers_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_bg", "run", "--service"]
    (tmp_path / "c.yaml").write_text(config(source="{kind: synthetic, size: 256x144, realtime: false, frames: 5}"))
    assert subprocess.run([*command, str(tmp_path / "c.yaml")], cwd=ROOT, capture_output=True).returncode == 0
    assert subprocess.run([*command, "--frames", "3"], cwd=ROOT, capture_output=True).returncode == 2


def test_a_wrong_config_exits_2_and_is_not_restarted(daemon: Callable[..., Daemon]) -> None:
    service = daemon("sources: 1\nsinks: []\n")
    assert service.process.wait(60 * SLOWNESS) == 2
    assert "<3>" in service.text() and "sources" in service.text()
    unit = (ROOT / "systemd/edge-bg.service").read_text()
    assert "RestartPreventExitStatus=2" in unit


def test_a_taken_port_exits_1(daemon: Callable[..., Daemon]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = daemon(config(sinks=f"[{{kind: http, port: {taken.getsockname()[1]}}}]"))
        assert service.process.wait(60 * SLOWNESS) == 1
    assert "<3>" in service.text()
    assert "Traceback" not in service.text()


def test_term_finishes_the_film(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    import cv2

    film = tmp_path / "out.mp4"
    service = daemon(config(sinks=f"[{{kind: file, path: {film}}}]"))
    service.ready()
    service.listen(1)
    code, seconds = service.end()
    assert (code, seconds < 4) == (0, True), service.text()
    capture = cv2.VideoCapture(str(film))
    assert capture.read()[0]
    capture.release()
