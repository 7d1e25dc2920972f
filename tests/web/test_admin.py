"""The operator's page against the running service: what is turned there is seen in pixels, and outlives a restart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.web.conftest import until_shown

PIN = "2468"
PLACE = "() => fetch('api/v1/state').then((answer) => answer.json())."


def log_in(page):
    page.locator("#login").wait_for()
    page.fill("#pin", PIN)
    page.press("#pin", "Enter")
    page.locator("#look .row").first.wait_for()


@pytest.fixture
def desk(booth, visit):
    page = visit(booth.url + "admin")
    log_in(page)
    return page


def until_corner(page, pixels, colour):
    """Wait until the live picture's corner, where nobody stands, has this colour."""
    until_shown(
        page,
        lambda: pixels(page),
        lambda shown: shown.shape[0] > 24 and np.abs(shown[4:24, 4:24].mean(axis=(0, 1)) - colour).max() < 12,
        f"{colour} in the corner",
    )


def test_only_who_knows_the_pin_comes_in(booth, visit):
    page = visit(booth.url + "admin")
    page.locator("#login").wait_for()
    page.fill("#pin", "1357")
    page.press("#pin", "Enter")
    page.get_by_text("that is not the PIN").wait_for()
    assert page.locator("#desk").is_hidden()
    log_in(page)
    page.click("#logout")
    page.locator("#login").wait_for()
    assert page.locator("#desk").is_hidden()
    page.complaints[:] = [each for each in page.complaints if "401" not in each]  # the browser names the wrong PIN, too


@pytest.mark.slow
def test_a_slider_acts_at_once_and_outlives_save_and_restart(serve, visit, booth):
    service = serve(booth.yaml)
    page = visit(service.url + "admin")
    log_in(page)
    slider = page.locator("[data-key='composite.wrap']")
    assert slider.input_value() == "0.2" and page.locator("#dirty").is_hidden()
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as answer:
        slider.fill("0.7")
    assert answer.value.ok
    page.locator("#dirty").wait_for()
    assert "wrap: 0.2" in service.yaml, "not before it is saved"
    page.click("#save")
    page.locator("#toast.good.shown").wait_for()
    assert page.locator("#dirty").is_hidden()
    text = service.yaml
    assert "wrap: 0.7" in text and "# a little" in text and "# The booth at the entrance" in text
    page.context.close()
    service.stop()
    again = serve("")
    page = visit(again.url + "admin")
    log_in(page)
    assert page.locator("[data-key='composite.wrap']").input_value() == "0.7"


def test_the_guest_is_placed_by_hand(desk, pixels):
    before = until_shown(desk, lambda: pixels(desk), lambda shown: shown.shape[0] > 24, "the live picture")
    desk.click("#place-on")
    box = desk.locator("#grip").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.mouse.move(*middle)
    desk.mouse.down()
    desk.mouse.move(middle[0] + box["width"] * 0.3, middle[1], steps=4)
    desk.mouse.up()
    desk.mouse.move(*middle)
    desk.mouse.wheel(0, 400)
    desk.wait_for_function(
        "fetch('api/v1/state').then((a) => a.json()).then((s) => s.place.x > 0.25 && s.place.scale < 0.8)"
    )
    person = lambda picture: np.abs(picture - (0, 200, 0)).max(axis=2) > 30  # noqa: E731
    middle_of = lambda picture: np.argwhere(person(picture))[:, 1].mean()  # noqa: E731
    until_shown(
        desk,
        lambda: pixels(desk),
        lambda after: (
            person(after).any()
            and middle_of(after) > middle_of(before) + 30
            and person(after).mean() < 0.9 * person(before).mean()
        ),
        "the guest to the right, and smaller",
    )
    desk.click("#place-reset")
    desk.wait_for_function(
        "fetch('api/v1/state').then((a) => a.json()).then((s) => s.place.x === 0 && s.place.scale === 1)"
    )


def touch(page, kind, *points):
    """Fingers on the screen, as the browser itself gets them."""
    if not hasattr(page, "fingers"):
        page.fingers = page.context.new_cdp_session(page)
    where = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    page.fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": where})


