"""`edge-bg run`: the loop, from a config and what the command line changes in it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import click

from edge_bg.assets import data_path
from edge_bg.board.logs import StatusLine, setup
from edge_bg.commands import debug_option, examples
from edge_bg.config import Change, Config, load

log = logging.getLogger("edge_bg.run")


def _models(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    names = {path.stem.split("-")[0] for path in data_path("models").glob("*.yaml")}
    return sorted(name for name in names if name.startswith(incomplete))


@click.command(
    epilog=examples(
        "edge-bg run                                             the built-in demo",
        "edge-bg run --source v4l2:/dev/video0 --size 1280x720   a webcam",
        "edge-bg run --source walk.mp4 --sink out.mp4            a video, as fast as it goes",
        "edge-bg run --background beach.jpg --sink http:0.0.0.0:8080",
        "edge-bg run --sink http:8080 --sink v4l2loopback:/dev/video10",
        "edge-bg run --source picamera2 --sink 'pipe:ffmpeg -i - -c:v libx264 out.mkv'",
        "edge-bg run --sink - | ffplay -                         YUV4MPEG2 on standard output",
    )
)
@click.argument("config", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", metavar="SOURCE", help="synthetic[:SEED], v4l2[:DEVICE], picamera2[:CAMERA], or a file.")
@click.option(
    "--sink", "sinks", multiple=True, metavar="SINK",
    help="http[:[HOST:]PORT], a video file, pipe[:COMMAND], -, v4l2loopback[:DEVICE], null. Several may be given.",
)  # fmt: skip
@click.option("--background", metavar="BG", help='"#00b140", a picture, a video, blur[:STRENGTH], transparent, none.')
@click.option(
    "--model", metavar="NAME", shell_complete=_models, help="A name from `edge-bg models`, or a card (.yaml)."
)
@click.option(
    "--delegate", "delegates", multiple=True, metavar="NAME", help="cpu, edgetpu[:usb:0]; several: tried in this order."
)
@click.option("--size", metavar="WxH", help="Size of the frames, such as 1280x720.")
@click.option("--fps", "--framerate", type=float, metavar="N", help="Frames per second asked of the source.")
@click.option(
    "--fit", type=click.Choice(["contain", "cover", "stretch"]),
    help="How a picture of another shape gets to --size: whole, cut off, or distorted.",
)  # fmt: skip
@click.option(
    "--rotate", type=click.Choice(["0", "90", "180", "270"]), callback=lambda _c, _p, value: value and int(value),
    help="Turn the picture clockwise by so many degrees.",
)  # fmt: skip
@click.option("--hflip/--no-hflip", default=None, help="Mirror the camera's picture.")
@click.option("--vflip/--no-vflip", default=None, help="Turn the camera's picture upside down.")
@click.option("--loop/--no-loop", default=None, help="Play a file again when it ends.")
@click.option("--overwrite", is_flag=True, help="Replace output files that are there.")
@click.option("--duration", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Stop after so long.")
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after so many frames.")
@click.option("--quiet", "-q", is_flag=True, help="Warnings and errors only.")
@click.option("--service", is_flag=True, help="As systemd wants it: CONFIG alone, sd_notify, reload on SIGHUP.")
@click.option("--list-cameras", is_flag=True, help="List the cameras of this machine and exit.")
@debug_option
def run(
    config: Path | None, service: bool, list_cameras: bool, duration: float | None, frames: int | None, **options: Any
) -> int:
    """Take frames, put people on a new background, send the result out.

    CONFIG is a YAML file (see configs/); without one the built-in demo runs. Options replace what it says.
    Ctrl-C or SIGTERM end it at any moment; files are finished first.
    """
    if list_cameras:
        from edge_bg.commands.cameras import print_cameras

        return print_cameras()
    if service:
        from edge_bg.service import run as serve

        if config is None or any(value not in (None, (), False) for value in (duration, frames, *options.values())):
            raise click.UsageError("--service takes a CONFIG and no other option: what it does is in that file")
        return serve(config)
    stop = Stop()
    with stop:
        changes = _changes(options)
        if config is None and options["source"] is not None:  # what suits the demo is not chosen for a camera or a film
            changes["model.edges"] = Change("auto", "--source")
        read = load(config or data_path("configs/demo.yaml"), changes)
        level = "warning" if options["quiet"] else read.log.level
        line = setup(level)
        return _run(read, config, stop, line, frames=frames, duration=duration)


def _changes(options: dict[str, Any]) -> dict[str, Change]:
    """What the options replace in the config."""
    changes: dict[str, Change] = {}
    keys = {
        "source": "source", "background": "background", "model": "model.name", "size": "source.size",
        "fps": "source.fps", "hflip": "source.hflip", "vflip": "source.vflip", "loop": "source.loop",
        "fit": "source.fit", "rotate": "source.rotate",
    }  # fmt: skip
    for option, key in keys.items():
        if options[option] is not None:
            changes[key] = Change(options[option], f"--{option}")
    if options["sinks"]:
        changes["sinks"] = Change(list(options["sinks"]), "--sink")
    if options["delegates"]:
        changes["model.delegates"] = Change(list(options["delegates"]), "--delegate")
    if options["overwrite"]:
        changes["sinks.*.overwrite"] = Change(True, "--overwrite")
    return changes


def _run(
    config: Config, path: Path | None, stop: Stop, line: StatusLine, *, frames: int | None, duration: float | None
) -> int:
    from edge_bg.build import Booth

    began = time.monotonic()
    booth = Booth(config, path)
    with booth:
        stop.begin(booth.stop)
        info = booth.segmenter.info
        log.info(
            "%s %dx%d, model %s on %s, %s thread(s)", config.source.kind, *booth.size,
            info["model"], info["delegate"], info["threads"],
        )  # fmt: skip
        status = threading.Thread(target=_show, args=(booth, line, stop.ended), name="edge-bg-status", daemon=True)
        if line.on:
            status.start()
        try:
            sent = booth.run(frames=frames, duration=duration)
        finally:
            stop.ended.set()
            line.clear()
    seconds = time.monotonic() - began
    counts = booth.stats.snapshot()
    dropped = int(sum(value for name, value in counts.items() if name.startswith("dropped.")))
    log.info("%d frames in %.1f s (%.1f a second), %d dropped", sent, seconds, sent / max(seconds, 1e-3), dropped)
    return 0


def _show(booth: Any, line: StatusLine, ended: threading.Event) -> None:
    """Keep the status line up to date until the end."""
    while not ended.wait(0.5):
        now = booth.stats.snapshot()
        minutes, seconds = divmod(int(now["uptime_s"]), 60)
        dropped = int(sum(value for name, value in now.items() if name.startswith("dropped.")))
        latency, infer = now.get("latency.median_ms", 0), now.get("infer.median_ms", 0)
        parts = [
            f"{minutes:02d}:{seconds:02d}",
            *_left(booth.source, now["uptime_s"]),
            f"{now['fps']:.1f} fps",
            f"latency {latency:.0f} ms",
        ]
        parts += [f"infer {infer:.1f} ms", f"dropped {dropped}"]
        if now.get("covered"):
            parts.append(f"covered {int(now['covered'])}")
        state = booth.source.state
        if state not in ("ok", "ended"):  # what ends is a film
            parts.append(f"camera {state}")
        parts += [f"{name} {each['state']}" for name, each in booth.sinks.report().items() if each["state"] != "ok"]
        line.show("  ".join(parts))


def _left(source: Any, elapsed: float) -> list[str]:
    """How far a film is, and how long the rest takes at this pace; nothing of what has no end."""
    done = getattr(source, "progress", None)
    if not done:
        return []
    minutes, seconds = divmod(round(elapsed * (1 - done) / done), 60)
    return [f"{100 * done:.0f} %", f"{minutes:02d}:{seconds:02d} left"]


class Stop:
    """SIGINT, SIGTERM, SIGHUP: before the loop stands, an interruption; afterwards it ends and finishes its files.

    A third signal while it ends gives up waiting, for a file system or a device that hangs.
    """

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._stop: Any = None
        self._count = 0
        self._before: dict[int, Any] = {}

    def begin(self, stop: Any) -> None:
        """From now on a signal calls `stop` (at once if one has come already)."""
        self._stop = stop
        if self._count:
            stop()

    def _signal(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._stop is None:
            raise KeyboardInterrupt
        if self._count > 2:
            os._exit(128 + number)
        # Closing takes locks that this very thread may hold: never from inside a signal handler.
        threading.Thread(target=self._stop, name="edge-bg-stop", daemon=True).start()

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the last: its terminal was closed
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    self._before[number] = signal.signal(number, self._signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._count and self._stop is None and isinstance(error, Exception):
            raise KeyboardInterrupt from error  # a C extension interrupted while it loads makes an ImportError of it
