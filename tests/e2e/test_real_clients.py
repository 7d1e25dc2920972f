"""The whole program from the command line, its output read by other people's programs: ffmpeg and ffprobe.

Where ffmpeg is missing, PyAV (the same libraries, another build) reads what files there are.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

WIDTH, HEIGHT, FRAMES = 320, 180, 24
GREEN = (0, 200, 0)
FFMPEG = shutil.which("ffmpeg") and shutil.which("ffprobe")
needs_ffmpeg = pytest.mark.skipif(not FFMPEG, reason="FFMPEG IS MISSING: apt install ffmpeg (real clients not tried)")


@pytest.fixture
def config(tmp_path):
    """A config: the built-in portrait before green, as fast as it goes, into `sinks`."""

    def write(*sinks, frames=FRAMES, realtime="false", background='"#00c800"'):
        path = tmp_path / "config.yaml"
        path.write_text(
            f"source: {{kind: synthetic, size: {WIDTH}x{HEIGHT}, fps: 25, realtime: {realtime}, "
            f"frames: {frames or 'null'}}}\nbackground: {background}\nsinks:\n"
            + "".join(f"  - {json.dumps(sink)}\n" for sink in sinks)
        )
        return path

    return write


def start(root, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "edge_bg", "run", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def finish(process, code=0, seconds=60):
    out, err = process.communicate(timeout=seconds)
    text = err.decode()
    assert process.returncode == code, text
    assert "Traceback" not in text, text
    return out, text


def probe(*arguments, data=None):
    """What ffprobe says about the video stream, every frame decoded."""
    entries = "codec_name,pix_fmt,color_range,color_space,width,height,nb_read_frames,r_frame_rate:stream_tags"
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", f"stream={entries}",
         "-of", "json", *map(str, arguments)],
        input=data, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == b"", done.stderr.decode()
    stream = json.loads(done.stdout)["streams"][0]
    assert (stream["width"], stream["height"]) == (WIDTH, HEIGHT)
    return stream


def last_picture(*arguments, pixels="rgb24", data=None):
    """The last picture of a video as ffmpeg shows it."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", *map(str, arguments), "-f", "rawvideo", "-pix_fmt", pixels, "-"],
        input=data, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == b"", done.stderr.decode()
    channels = len(pixels.replace("24", ""))
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, HEIGHT, WIDTH, channels)[-1]


def is_green_with_a_person(shown, tolerance=4):
    """The corners are the background to within `tolerance` levels, and a part of the picture is not."""
    for corner in (shown[2, 2], shown[2, -3]):
        assert np.abs(corner[:3].astype(int) - GREEN).max() <= tolerance, corner
    other = (np.abs(shown[..., :3].astype(int) - GREEN).max(axis=2) > 60).mean()
    assert 0.05 < other < 0.8, f"{other:.0%} of the picture is person"


@needs_ffmpeg
def test_recordings(root, tmp_path, config):
    path = config(
        {"kind": "file", "path": str(tmp_path / "h264.mp4")},
        {"kind": "file", "path": str(tmp_path / "part2.mp4"), "codec": "mpeg4"},
        {"kind": "file", "path": str(tmp_path / "vp9.webm")},
        {"kind": "file", "path": str(tmp_path / "p-%03d.png")},
    )
    finish(start(root, path))
    for name, codec in (("h264.mp4", "h264"), ("part2.mp4", "mpeg4"), ("vp9.webm", "vp9")):
        found = probe(tmp_path / name)
        assert (found["codec_name"], found["nb_read_frames"]) == (codec, str(FRAMES))
        assert found.get("color_range", "tv") == "tv" and found.get("color_space") in {"smpte170m", None}
    assert probe(tmp_path / "vp9.webm")["tags"]["alpha_mode"] == "1"
    assert int(probe("-i", tmp_path / "p-%03d.png")["nb_read_frames"]) == FRAMES
    for name in ("h264.mp4", "part2.mp4", "vp9.webm", "p-%03d.png"):
        is_green_with_a_person(last_picture("-i", tmp_path / name), tolerance=6)


