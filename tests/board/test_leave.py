"""The end of the process, while a thread is in OpenCV."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUSY = """
import sys, threading, time
import cv2
import numpy as np
import edge_bg.service  # as much to clean up as the service has
from edge_bg.board.leave import leave

picture = np.zeros((400, 600, 3), np.uint8)

def stage():
    while True:
        cv2.GaussianBlur(picture, (9, 9), 3)

threading.Thread(target=stage, name="edge-bg-capture", daemon=True).start()
time.sleep(0.3)
"""


@pytest.mark.parametrize("code", [0, 1])
def test_a_thread_that_is_in_a_driver_does_not_turn_the_end_into_a_crash(code: int) -> None:
    done = subprocess.run([sys.executable, "-c", f"{BUSY}leave({code})"], capture_output=True, text=True)
    assert done.returncode == code and done.stderr == ""


def test_what_was_said_is_not_lost() -> None:
    words = "import atexit\natexit.register(lambda: print('cleaned up'))\nprint('done', end=' ')\nleave(0)"
    done = subprocess.run([sys.executable, "-c", f"{BUSY}{words}"], capture_output=True, text=True)
    assert done.stdout == "done cleaned up\n"
