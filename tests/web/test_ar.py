"""The AR page: the person, by their alpha, within a scene that the browser draws. Judged by its pixels."""

from __future__ import annotations

import numpy as np

from tests.browser import shot
from tests.web.conftest import until_shown

GREEN = (0, 200, 0)  # the background that everybody else is shown


def screen(page):
    """The page as shown, RGB (H, W, 3)."""
    return shot(page).astype(int)


def suit(picture):
    """Where the orange of the built-in guest's suit is."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    return (red > 170) & (green > 50) & (green < 140) & (blue < 110)


def test_the_person_stands_in_the_scene_without_their_room(booth, visit):
    page = visit(booth.url + "ar", 640, 360)
    shown = until_shown(page, lambda: screen(page), lambda shown: suit(shown).mean() > 0.02, "the guest")
    assert np.abs(shown - GREEN).max(axis=2).min() > 25, "nothing of the background is"
    sky = np.array([shown[3, x] for x in (3, 320, 636)])
    assert np.ptp(sky, axis=0).max() < 12, "the scene's own sky stands left, right and above the guest"
    moved = lambda again: suit(again).mean() > 0.02 and np.abs(again - shown).max(axis=2).mean() > 1  # noqa: E731
    until_shown(page, lambda: screen(page), moved, "the guest somewhere else")
    page.set_viewport_size({"width": 640, "height": 480})
    until_shown(
        page, lambda: screen(page)[476:], lambda lowest: suit(lowest).mean() > 0.05, "nobody cut off in the air"
    )
