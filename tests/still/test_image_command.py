"""`edge-bg image`: many pictures, some of them bad."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_bg.assets import asset_path
from edge_bg.cli import run as command_line
from edge_bg.commands.image import image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    share = bgra[..., 3:] / 255
    path = tmp_path / "me.jpg"
    whole = np.rint(bgra[..., :3] * share + 120 * (1 - share)).astype(np.uint8)
    cv2.imwrite(str(path), cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return path


def pictures(folder: Path) -> list[str]:
    """Names of the pictures in a folder: not the contact sheet, not the manifest."""
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".png")


def edge_bg_image(*arguments: str | Path) -> Result:
    return CliRunner().invoke(image, [str(each) for each in arguments], standalone_mode=False)


def test_one_picture_to_a_file(photo: Path, tmp_path: Path):
    done = edge_bg_image(photo, "-o", tmp_path / "out.png")
    assert done.return_value == 0
    out = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert out.shape == (*cv2.imread(str(photo)).shape[:2], 4)
    assert out[..., 3].mean() > 40
    assert "1 of 1 pictures done" in done.stderr


def test_a_bad_picture_does_not_stop_the_rest(photo: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    photo.rename(folder / "b.jpg")
    (folder / "a.jpg").write_bytes(b"not a picture")
    (folder / "c.txt").write_text("no picture by its name")
    done = edge_bg_image(folder, tmp_path / "none.jpg", "-o", tmp_path / "out")
    assert done.return_value == 1
    assert pictures(tmp_path / "out") == ["b.png"]
    assert "a.jpg: not a picture" in done.stderr
    assert "none.jpg: no such file" in done.stderr
    assert "1 of 3 pictures done, 2 failed" in done.stderr


def test_outputs_are_kept_and_inputs_never_written(photo: Path, tmp_path: Path):
    before = photo.read_bytes()
    done = edge_bg_image(photo, "-o", photo, "--overwrite", "--background", "green")
    assert done.return_value == 1
    assert "is a picture to be read" in done.stderr
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    assert edge_bg_image(photo, "-o", link, "--overwrite").return_value == 1
    assert photo.read_bytes() == before
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    assert "--overwrite replaces it" in edge_bg_image(photo, "-o", out).stderr
    assert out.read_bytes() == b"mine"
    assert edge_bg_image(photo, "-o", out, "--overwrite").return_value == 0
    assert out.read_bytes() != b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.png", "me.jpg", "out.png"]


def test_names_never_collide_and_default_is_beside(photo: Path, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "me.png"), cv2.imread(str(photo)))
    assert edge_bg_image(tmp_path / "me.*", "-o", tmp_path / "out/").return_value == 0
    assert pictures(tmp_path / "out") == ["me-2.png", "me.png"]
    assert edge_bg_image(photo).return_value == 0
    assert (tmp_path / "me-cutout.png").is_file()


@pytest.mark.parametrize("background", ["#ff0000", "backdrop", "blur"])
def test_on_a_background_there_is_no_alpha(background: str, photo: Path, tmp_path: Path):
    behind = str(asset_path("backdrop.jpg")) if background == "backdrop" else background
    out = tmp_path / "out.jpg"
    assert edge_bg_image(photo, "-o", out, "--background", behind).return_value == 0
    picture = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert picture.shape == cv2.imread(str(photo)).shape
    if background == "#ff0000":
        assert picture[3, 3, 2] > 240
        assert picture[3, 3, 0] < 15


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["-o", "out.jpg"], 2, "JPEG has no transparency"),
        (["-o", "out.gif"], 2, "unknown ending"),
        (["--background", "video.mp4"], 2, "does not exist"),
        (["--background", "none"], 2, "shows the room as it is"),
        (["--background", "bleuish"], 2, "is not a background"),
        (["--model", "nonsense"], 1, "nonsense"),
        (["--max-megapixels", "0.01"], 1, "--max-megapixels"),
    ],
)
def test_what_will_not_do(
    arguments: list[str],
    code: int,
    wanted: str,
    photo: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(photo.parent)
    assert command_line(["image", str(photo), *arguments]) == code
    assert wanted in capfd.readouterr().err


def test_two_pictures_need_a_folder(photo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    cv2.imwrite(str(tmp_path / "you.png"), cv2.imread(str(photo)))
    assert command_line(["image", str(photo), str(tmp_path / "you.png"), "-o", str(tmp_path / "one.png")]) == 2
    assert "is one file, but there are 2 pictures" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interruption_leaves_whole_pictures(number: signal.Signals, photo: Path, tmp_path: Path, root: Path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for each in range(60):
        (folder / f"{each:02d}.jpg").write_bytes(photo.read_bytes())
    command = [sys.executable, "-m", "edge_bg", "image", folder, "-o", out]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (out / "01.png").is_file():
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "of 60 pictures done" in errors
    assert "Traceback" not in errors
    made = [out / name for name in pictures(out)]
    assert 2 <= len(made) < 60
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[2] == 4 for path in made)


@pytest.mark.parametrize(
    ("words", "name", "said"),
    [
        ([], "out.png", "nobody found"),
        (["--subject", "anything", "--preset", "amazon"], "out.jpg", "nothing found"),
        (["--subject", "auto", "--mask-only"], "out.png", "nothing found"),
    ],
)
def test_where_nothing_is_found_no_blank_picture_is_written(words: list[str], name: str, said: str, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((90, 120, 3), 100, np.uint8))
    done = edge_bg_image(tmp_path / "wall.png", "-o", tmp_path / name, *words)
    assert f"wall.png: {said} to cut out" in done.stderr
    assert ("--subject anything" in done.stderr) == (not words), "what would help is said"
    assert "0 of 1 pictures done, 1 failed (with nothing to cut out: 1)" in done.stderr
    assert done.return_value == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wall.png"]
