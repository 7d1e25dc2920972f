"""Buttons and lamps at GPIO pins: a line of YAML each. A button counts as a finger on the screen."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from edge_bg.config.booth import Gpio as GpioPart
from edge_bg.errors import EdgeBgError, MissingDependency, bug

log = logging.getLogger("edge_bg.booth.gpio")

EVERY: Final = 0.1  # seconds between looks at what the lamps shall show
BOUNCE: Final = 0.05  # seconds for which a button trembles


class Gpio:
    """The pins of a booth. Raises MissingDependency without gpiozero, and EdgeBgError where there are no pins."""

    def __init__(self, part: GpioPart, control: Any) -> None:
        try:
            import gpiozero
        except ImportError:
            hint = "pip install 'edge-bg[gpio]'; on a Raspberry Pi also: sudo apt install python3-lgpio"
            raise MissingDependency("booth.gpio needs gpiozero", hint=hint) from None
        self._control = control
        self._ended = threading.Event()
        self._devices: list[Any] = []
        self._lamps: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        try:
            for does, pin in part.buttons.items():
                button = gpiozero.Button(pin, pull_up=True, bounce_time=BOUNCE)
                button.when_pressed = self._press(does)
                self._devices.append(button)
            for shows, pin in part.lamps.items():
                self._lamps[shows] = gpiozero.LED(pin)
                self._devices.append(self._lamps[shows])
        except Exception as error:  # gpiozero, its pin factories and the kernel each have their own
            self.close()
            hint = "are these pins free, and is the user of edge-bg in the group gpio?"
            raise EdgeBgError(f"booth.gpio: {error}", hint=hint) from error
        self._thread = threading.Thread(target=self._run, name="edge-bg-gpio", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the pins, lamps out; idempotent."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(1.0)
        for lamp in self._lamps.values():
            lamp.off()
        for device in self._devices:
            device.close()
        self._lamps = {}
        self._devices = []

    def _press(self, does: str) -> Callable[[], None]:
        def pressed() -> None:
            # Not on gpiozero's own thread, which hears the other buttons.
            threading.Thread(target=self._do, args=(does,), name="edge-bg-button", daemon=True).start()

        return pressed

    def _do(self, does: str) -> None:
        control = self._control
        try:
            if does == "background":
                known = [each["id"] for each in control.shelf("backgrounds")]
                now = control.state("guest")["background"]
                at = known.index(now) if now in known else -1
                control.pick(known[(at + 1) % len(known)], "screen")
            elif does == "relearn":
                control.operator.learn()
            elif does == "privacy":
                control.privacy(control.state("guest")["live"] != "private")
            else:
                control.step(does, "screen")
        except Exception as error:
            log.warning("button %s: %s", does, error, exc_info=bug(error))

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            try:
                state = self._control.state("guest")
            except Exception as error:  # shown a moment later
                log.debug("lamps: %s", error)
                continue
            for shows, lamp in self._lamps.items():
                try:
                    (lamp.on if lit(shows, state) else lamp.off)()
                except Exception as error:  # closed meanwhile
                    log.debug("lamp %s: %s", shows, error)


def lit(shows: str, state: dict[str, Any]) -> bool:
    """Whether a lamp is on in a state as `Control.state` gives it."""
    visit, live = state["flow"]["state"], state["live"]
    shown = {
        "live": live == "live",
        "ready": live == "live" and visit in ("attract", "live"),
        "countdown": visit == "counting" and (state["flow"]["count"] or 0) % 2 == 1,
        "capture": visit == "capture",
        "privacy": live == "private",
        "fault": live == "covered" or bool(state["room"]["wrong"]),
    }
    return bool(shown[shows])