@needs_ffmpeg
def test_cut_outs_with_alpha(root, tmp_path, config):
    sinks = [{"kind": "file", "path": str(tmp_path / name)} for name in ("vp9.webm", "p-%03d.png")]
    finish(start(root, config(*sinks, background="transparent")))
    shown = last_picture("-c:v", "libvpx-vp9", "-i", tmp_path / "vp9.webm", pixels="rgba")
    assert shown[2, 2, 3] <= 3 and shown[..., 3].max() >= 250
    assert shown[2, 2, :3].max() <= 8, "under the transparent parts there is nothing"
    png = last_picture("-i", tmp_path / "p-%03d.png", pixels="rgba")
    assert tuple(png[2, 2]) == (0, 0, 0, 0) and np.abs(png[..., 3].astype(int) - shown[..., 3]).mean() < 6


@needs_ffmpeg
def test_y4m_on_standard_output_and_into_a_command(root, tmp_path, config):
    data, _ = finish(start(root, config({"kind": "pipe"})))
    found = probe("-f", "yuv4mpegpipe", "-", data=data)
    assert (found["pix_fmt"], found["color_range"], found["r_frame_rate"]) == ("yuv420p", "pc", "25/1")
    assert found["nb_read_frames"] == str(FRAMES)
    is_green_with_a_person(last_picture("-f", "yuv4mpegpipe", "-i", "-", data=data))
    command = ["ffmpeg", "-v", "error", "-i", "-", "-c:v", "ffv1", str(tmp_path / "out.mkv")]
    finish(start(root, config({"kind": "pipe", "command": command})))
    assert probe(tmp_path / "out.mkv")["nb_read_frames"] == str(FRAMES)
    is_green_with_a_person(last_picture("-i", tmp_path / "out.mkv"))


def listening(process):
    """The address that the program printed."""
    while line := process.stderr.readline().decode():
        if found := re.search(r"http://\S+", line):
            return found[0]
    pytest.fail("it never said where to look")
    return ""


@needs_ffmpeg
def test_mjpeg_and_snapshot(root, config):
    process = start(root, config({"kind": "http", "port": 0}, frames=None, realtime="true"))
    try:
        address = listening(process)
        found = probe("-f", "mpjpeg", "-read_intervals", "%+#10", address + "stream.mjpg")
        assert (found["codec_name"], found["pix_fmt"]) == ("mjpeg", "yuvj420p")
        assert int(found["nb_read_frames"]) >= 10
        arguments = ["-f", "mpjpeg", "-i", address + "?action=stream", "-frames:v", 8]
        shown = last_picture(*arguments)
        is_green_with_a_person(shown)
        is_green_with_a_person(last_picture("-i", address + "snapshot.jpg"))
        with urllib.request.urlopen(address + "healthz", timeout=60) as answer:
            health = json.load(answer)
        assert health["healthy"] and health["fps"] > 0
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)


def test_a_reader_that_leaves_ends_the_program_quietly(root, config):
    process = start(root, config({"kind": "pipe"}, frames=None))
    process.stdout.read(500_000)
    process.stdout.close()
    assert process.wait(60) == 0
    text = process.stderr.read().decode()
    process.stderr.close()
    assert "Traceback" not in text and "error" not in text.lower(), text


def test_a_taken_port_and_a_full_disk_are_told_in_words(root, tmp_path, config):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        _, text = finish(start(root, config({"kind": "http", "port": port})), code=1)
    assert f"127.0.0.1:{port}: port is taken" in text and "ss -ltnp" in text
    out = tmp_path / "full.mp4"
    limit = 30_000
    process = start(
        root, config({"kind": "file", "path": str(out)}, frames=2000),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    _, text = finish(process, code=1)
    assert "cannot go on writing" in text and "df -h" in text
    if FFMPEG:
        count = ["-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
        shown = subprocess.run(["ffprobe", "-v", "quiet", *count, out], capture_output=True, check=False)
        assert int(shown.stdout or 0) > 20, "what was written plays"
