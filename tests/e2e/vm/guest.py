"""Inside the virtual machine of `scripts/prove-vm`: installs the service, breaks things, times the recovery.

Standard library only. Prints `PROOF name seconds` lines for what worked and `FAILED name: why`; the script outside
reads the console. Times are emulated ones: they bound what waits for timers (restart delay, watchdog, backoff),
not what computes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from itertools import pairwise
from pathlib import Path

import machine
from machine import OUTPUT, PROOF, PYTHON, UNIT, main_pid, proof, restarts, sh, status, wait_for

CAMERA, PERSON = "/dev/video0", "/dev/video11"
BY_PATH = "/dev/v4l/by-path/platform-vivid.0-video-index0"  # what a config should name: it survives renumbering
VIVID = ["modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0", "vid_cap_nr=0"]
# What the median pixel of the output says: the room is colour bars, so neither of these can come from the camera.
COLOURS = {"background": (0, 200, 0), "cover": (0, 0, 200), "other": (200, 0, 0)}  # R, G, B


class Viewer:
    """The second program, and what it has seen of late: (time, colour name)."""

    def __init__(self) -> None:
        self.seen: deque[tuple[float, str]] = deque(maxlen=10000)
        self.sizes: set[tuple[int, int]] = set()
        self.process = subprocess.Popen(
            [PYTHON, str(PROOF / "reader.py"), OUTPUT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            at, width, height, blue, green, red = line.split()
            pixel = int(red), int(green), int(blue)
            name = next(
                (n for n, c in COLOURS.items() if all(abs(a - b) <= 12 for a, b in zip(pixel, c, strict=True))),
                f"unknown {pixel}",
            )
            self.sizes.add((int(width), int(height)))
            self.seen.append((float(at), name))

    def wait(self, name: str, since: float, timeout: float = 300, frames: int = 3) -> float:
        """Seconds from `since` to the first of `frames` pictures of that name; TimeoutError otherwise."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            times = [at for at, what in list(self.seen) if what == name and at > since]
            if len(times) >= frames:
                return times[0] - since
            time.sleep(0.05)
        raise TimeoutError(f"no {name} picture within {timeout:.0f} s; last seen: {list(self.seen)[-3:]}")

    def longest_gap(self, since: float) -> float:
        times = [at for at, _ in list(self.seen) if at > since]
        return max((b - a for a, b in pairwise(times)), default=0.0)


def write_config(background: str, camera: str = BY_PATH, output: bool = True) -> None:
    colours = {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in COLOURS.items()}
    sink = "kind: v4l2loopback\n    device: /dev/video10" if output else "kind: 'null'"
    machine.write_config(
        "config.yaml", camera=camera, background=colours[background], cover=colours["cover"], sink=sink
    )


