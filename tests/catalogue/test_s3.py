"""A catalogue in an S3-compatible store: moto's server on loopback, s3fs as the client.

Neither is in `dev`: moto brings thirty packages. `pip install 'edge-bg[s3]' 'moto[server]'`, then `pytest --slow`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path

SERVER = shutil.which("moto_server")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty store; every program started from here takes it for S3."""
    if SERVER is None:
        pytest.skip("MOTO IS MISSING: pip install 'moto[server]' (S3 was not tried)")
    pytest.importorskip("s3fs", reason="S3FS IS MISSING: pip install 'edge-bg[s3]' (S3 was not tried)")
    log = tmp_path / "server.log"
    with log.open("w") as file, subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", "0"], stderr=file) as process:
        try:
            end, port = time.monotonic() + 60, ""
            while not port and time.monotonic() < end:
                time.sleep(0.05)
                port = next((line.rpartition(":")[2] for line in log.read_text().split() if "http://127" in line), "")
            assert port, log.read_text()
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                monkeypatch.setenv(key, "none")
            monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            yield
        finally:
            process.terminate()


@pytest.mark.slow
def test_a_catalogue_from_s3_to_s3_and_again(store: None, root: Path):
    import s3fs

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("shop")
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    data = cv2.imencode(".jpg", cv2.resize(bgra[..., :3], (90, 120)))[1].tobytes()
    for name in ("a.jpg", "red/b.jpg", "red/c.jpg"):
        files.pipe_file(f"shop/in/{name}", data)
    files.pipe_file("shop/in/broken.jpg", data[:300])

    def run() -> subprocess.CompletedProcess[str]:
        words = ["image", "s3://shop/in", "-o", "s3://shop/out", "--jobs", "2"]
        command = [sys.executable, "-m", "edge_bg", *words]
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=200, env={**os.environ}, check=False
        )

    first = run()
    assert first.returncode == 1, first.stderr
    assert "s3://shop/in/broken.jpg: the JPEG breaks off early" in first.stderr
    assert "3 of 4 pictures done, 1 failed" in first.stderr
    assert "Traceback" not in first.stderr
    found = sorted(each for each in files.find("shop/out"))
    assert found == ["shop/out/.edge-bg/manifest.jsonl", "shop/out/a.png", "shop/out/red/b.png", "shop/out/red/c.png"]
    picture = np.frombuffer(files.cat_file("shop/out/red/b.png"), np.uint8)
    assert cv2.imdecode(picture, cv2.IMREAD_UNCHANGED).shape == (120, 90, 4)
    assert "0 of 4 pictures done, 3 done before, 1 failed" in run().stderr


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_named(store: None, root: Path):
    command = [sys.executable, "-m", "edge_bg", "image", "s3://none/in", "-o", "s3://shop/out"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200, check=False)
    assert "s3://none/in: The specified bucket does not exist" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
