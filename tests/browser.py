"""Debian's Chromium, driven by Playwright, for as long as one room's tests need it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--no-first-run",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. Not beside another one, nor for the whole session: it keeps this thread's event loop to itself."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("CHROMIUM IS MISSING: apt install chromium (the pages were not tried)")
    playwright = pytest.importorskip("playwright.sync_api", reason="PLAYWRIGHT IS MISSING: pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def shot(page: Any, **options: Any) -> np.ndarray:
    """The page as it is shown, RGB (H, W, 3) uint8. Chromium at times says "unable to capture" on a busy machine: it
    is asked again, three times at most."""
    for left in (2, 1, 0):
        try:
            data = page.screenshot(**options)
            break
        except Exception as error:  # Playwright's own class, which is not there where Playwright is not
            if "Unable to capture" not in str(error) or not left:
                raise
            page.wait_for_timeout(200)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
