"""The daemon: one config, run until it is told to stop, as systemd would have it.

READY is said when a first frame has been delivered by a sink, and the watchdog is fed by delivered frames alone;
no timer ever speaks for the loop. SIGHUP reads the config again, SIGUSR1 learns the empty room anew, SIGTERM ends. A
missing camera is a state.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Final

from edge_bg import build
from edge_bg import config as configuration
from edge_bg.board import logs
from edge_bg.board import sensors as board
from edge_bg.board.leave import leave
from edge_bg.board.memory import few_heaps, give_back
from edge_bg.board.notify import Notifier
from edge_bg.board.signals import Signals
from edge_bg.config import Config
from edge_bg.errors import ConfigError, DelegateError, EdgeBgError
from edge_bg.frame import Frame
from edge_bg.network.breaker import service_breaker
from edge_bg.reload import Reloader
from edge_bg.rungs import Walk

log = logging.getLogger("edge_bg.service")  # also where this module is __main__

OK, FAILED, BAD_CONFIG = 0, 1, 2
TICK: Final = 1.0  # seconds between status lines
PATIENCE: Final = 30.0  # seconds in which a new source or sink may fail and the old configuration come back
STUCK: Final = 10  # ticks in which the network has not answered for one picture
BAD_STATES: Final = ("lost", "dead")


def run(config_path: str | Path) -> int:
    """Run `config_path` as a service. Returns an exit code: 0 ended well, 1 failed, 2 the config is wrong.

    systemd does not restart after 2: only a person can mend a config.
    """
    faulthandler.enable()  # the watchdog kills with SIGABRT: the journal then shows where every thread was
    few_heaps()
    notifier = Notifier()
    path = Path(config_path)
    logs.setup()
    try:
        with Signals() as signals:
            return Service(path, load(path), notifier, signals).run()
    except ConfigError as error:
        _tell(error, notifier)
        return BAD_CONFIG
    except EdgeBgError as error:
        _tell(error, notifier)
        return FAILED
    finally:
        notifier.close()


def load(path: Path) -> Config:
    """The config at `path` as a service wants it: a camera that is not there is waited for."""
    config = configuration.load(path)
    source = config.source
    if getattr(source, "wait", None) is False:
        config = config.model_copy(update={"source": source.model_copy(update={"wait": True})})
    return config


def _tell(error: EdgeBgError, notifier: Notifier) -> None:
    log.error("%s", error)
    notifier.status(error.message)


class Service:
    """Owns the booth: starts it, watches it, reloads it, ends it."""

    def __init__(self, path: Path, config: Config, notifier: Notifier, signals: Signals) -> None:
        self._path, self._config = path, config
        self._notifier, self._signals = notifier, signals
        self._error: BaseException | None = None
        self._notes = ""
        self._walk = Walk(config)
        self._asked, self._told_to_stop = False, False  # a reload, the end
        self._flowing, self._ended = threading.Event(), threading.Event()
        self._booth: build.Booth | None = None
        self._thread: threading.Thread | None = None
        self._call, self._ticks = 0, 0  # of the network: the one under way, and for how long

    def run(self) -> int:
        """Until a signal says stop or the loop ends. Raises the loop's `EdgeBgError`."""
        self._notifier.status("starting")
        self._start(self._config)
        try:
            while not self._ended.is_set():
                if self._hear(TICK):
                    log.info("stopping")
                    break
                if self._asked and self._booth is not None:
                    self._asked = False
                    self._reload()
                self._climb()
                self._notifier.status(self.words())
                self._check_network()
        finally:
            self._notifier.stopping()
            self._stop()
        if isinstance(self._error, EdgeBgError):
            raise self._error
        if self._error is not None:
            log.error("a fault in edge-bg itself", exc_info=self._error)
            return FAILED
        return OK

    def _hear(self, seconds: float) -> bool:
        """Wait for signals; whether the end was asked for, now or before."""
        signals = self._signals.wait(seconds)
        self._asked = self._asked or signal.SIGHUP in signals
        if signal.SIGUSR1 in signals and self._booth is not None:
            log.info("learning the empty room anew")
            self._booth.matte.relearn()
        self._told_to_stop = self._told_to_stop or bool(signals & {signal.SIGTERM, signal.SIGINT})
        return self._told_to_stop

    def _check_network(self) -> None:
        """Raise `DelegateError` if the network has hung for `STUCK` seconds.

        The watchdog would not see it, as covers go out meanwhile; and a thread that hangs in a library cannot be ended.
        """
        if self._booth is None:
            return
        info = self._booth.segmenter.info
        call = info["running"]
        self._ticks = self._ticks + 1 if call and call == self._call else 0
        self._call = call
        if self._ticks < STUCK:
            return
        label = info["delegate"]
        if label != "cpu":
            service_breaker().died(label, f"{label} has stopped answering")
        raise DelegateError(f"{label} has not answered for {STUCK} s: the program ends, to be started anew")

    # --- the booth -----------------------------------------------------------------------------------

    def _start(self, config: Config) -> None:
        """Open and run `config` on a thread, so that signals are heard while a device takes its time to open."""
        self._level(config)
        self._flowing.clear()
        self._ended.clear()
        self._error = None
        self._thread = threading.Thread(target=self._live, args=(config,), name="edge-bg-loop", daemon=True)
        self._thread.start()

    def _live(self, config: Config) -> None:
        try:
            booth = build.open(config, path=self._path)
            booth.sinks.on_delivered = self._delivered
            booth.sinks.persist()
            self._booth, self._config = booth, config
            booth.run()
        except BaseException as error:
            self._error = error
        self._ended.set()
        self._signals.wake()

    def _stop(self) -> None:
        if self._booth is None or self._thread is None:
            return  # nothing is open yet, and what is being opened ends with the process
        start = time.monotonic()
        self._booth.stop()
        self._thread.join(30.0)  # a film is completed; systemd has the last word
        try:
            self._booth.close()
        except EdgeBgError as error:
            self._error = self._error or error
        log.info("stopped in %.1f s", time.monotonic() - start)
        self._booth = self._thread = None
        give_back(cycles=True)

    def _delivered(self, name: str, frame: Frame) -> None:
        self._flowing.set()
        self._notifier.alive()

    # --- reload --------------------------------------------------------------------------------------

    def _reload(self) -> None:
        log.info("reading %s again", self._path)
        self._notifier.reloading()
        try:
            new = load(self._path)
        except (ConfigError, OSError) as error:
            log.error("the old configuration stays: %s", error)
            self._notes = "the new configuration was refused"
        else:
            self._notes = ""
            self._walk = Walk(new)
            self._apply(new)
            give_back()
        self._notifier.reloaded()

    def _apply(self, new: Config) -> None:
        assert self._booth is not None
        reloader = Reloader(self._booth, self._booth.config, new)
        if reloader.needs_restart:
            log.warning("%s changed: the loop starts anew", ", ".join(reloader.needs_restart))
            old = self._config
            del reloader  # it holds the booth that ends now
            self._stop()
            self._start(new)
            end = time.monotonic() + PATIENCE
            while not (self._flowing.is_set() or self._ended.is_set() or time.monotonic() > end):
                if self._hear(0.1):
                    return
            if self._ended.is_set() and self._error is not None:
                log.error("the old configuration stays: %s", self._error)
                self._notes = "the new configuration was refused"
                self._stop()
                self._start(old)
            return
        worker = threading.Thread(target=self._change, args=(reloader, new), name="edge-bg-reload", daemon=True)
        worker.start()  # a device or a disk may take its time, and signals are to be heard meanwhile
        while worker.is_alive() and not self._ended.is_set():
            if self._hear(0.05):
                return

    def _change(self, reloader: Reloader, new: Config) -> None:
        try:
            changed = reloader.apply()
        except Exception as error:
            fault = None if isinstance(error, EdgeBgError) else error
            log.error("the old configuration stays: %s", error, exc_info=fault)
            self._notes = "the new configuration was refused"
            return
        self._config = new
        if self._booth is not None:
            self._booth.config = new
        self._level(new)
        log.info("changed: %s", ", ".join(changed) if changed else "nothing")

    def _level(self, config: Config) -> None:
        logging.getLogger("edge_bg").setLevel(config.log.level.upper())

    def _climb(self) -> None:
        """Look at the load and the heat, and take a step of the quality ladder if it is time."""
        booth = self._booth
        if booth is None or not self._flowing.is_set():
            return
        new = self._walk(booth.config, booth.stats)
        if new is not None:
            log.warning("quality: %s (%s)", self._walk.rung, self._walk.why)
            self._apply(new)
        if self._booth is not None:
            self._booth.rung = self._walk.rung

    # --- words ---------------------------------------------------------------------------------------

    def words(self) -> str:
        """Rate, latency, delegate, temperature, and what is not as it should be: the STATUS= line."""
        booth = self._booth
        if booth is None:
            return "starting"
        figures = booth.stats.snapshot()
        info = booth.segmenter.info
        parts = [f"{figures['fps']:.1f} fps", f"{figures.get('latency.median_ms', 0.0):.0f} ms", info["delegate"]]
        degrees = board.temperature()
        if degrees is not None:
            parts.append(f"{degrees:.0f} °C")
        parts += board.strained(board.throttled() or 0)
        if booth.source.state != "ok":
            parts.append(f"source {booth.source.state}")
        if info["fallbacks"]:
            parts.append(f"wanted {info['wanted']}: {info['fallbacks'][0]['reason']}")
        parts += [
            f"sink {name} {sink['state']}" for name, sink in booth.sinks.report().items() if sink["state"] in BAD_STATES
        ]
        if self._walk.rung != "all":
            parts.append(f"quality down to {self._walk.rung}: {self._walk.why}")
        if self._notes:
            parts.append(self._notes)
        return ", ".join(parts)


def main() -> int:
    """`python -m edge_bg.service CONFIG`."""
    import sys

    return run(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("EDGE_BG_CONFIG", "/etc/edge-bg/config.yaml"))


if __name__ == "__main__":
    leave(main())
