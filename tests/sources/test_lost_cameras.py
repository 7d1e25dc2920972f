"""What any camera may do wrong: a state, never the end."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from edge_bg import frame as frames
from edge_bg.frame import Frame
from edge_bg.sources import camera
from edge_bg.sources.camera import CameraBase
from edge_bg.sources.fit import Fitter


class Odd(CameraBase):
    """Gives what `answers` holds: a size, or an error."""

    def __init__(self, answers: Any) -> None:
        super().__init__("odd", (32, 16), 100.0, True, Fitter("odd"))
        self.answers = iter(answers)
        self.connected = 0

    def _connect(self) -> None:
        self.connected += 1

    def _grab(self) -> Frame | None:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return Frame(frames.filled(answer, (16, 128, 128)), *self._stamp())

    def _disconnect(self) -> None:
        """Nothing is open."""


def test_a_frame_of_another_size_is_passed_over_and_an_unknown_error_is_a_lost_camera(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "FIRST_RETRY", 0.01)
    right = (32, 16)
    with Odd([right, (64, 16), RuntimeError("driver"), OSError(5, "I/O"), *[right] * 5]) as odd:
        sizes = [frame.size for frame in itertools.islice(odd, 4)]
        assert sizes == [right] * 4 and odd.failures == 3 and odd.connected == 3 and odd.state == "ok"
