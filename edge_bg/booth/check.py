"""The booth check: half a minute of frames, and for each thing that matters a verdict and what would help.

Nothing is stored; the frames are looked at one by one. What it can tell of a room it has seen in that time only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np

from edge_bg.booth.recent import Recent
from edge_bg.errors import NotNow
from edge_bg.frame import Frame, Picture
from edge_bg.said import Said, say

SECONDS: Final = 30.0  # seconds that a booth check takes
EVERY: Final = 0.25  # seconds between the frames that are looked at
WIDTH: Final = 320  # of the picture that is looked at
LEAST: Final = 8  # frames without which nothing can be said

DARK, DIM = 45.0, 75.0  # mean luma of the person
BURNT = 0.06  # share of the person that is white
NOISY, GRAINY = 6.0, 3.5  # levels by which a still room changes from frame to frame
SHAKES, TREMBLES = 1.2, 0.4  # pixels, of WIDTH, by which the room moves
LEAKS, SOME = 0.012, 0.004  # share of the picture that is kept without belonging to a person


class Measured:
    """What is measured of frames, one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self._before: tuple[Picture, Picture] | None = None
        self._light: list[float] = []
        self._burnt: list[float] = []
        self._noise: list[float] = []
        self._shift: list[float] = []
        self._leak: list[float] = []
        self._boxes: list[tuple[float, float, float, float]] = []

    def add(self, frame: Frame) -> None:
        """A frame as it came, with its alpha."""
        alpha = frame.alpha
        if alpha is None:
            return
        size = (WIDTH, max(2, round(WIDTH * frame.height / frame.width)))
        luma: Any = cv2.resize(frame.y, size, interpolation=cv2.INTER_AREA)
        near: Any = frame.y[: frame.height // 4 * 4 : 4, : frame.width // 4 * 4 : 4]  # not averaged: grain would vanish
        share: Any = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        self.count += 1
        person = share > 200
        if person.sum() > 50:
            self._light.append(float(luma[person].mean()))
            self._burnt.append(float((luma[person] >= 250).mean()))
        self._look(share)
        room = cv2.erode((share < 8).astype(np.uint8), np.ones((9, 9), np.uint8))
        if self._before is not None:
            self._compare(luma, near, room, *self._before)
        self._before = (luma, near)

    def _look(self, share: Picture) -> None:
        high, wide = share.shape
        _, _, stats, _ = cv2.connectedComponentsWithStats((share > 100).astype(np.uint8))
        pieces = sorted(stats[1:].tolist(), key=lambda piece: -piece[cv2.CC_STAT_AREA])
        if not pieces:
            self._leak.append(0.0)
            return
        x, y, w, h, area = pieces[0]
        if area > 0.01 * share.size:
            self._boxes.append((x / wide, y / high, (x + w) / wide, (y + h) / high))
        small = sum(piece[cv2.CC_STAT_AREA] for piece in pieces[1:] if piece[cv2.CC_STAT_AREA] < 0.1 * area)
        self._leak.append(small / share.size)

    def _compare(self, luma: Picture, near: Picture, room: Any, before: Picture, near_before: Picture) -> None:
        if room.mean() < 0.1:
            return  # nothing of the room is seen
        still = cv2.resize(room, near.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        change = cv2.absdiff(near, near_before)[still]
        if change.size:
            self._noise.append(float(np.median(change)) * 1.48 / 1.41 if np.median(change) else float(change.mean()))
        window: Any = cv2.createHanningWindow(luma.shape[::-1], cv2.CV_32F) * room.astype(np.float32)
        (dx, dy), sure = cv2.phaseCorrelate(before.astype(np.float32) * room, luma.astype(np.float32) * room, window)
        if sure > 0.2:
            self._shift.append(float(np.hypot(dx, dy)))

    def points(self) -> list[dict[str, Any]]:
        """`[{name, verdict, value, words, help}]`; verdict good, fair or poor."""
        if self.count < LEAST:
            text = "No picture with a cut-out came: is the camera on, and is somebody in front of it?"
            return [
                _point(
                    "Picture",
                    "poor",
                    say("{count} pictures", count=self.count),
                    text,
                    "Look at Health for what is wrong.",
                )
            ]
        return [self._lit(), self._overlit(), self._grain(), self._calm(), self._framed(), self._leaks()]

    def _lit(self) -> dict[str, Any]:
        if not self._light:
            text = "Nobody was seen: stand where guests will stand, and check again."
            return _point("Light", "poor", "nobody", text, "Step in front of the camera.")
        light = float(np.median(self._light))
        words = ("There is light enough on the guest.", "The guest is a little dark.", "The guest is dark.")
        help = "Put a lamp beside the camera, pointing at the guest; a white wall or sheet makes it soft."
        return _judged("Light", -light, (-DIM, -DARK), say("{light} of 255", light=f"{light:.0f}"), words, help)

    def _overlit(self) -> dict[str, Any]:
        burnt = float(np.median(self._burnt)) if self._burnt else 0.0
        words = (
            "Bright parts keep their detail.",
            "Some parts are burnt out.",
            "Faces or shirts are burnt out.",
        )
        help = "Move the lamp back, or bounce it off a wall; lower the camera's exposure."
        return _judged("Bright spots", burnt, (BURNT / 3, BURNT), f"{burnt:.1%}", words, help)

    def _grain(self) -> dict[str, Any]:
        if not self._noise:
            return _point("Noise", "fair", "unknown", "The room was not seen.", "Leave some room beside the guest.")
        noise = float(np.median(self._noise))
        words = ("The picture is clean.", "The picture is grainy.", "The picture is very grainy: edges will tremble.")
        help = "More light is what helps; then a lower gain (ISO) of the camera."
        return _judged("Noise", noise, (GRAINY, NOISY), say("{noise} levels", noise=f"{noise:.1f}"), words, help)

    def _calm(self) -> dict[str, Any]:
        if not self._shift:
            return _point("Stillness", "fair", "unknown", "The room has too little detail to tell.", "Check by eye.")
        shift = float(np.percentile(self._shift, 90))
        words = ("Camera and room stand still.", "The camera trembles a little.", "The camera or the room moves.")
        help = "Fix the camera to a wall or a heavy stand, away from steps and fans; turn its autofocus off."
        value = say("{shift} of {width} pixels", shift=f"{shift:.1f}", width=WIDTH)
        return _judged("Stillness", shift, (TREMBLES, SHAKES), value, words, help)

    def _framed(self) -> dict[str, Any]:
        if not self._boxes:
            return _point("Framing", "poor", "nobody", "Nobody was seen.", "Step in front of the camera.")
        left, top, right, bottom = np.median(np.array(self._boxes), axis=0)
        centre, height = (left + right) / 2, bottom - top
        trouble = []
        if top < 0.02:
            trouble.append("Heads touch the upper edge: tilt the camera up, or move it back.")
        if height < 0.35:
            trouble.append("The guest is small: move the camera nearer.")
        if not 0.3 < centre < 0.7:
            trouble.append("The guest stands at the side: turn the camera, or mark the place on the floor.")
        if left < 0.01 or right > 0.99:
            trouble.append("The guest is cut off at the side: move the camera back.")
        verdict = "good" if not trouble else "fair" if len(trouble) == 1 else "poor"
        words = "The guest is well in the picture." if not trouble else "The guest is not well in the picture."
        advice = {f"advice{at}": say(each) for at, each in enumerate(trouble)}
        help = say(" ".join(f"{{{name}}}" for name in advice), **advice)
        return _point("Framing", verdict, say("{share} of the height", share=f"{height:.0%}"), words, help)

    def _leaks(self) -> dict[str, Any]:
        leak = float(np.percentile(self._leak, 75))
        kept = "Pieces of the room are kept beside the guest."
        words = ("Nothing of the room is kept.", kept, kept)
        help = "Take coats, posters and plants out of view, learn the empty room, or leave out small pieces."
        return _judged("Leaks", leak, (SOME, LEAKS), f"{leak:.2%}", words, help)


def _judged(
    name: str, amount: float, limits: tuple[float, float], value: str, words: tuple[str, str, str], help: str
) -> dict[str, Any]:
    """Good up to the first limit, fair up to the second, poor beyond; `words` for each."""
    rank = sum(amount > limit for limit in limits)
    return _point(name, ("good", "fair", "poor")[rank], value, words[rank], help if rank else "")


def _point(name: str, verdict: str, value: str, words: str, help: str) -> dict[str, Any]:
    told = {"name": name, "value": value, "words": words, "help": help}
    return {**{key: text if isinstance(text, Said) else say(text) for key, text in told.items()}, "verdict": verdict}


class Check:
    """Runs the check on a thread of its own; one at a time."""

    def __init__(self, recent: Recent, awake: Callable[[], None], seconds: float = SECONDS) -> None:
        self._recent, self._awake, self.seconds = recent, awake, seconds
        self._points: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._end = 0.0

    def start(self) -> None:
        """Begin. Raises NotNow while one runs."""
        if self._thread is not None and self._thread.is_alive():
            raise NotNow("the check is running already")
        self._points = []
        self._end = time.monotonic() + self.seconds
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="edge-bg-check", daemon=True)
        self._thread.start()

    def told(self) -> dict[str, Any]:
        """`running` and how many seconds are `left`, and `points` once it is done."""
        running = self._thread is not None and self._thread.is_alive()
        left = max(0, round(self._end - time.monotonic())) if running else 0
        return {"running": running, "left": left, "points": self._points}

    def close(self) -> None:
        """Give up; idempotent."""
        self._stop.set()

    def _run(self) -> None:
        measured = Measured()
        while time.monotonic() < self._end and not self._stop.wait(EVERY):
            self._awake()
            shot = self._recent.next(self._recent.count, 0.5)
            if shot is not None:
                measured.add(shot.room)
        self._points = measured.points()