def main() -> None:
    def devices() -> None:
        sh(*VIVID)
        loopback = ("devices=2", "video_nr=10,11", "card_label=edge-bg,person", "exclusive_caps=1,1", "max_buffers=2")
        sh("modprobe", "v4l2loopback", *loopback)
        sh("udevadm", "settle")
        print(sh("v4l2-ctl", "--list-devices"), flush=True)
        assert Path(CAMERA).exists() and Path(OUTPUT).exists(), sorted(Path("/dev").glob("video*"))

    def install() -> None:
        machine.install()
        write_config("background")
        print(sh("systemctl", "cat", UNIT), flush=True) if os.environ.get("VERBOSE") else None

    if not proof("the wheel and scripts/install-service install", install):
        return

    def first_camera() -> float:
        """A board that never had a camera: no driver is loaded, the unit's list of devices knows none."""
        assert not Path("/sys/class/video4linux").exists() and not Path("/sys/module/vivid").exists()
        write_config("background", output=False)
        sh("systemctl", "start", UNIT)
        print(f"without any camera: {status()}", flush=True)
        wait_for("it says that there is no camera", lambda: "source lost" in status(), 60)
        pid, began = main_pid(), time.monotonic()
        sh(*VIVID)
        wait_for("it takes up the camera", lambda: " fps" in status() and "source" not in status(), 60)
        seconds = time.monotonic() - began
        assert main_pid() == pid, "the service was restarted"
        sh("systemctl", "stop", UNIT)
        write_config("background")
        return seconds

    proof("started before any camera's driver was there; then one is plugged in", first_camera)
    if not proof("vivid is /dev/video0, v4l2loopback is /dev/video10", devices):
        return

    def camera() -> None:
        # It prints its own lines, and puts vivid back as /dev/video0.
        assert subprocess.run([PYTHON, "-u", str(PROOF / "camera.py")], check=False).returncode == 0

    proof("the v4l2 source: pictures, controls, faults, renumbering", camera)
    viewer = Viewer()

    def start() -> float:
        began = time.monotonic()
        sh("systemctl", "restart", UNIT)
        ready = time.monotonic() - began
        print(sh("systemctl", "show", "-p", "ActiveState,SubState,StatusText,MainPID,User", UNIT), flush=True)
        return ready

    def first_frames() -> float:
        return viewer.wait("background", started)

    started = time.monotonic()
    if not proof("systemctl start returns: READY=1 after a first delivered frame", start):
        return
    proof("OpenCV reads composited frames from /dev/video10 (from start)", first_frames)
    print(f"sizes seen: {sorted(viewer.sizes)}", flush=True)

    def no_room() -> float:
        time.sleep(5)
        unknown = [name for _, name in viewer.seen if name.startswith("unknown")]
        assert not unknown, f"{len(unknown)} pictures showed neither background nor cover: {unknown[:3]}"
        times = [at for at, _ in viewer.seen]
        print(f"rate seen: {(len(times) - 1) / (times[-1] - times[0]):.1f} a second (emulated)", flush=True)
        return 5.0

    proof("nothing else was ever seen (5 s more)", no_room)

    def unplug() -> float:
        began = time.monotonic()
        pid = main_pid()
        Path("/sys/bus/platform/drivers/vivid/unbind").write_text("vivid.0")
        covered = viewer.wait("cover", began)
        wait_for(
            "vivid is let go and its module removed",
            lambda: subprocess.run(["rmmod", "vivid"], capture_output=True).returncode == 0,
        )
        assert not Path(CAMERA).exists()
        assert main_pid() == pid, "the service died when its camera went away"
        print(sh("systemctl", "show", "-p", "StatusText", UNIT), flush=True)
        return covered

    def replug(number: int = 0, pause: float = 0) -> float:
        time.sleep(pause)
        pid, began = main_pid(), time.monotonic()
        sh(*VIVID[:-1], f"vid_cap_nr={number}")
        seconds = viewer.wait("background", began)
        assert main_pid() == pid, "the service was restarted"
        return seconds

    if proof("camera unplugged and its module removed: the cover goes out", unplug):
        # 20 s are longer than the watchdog's 15: a missing camera is a state, covers feed it.
        proof("camera module put back after 20 s: composited frames again, same process", lambda: replug(pause=20))
        unplug()
        proof("put back as /dev/video3: the same camera is found again, same process", lambda: replug(number=3))
        assert Path(BY_PATH).resolve() == Path("/dev/video3")

    def killed() -> float:
        before, pid, began = restarts(), main_pid(), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        seconds = viewer.wait("background", began + 0.5) + 0.5
        assert main_pid() not in (0, pid) and restarts() == before + 1, (main_pid(), restarts())
        return seconds

    proof("process killed (SIGKILL): composited frames again", killed)

    def hung() -> float:
        before, pid, began = restarts(), main_pid(), time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        wait_for("the watchdog ends the hung process", lambda: main_pid() != pid, 180)
        ended = time.monotonic()
        print(f"watchdog took {ended - began:.1f} s", flush=True)
        seconds = viewer.wait("background", ended) + ended - began
        assert restarts() == before + 1, restarts()
        return seconds

    proof("process hung (SIGSTOP): composited frames again", hung)

    def reload() -> float:
        pid, began = main_pid(), time.monotonic()
        write_config("other")
        sh("systemctl", "reload", UNIT)
        seconds = viewer.wait("other", began)
        assert main_pid() == pid
        return seconds

    proof("config changed and reloaded (SIGHUP): the new background", reload)

    def person() -> float:
        """A camera that shows somebody: the demo's scene through the second loopback. What comes out is looked at."""
        feeder = subprocess.Popen([PYTHON, str(PROOF / "feeder.py"), PERSON])
        try:
            wait_for("the person's camera", lambda: "Video Capture" in sh("v4l2-ctl", "-d", PERSON, "--info"))
            pid, began = main_pid(), time.monotonic()
            write_config("background", camera=PERSON)
            sh("systemctl", "reload", UNIT)
            viewer.wait("background", began)
            seconds = time.monotonic() - began
            # Half of the picture must not be the background's colour for long: the network finds somebody there.
            look = sh(PYTHON, str(PROOF / "look.py"), OUTPUT, *map(str, COLOURS["background"]))
            print(look, flush=True)
            assert main_pid() == pid
            return seconds
        finally:
            feeder.terminate()
            feeder.wait(30)

    proof("reloaded with a camera that shows a person: composited, read back by OpenCV", person)

    def stop() -> float:
        began = time.monotonic()
        sh("systemctl", "stop", UNIT)
        seconds = time.monotonic() - began
        assert sh("systemctl", "show", "-p", "Result", "--value", UNIT) == "success"
        return seconds

    proof("systemctl stop ends cleanly", stop)
    viewer.process.kill()


if __name__ == "__main__":
    machine.run(main)
