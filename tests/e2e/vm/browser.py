"""Inside the virtual machine: Chromium takes our virtual camera, and an operator changes over to another camera.

Four cameras: two loopbacks that show a guest before a wall of a colour of its own, magenta or cyan, the second one in
black and white; and two of vivid, which show colour bars. Each frame of our virtual camera is looked at, all the time:
no wall may be seen in any. Prints `PROOF name seconds` and `FAILED name: why`, as `guest.py` does.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import machine
from machine import OUTPUT, PROOF, PYTHON, UNIT, proof, sh, wait_for
from webdriver import Browser, ask

COLOUR, GREY = "/dev/video11", "/dev/video12"
SIZE = (320, 180)  # as in browser.yaml
VIVID = ["modprobe", "vivid", "n_devs=2", "node_types=0x1,0x1", "num_inputs=1,1", "input_types=0,0", "vid_cap_nr=0,1"]
LOOPBACK = ("devices=3", "video_nr=10,11,12", "card_label=edge-bg,left,right", "exclusive_caps=1,1,1", "max_buffers=2")
COLOURS = {"background": (0, 200, 0), "cover": (0, 0, 200), "magenta": (255, 0, 255), "cyan": (0, 255, 255)}  # R, G, B
WALLS = ("magenta", "cyan")
SHADES = {name: [*rgb, 60 if name in WALLS else 40] for name, rgb in COLOURS.items()}  # and how far off they may be
LEAK = 0.001  # share of a frame: a correct one has up to 0.0002 of a wall's colour, in the softest of hair
API = "http://127.0.0.1:8080/api/v1/"
# What has come of a page, and with which status
LOADED = "return performance.getEntriesByType('resource').map((e) => [e.name, e.duration, e.responseStatus])"


class Judge:
    """What `judge.py` has said of each frame."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []
        command = [PYTHON, str(PROOF / "judge.py"), OUTPUT, *map(str, SIZE), json.dumps(COLOURS)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.seen.append(json.loads(line))

    def wait(self, what: str, test: Any, since: float, frames: int = 5) -> float:
        """Seconds from `since` to the first of `frames` frames of that kind."""

        def found() -> list[float]:
            return [each["time"] for each in self.seen if each["time"] > since and test(each)]

        wait_for(f"{what}; last seen: {self.seen[-2:]}", lambda: len(found()) >= frames)
        return found()[0] - since

    def clean(self, since: float) -> str:
        """AssertionError where any frame since then shows a wall, or neither background nor cover."""
        looked = [each for each in self.seen if each["time"] > since]
        worst = {wall: max(each[wall] for each in looked) for wall in WALLS}
        assert max(worst.values()) < LEAK, f"a wall was seen: {worst}"
        assert min(each["background"] + each["cover"] for each in looked) > 0.5
        covers = sum(each["cover"] > 0.9 for each in looked)
        return f"{len(looked)} frames, {covers} of them covers; the most of a wall: {worst}"


def in_colour(frame: dict[str, float]) -> bool:
    return 0.1 < frame["guest"] < 0.5 and frame["colour"] > 0.45


def in_grey(frame: dict[str, float]) -> bool:
    return 0.1 < frame["guest"] < 0.5 and frame["colour"] < 0.25


def alone(frame: dict[str, float]) -> bool:
    return frame["background"] > 0.95


def api(method: str, path: str, body: Any = None) -> Any:
    return ask(method, API + path, body, Authorization="Bearer for-the-proof-only")


def devices() -> None:
    sh(*VIVID)
    sh("modprobe", "v4l2loopback", *LOOPBACK)
    sh("udevadm", "settle")
    for device, colour, more in ((COLOUR, "magenta", []), (GREY, "cyan", ["grey"])):
        subprocess.Popen([PYTHON, str(PROOF / "feeder.py"), device, *map(str, COLOURS[colour]), *more])
        wait_for(f"{device} shows somebody", lambda d=device: "Video Capture" in sh("v4l2-ctl", "-d", d, "--info"))


def install() -> None:
    machine.install()
    colours = {name: "#{:02x}{:02x}{:02x}".format(*COLOURS[name]) for name in ("background", "cover")}
    machine.write_config("browser.yaml", **colours)
    # An emulated machine beside other work is slow, and what becomes of one that hangs is proven elsewhere.
    more = Path(f"/etc/systemd/system/{UNIT}.d/patience.conf")
    more.parent.mkdir(exist_ok=True)
    more.write_text("[Service]\nWatchdogSec=300\nTimeoutStartSec=900\n")
    sh("systemctl", "daemon-reload")


def listed() -> None:
    cameras = {each["id"]: each for each in api("GET", "cameras")}
    print(json.dumps(list(cameras.values())), flush=True)
    assert len(cameras) == 4 and not any("video10" in name for name in cameras), "four cameras, none of them our own"
    assert len({each["name"] for each in cameras.values()}) == 4, "each is called otherwise"
    assert [name for name, each in cameras.items() if each["selected"]] == [f"v4l2:{COLOUR}"]


def change(judge: Judge, camera: str, test: Any) -> float:
    began = time.monotonic()
    told = api("PUT", "camera", {"id": camera})
    assert [each["id"] for each in told if each["selected"]] == [camera], told
    seconds = judge.wait(f"the picture of {camera}", test, began)
    print(f"{camera}: {judge.clean(began)}", flush=True)
    return seconds


def serve() -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Not on the console."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8090), functools.partial(Quiet, directory=str(PROOF)))
    threading.Thread(target=server.serve_forever, daemon=True).start()


def webcam(browser: Browser, name: str, count: int, counts: Any) -> list[dict[str, Any]]:
    """What a page sees of the camera of that name: pictures, none like the one before it, until `count` of them count.

    Chromium gives a camera up that brings no picture for ten seconds, which this machine may take beside other work.
    The page then opens it again, as its user would.
    """
    browser.open("http://127.0.0.1:8090/webcam.html")
    browser.allow_camera()
    offered = "return (await cameras()).map((each) => each.label)"
    wait_for("the camera's name", lambda: name in str(browser.run(offered)))
    print("Chromium offers:", browser.run(offered), flush=True)
    before: list[dict[str, Any]] = []
    seen: dict[str, Any] = {"pictures": []}

    def pictures() -> list[dict[str, Any]]:
        return [each | {"guest": 1 - each["background"] - each["cover"]} for each in before + seen["pictures"]]

    def enough() -> bool:
        nonlocal seen
        if seen.get("state") != "live":
            before.extend(seen["pictures"])
            seen = {"pictures": []}
            try:
                print("it opened:", browser.run("return take(values[0])", name), flush=True)
            except RuntimeError as error:
                print(f"it did not open: {error}", flush=True)
                return False
            browser.run("look(values[0])", SHADES)
        seen = browser.run("return seen()")
        if seen["state"] != "live":
            print(f"the page's camera ended after {seen['frames']} frames", flush=True)
        return sum(map(counts, pictures())) >= count

    try:
        wait_for(f"{count} pictures of {name} in the page", enough, pause=2)
    except TimeoutError as error:
        raise TimeoutError(f"{error}; the page says {seen}") from error
    print(f"the page sees of {name}: {len(pictures())} pictures, the last {pictures()[-1]}", flush=True)
    return pictures()


def with_guest(picture: dict[str, Any]) -> bool:
    return bool(picture["guest"] > 0.1)


def ours(browser: Browser, grey: bool) -> None:
    pictures = webcam(browser, "edge-bg", 4, with_guest)
    if not grey:
        print("PICTURE-BEGIN", browser.run("return jpeg()"), "PICTURE-END", sep="\n", flush=True)
    browser.run("leave()")
    for picture in pictures:
        assert max(picture[wall] for wall in WALLS) < LEAK, picture
        assert picture["cover"] > 0.9 or (picture["background"] > 0.5 and 0.1 < picture["guest"] < 0.5), picture
    guests = [picture for picture in pictures if with_guest(picture)]
    assert all(picture["colour"] < 0.25 if grey else picture["colour"] > 0.45 for picture in guests), guests


def kept(browser: Browser) -> None:
    """Where the driver repeats the last picture, a page's camera outlives our process, and goes on with the next."""
    sh("v4l2-ctl", "-d", OUTPUT, "-c", "sustain_framerate=1")
    webcam(browser, "edge-bg", 1, with_guest)
    killed = machine.main_pid()
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        return machine.main_pid() not in (0, killed) and " fps" in machine.status()

    wait_for("the service is back", back, pause=1)
    browser.run("look(values[0])", SHADES)

    def goes_on() -> bool:
        seen = browser.run("return seen()")
        assert seen["state"] == "live", seen
        return len(seen["pictures"]) >= 3

    wait_for("three new pictures of the same camera", goes_on, pause=2)
    browser.run("leave()")
    sh("v4l2-ctl", "-d", OUTPUT, "-c", "sustain_framerate=0")


def raw(browser: Browser) -> None:
    """The same page on the camera itself: it would see the wall."""
    pictures = webcam(browser, "left", 3, bool)
    browser.run("leave()")
    assert min(picture["magenta"] for picture in pictures) > 0.5, pictures


def by_the_page(browser: Browser, judge: Judge) -> float:
    for attempt in (1, 2, 3):
        browser.open("http://127.0.0.1:8080/admin")
        try:
            browser.until("!document.querySelector('#door').hidden", 150)
            break
        except TimeoutError:  # one script of a page that does not come in time is enough
            print(f"the operator's page, attempt {attempt}: {browser.run(LOADED)}", flush=True)
            if attempt == 3:
                raise
    browser.run("document.querySelector('#pin').value = '2468'; document.querySelector('#login button').click()")
    browser.until("!document.querySelector('#desk').hidden")
    browser.run("document.querySelector('#tab-camera').click()")
    browser.until(f"document.querySelector('#camera-pick').value === 'v4l2:{COLOUR}'")
    began = time.monotonic()
    browser.run(
        "const pick = document.querySelector('#camera-pick'); pick.value = values[0];"
        "pick.dispatchEvent(new Event('change'))",
        f"v4l2:{GREY}",
    )
    seconds = judge.wait("the other camera's picture", in_grey, began)
    print(f"by the page: {judge.clean(began)}", flush=True)
    return seconds


def main() -> None:
    if not proof("the wheel and scripts/install-service install", install):
        return
    if not proof("two cameras that show somebody, two with colour bars, v4l2loopback", devices):
        return
    judge, began = Judge(), time.monotonic()

    def start() -> float:
        sh("systemctl", "restart", UNIT)
        return judge.wait("the guest on the background", in_colour, began)

    if not proof("started: the guest on the background in /dev/video10", start):
        return
    bars = next(Path("/dev/v4l/by-path").glob("platform-vivid*"), Path("/dev/video0"))
    proof("GET /api/v1/cameras: four, told apart, and not our own", listed)
    proof("PUT /api/v1/camera: the other camera's guest", lambda: change(judge, f"v4l2:{GREY}", in_grey))
    proof("to a camera that shows no guest: the background", lambda: change(judge, f"v4l2:{bars}", alone))
    proof("and back to the first", lambda: change(judge, f"v4l2:{COLOUR}", in_colour))
    serve()
    browsers: list[Browser] = []
    if Path("/dev/vdc").exists() and proof("Chromium starts", lambda: browsers.append(Browser())):
        browser = browsers[0]
        print(f"Chromium {browser.version}", flush=True)
        proof("getUserMedia of /dev/video10: the guest on the background, no wall", lambda: ours(browser, grey=False))
        proof("the same page on the camera itself would see the wall", lambda: raw(browser))
        proof("PUT /api/v1/camera again: the other guest", lambda: change(judge, f"v4l2:{GREY}", in_grey))
        proof("getUserMedia again: the other guest, no wall", lambda: ours(browser, grey=True))
        proof("killed, and the page's camera goes on after the restart", lambda: kept(browser))
        if (PROOF / "page").exists():
            change(judge, f"v4l2:{COLOUR}", in_colour)
            proof("another camera chosen on the operator's page", lambda: by_the_page(browser, judge))
    proof("no wall in any frame of all that time", lambda: print(judge.clean(began), flush=True))
    judge.process.kill()


if __name__ == "__main__":
    machine.run(main)
