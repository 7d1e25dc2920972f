"""The end of the process."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process with `code`, also where a thread of ours hangs in a driver.

    All that was open has been closed by now. Python ends such a thread when its call comes back, within C++ that does
    not allow for it: OpenCV then takes the process down by SIGABRT, which systemd would count as a failure.
    """
    if not any(thread.name.startswith("edge-bg-") and thread.daemon for thread in threading.enumerate()):
        sys.exit(code)
    with suppress(Exception):
        atexit._run_exitfuncs()  # processes of our own, among others, are ended by these
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
