"""The page as it is by default: it shows the stream, and nothing on it has an effect on the service."""

from __future__ import annotations

import numpy as np
import pytest

from tests.web.conftest import until_shown

GREEN = (0, 200, 0)


def green(picture):
    """The share of the picture that is the background's green."""
    return (np.abs(picture - GREEN).max(axis=2) <= 8).mean()


def test_it_shows_a_moving_picture_and_says_so(view, visit, pixels):
    page = visit(view.url)
    page.locator("#health[data-level=good]").wait_for()
    assert "token" not in page.url, "it lets the scripts and fonts in too, and is shown to nobody"
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px Figtree'))")
    assert page.inner_text("#health") == "Live" and "320 × 180" in page.inner_text("#facts")
    first = until_shown(page, lambda: pixels(page), lambda shown: shown.shape == (180, 320, 3), "the live picture")
    assert green(first) > 0.2
    until_shown(page, lambda: pixels(page), lambda shown: np.abs(shown - first).mean() > 1.0, "a picture that moves")
    assert page.locator("button:visible, a:visible").count() == 2
    assert page.methods == {"GET"}, "view only: no request has an effect"


@pytest.mark.parametrize(("tag", "live"), [("zh-CN", "实时"), pytest.param("sw", "Live", marks=pytest.mark.long)])
def test_it_speaks_the_browsers_language(view, visit, tag, live):
    page = visit(view.url, locale=tag)
    page.locator("#health[data-level=good]").wait_for()
    assert page.inner_text("#health") == live
    assert page.evaluate("document.documentElement.lang") == (tag[:2] if tag != "sw" else "en")


@pytest.mark.long
def test_nothing_serious_for_who_cannot_see_or_point(view, visit, axe):
    page = visit(view.url)
    page.locator("#health[data-level=good]").wait_for()
    assert axe(page) == []


@pytest.mark.slow
def test_it_comes_back_by_itself_when_the_service_does(serve, view, visit, pixels):
    service = serve(view.yaml.replace(", token: a-token-of-some-length", ""))
    page = visit(service.url)
    page.locator("#health[data-level=good]").wait_for()
    service.stop()
    page.locator("#health[data-level=bad]").wait_for()
    page.complaints.clear()  # the browser itself names each request that nobody answered
    serve(service.yaml.replace("port: 0", f"port: {service.port}"))
    page.locator("#health[data-level=good]").wait_for()
    until_shown(page, lambda: pixels(page), lambda shown: green(shown) > 0.2, "the picture again")
    page.complaints.clear()