@pytest.mark.long
def test_two_fingers_make_the_guest_smaller(booth, visit):
    page = visit(booth.url + "admin", has_touch=True)
    log_in(page)
    page.click("#place-on")
    box = page.locator("#grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, "Start", (x - 80, y), (x + 80, y))
    for step in range(1, 5):
        touch(page, "Move", (x - 80 + 10 * step, y), (x + 80 - 10 * step, y))
    touch(page, "End")
    page.wait_for_function(PLACE + "then((s) => Math.abs(s.place.scale - 0.5) < 0.02 && Math.abs(s.place.x) < 0.02)")
    page.click("#place-reset")
    page.wait_for_function(PLACE + "then((s) => s.place.scale === 1)")


def test_the_zone_is_drawn_on_the_picture(desk):
    desk.click("#zone-on")
    desk.locator("#handles button").first.wait_for()
    assert desk.locator("#handles button").count() == 4
    desk.locator("#handles button").first.press("ArrowUp")
    desk.wait_for_function("""async () => {
      const { groups } = await (await fetch("api/v1/settings")).json();
      const zone = groups.flatMap((group) => group.settings).find((each) => each.key === "framing.zone").value;
      return zone && Math.abs(zone[0][1] - 0.84) < 0.001;
    }""")
    desk.click("#zone-clear")
    assert desk.locator("#zone").is_hidden()


def test_backgrounds_and_frames_come_go_and_change_places(desk, pixels, tmp_path, booth, visit):
    red, frame = np.zeros((90, 160, 3), np.uint8), np.zeros((90, 160, 4), np.uint8)
    red[:] = (20, 20, 220)
    frame[:10] = (255, 0, 255, 255)
    cv2.imwrite(str(tmp_path / "Red wall.png"), red)
    cv2.imwrite(str(tmp_path / "Bow.png"), frame)
    desk.click("#tab-pictures")
    desk.set_input_files("#add-backgrounds", str(tmp_path / "Red wall.png"))
    card = desk.locator("#shelf-backgrounds .card", has=desk.get_by_label("Use Red wall"))
    card.wait_for()
    card.locator(".thumb").click()
    until_corner(desk, pixels, (220, 20, 20))
    desk.set_input_files("#add-foregrounds", str(tmp_path / "Bow.png"))
    desk.locator("#shelf-foregrounds .card").wait_for()
    card.locator("select").select_option(label="Bow")
    guest = visit(booth.url)
    guest.click("#begin")
    guest.locator("#strip button:has(img + img)").wait_for()  # the background with its frame before it
    guest.context.close()
    name = card.locator("input").first
    name.fill("Old bricks")
    name.press("Tab")
    card = desk.locator("#shelf-backgrounds .card", has=desk.get_by_label("Use Old bricks"))
    card.wait_for()
    desk.get_by_label("Use As configured").click()
    until_corner(desk, pixels, (0, 200, 0))
    card.get_by_label("Delete Old bricks").click()
    desk.click("#sure-yes")
    card.wait_for(state="detached")


@pytest.mark.long
def test_pictures_are_dragged_to_another_place(booth, visit, tmp_path):
    page = visit(booth.url + "admin", width=900, height=1400, has_touch=True)
    log_in(page)
    page.click("#tab-pictures")
    for name in ("One", "Two", "Three"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((90, 160, 3), 40 * len(name), np.uint8))
        page.set_input_files("#add-backgrounds", str(tmp_path / f"{name}.png"))
        page.get_by_label(f"Use {name}").wait_for()
    order = "(names) => [...document.querySelectorAll('#shelf-backgrounds input')].map((e) => e.value).join() === names"
    page.wait_for_function(order, arg="One,Two,Three")
    page.get_by_label("Use Three").drag_to(page.get_by_label("Use One"))
    page.wait_for_function(order, arg="Three,One,Two")
    middle = lambda box: (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # noqa: E731
    card = page.locator("#shelf-backgrounds .card", has=page.get_by_label("Use Two"))
    begin = middle(card.locator(".grab").bounding_box())
    end = middle(page.get_by_label("Use Three").bounding_box())
    touch(page, "Start", begin)
    for share in (0.5, 1):
        touch(page, "Move", tuple(a + (b - a) * share for a, b in zip(begin, end, strict=True)))
    touch(page, "End")
    page.wait_for_function(order, arg="Two,Three,One")
    for name in ("One", "Two", "Three"):
        page.get_by_label(f"Delete {name}").click()
        page.click("#sure-yes")
        page.get_by_label(f"Use {name}").wait_for(state="detached")


@pytest.mark.long
def test_another_event_and_another_model_while_it_runs(booth, visit):
    page = visit(booth.url + "admin", locale="de-AT")
    log_in(page)
    page.get_by_text("Kantenschärfe").wait_for()  # the operator's own language, in what the server says, too
    page.select_option("#profile", label="Zoo")
    guest = visit(booth.url)
    heading = "(text) => document.querySelector('#event').textContent + document.documentElement.lang === text"
    guest.wait_for_function(heading, arg="Zoode")  # the event's own language
    page.click("#tab-camera")
    page.select_option("#model-pick", "small")
    page.wait_for_function("fetch('state').then((a) => a.json()).then((s) => s.model.startsWith('small'))", polling=200)
    page.click("#tab-health")
    page.get_by_text("small-112x192-int8 auf dem Prozessor").wait_for()
    page.click("#tab-camera")
    page.select_option("#model-pick", "landscape")
    page.wait_for_function(
        "fetch('state').then((a) => a.json()).then((s) => s.model.startsWith('landscape'))", polling=200
    )
    page.select_option("#profile", label="First event")
    guest.wait_for_function(heading, arg="First eventen")


def test_a_closed_camera_is_said_so_plainly(desk, booth, visit):
    desk.click("#privacy[aria-pressed=false]")
    desk.locator("#privacy[aria-pressed=true]").wait_for()
    guest = visit(booth.url)
    guest.get_by_text("The camera is off").wait_for()
    assert guest.locator("#shutter").is_hidden() and guest.locator("#begin").is_hidden()
    desk.click("#privacy")
    guest.locator("#begin:visible, #shutter:visible").first.wait_for()
    guest.wait_for_function("() => document.querySelector('#live').naturalWidth > 0")


def test_health_and_log_in_plain_words(desk):
    desk.click("#tab-health")
    desk.locator("#points li").first.wait_for()
    assert "landscape" in desk.inner_text("#log")
    desk.click("#tab-camera")
    desk.locator("#model-pick option").first.wait_for(state="attached")
    assert desk.locator("#model-pick option").count() >= 2


@pytest.mark.slow
def test_nothing_serious_for_who_cannot_see_or_point(desk, axe):
    for tab in ("look", "pictures", "camera", "check", "health"):
        desk.click(f"#tab-{tab}")
        desk.wait_for_timeout(300)
        assert axe(desk) == [], tab


@pytest.mark.slow
def test_the_check_gives_verdicts_with_help(desk):
    desk.click("#tab-check")
    desk.click("#check-run")
    desk.wait_for_function("() => !document.querySelector('#check-run').disabled", timeout=60_000)
    assert desk.locator("#verdicts li").count() >= 4
    levels = desk.locator("#verdicts .dot").evaluate_all("(all) => all.map((each) => each.dataset.level)")
    assert set(levels) <= {"good", "warn", "bad"}
