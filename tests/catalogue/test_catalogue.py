"""`edge-bg image` over folders: twice, with several processes, with everything that can be wrong with a file."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_bg.assets import asset_path
from edge_bg.catalogue.job import Job, Settings
from edge_bg.catalogue.pool import Here
from edge_bg.catalogue.work import work_anywhere
from edge_bg.commands.image import image
from edge_bg.still import Cutter


def portrait(wide: int, high: int) -> bytes:
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    share = bgra[..., 3:] / 255
    small = cv2.resize(np.rint(bgra[..., :3] * share + 120 * (1 - share)).astype(np.uint8), (wide, high))
    return cv2.imencode(".jpg", small)[1].tobytes()


@pytest.fixture(scope="module")
def photo() -> bytes:
    return portrait(120, 160)


@pytest.fixture
def folder(photo: bytes, tmp_path: Path) -> Path:
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        (tmp_path / f"in/{name}.jpg").write_bytes(photo)
    return tmp_path / "in"


def edge_bg_image(*arguments: str | Path) -> Result:
    return CliRunner().invoke(image, [str(each) for each in arguments], standalone_mode=False)


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


@pytest.mark.parametrize("beside", [True, False])
def test_twice_is_once(beside: bool, folder: Path, photo: bytes, tmp_path: Path):
    words = [folder] if beside else [folder, "-o", tmp_path / "out"]
    out = folder if beside else tmp_path / "out"
    first = edge_bg_image(*words)
    assert first.return_value == 0, first.stderr
    made = times(out)
    assert len(made) == 3
    assert "3 of 3 pictures done" in first.stderr
    (folder / "new.jpg").write_bytes(photo)
    again = edge_bg_image(*words)
    assert again.return_value == 0
    assert "1 of 4 pictures done, 3 done before" in again.stderr
    after = times(out)
    assert len(after) == 4
    assert {name: after[name] for name in made} == made
    assert not list(out.rglob("*.part"))


@pytest.mark.long
def test_several_processes_make_the_same(folder: Path, tmp_path: Path):
    assert edge_bg_image(folder, "-o", tmp_path / "one", "--jobs", 1).return_value == 0
    assert edge_bg_image(folder, "-o", tmp_path / "two", "--jobs", 2).return_value == 0
    for path in (tmp_path / "one").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_everything_that_can_be_wrong(folder: Path, photo: bytes, tmp_path: Path):
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(photo[: len(photo) // 2])
    (folder / "text.png").write_bytes(b"hello")
    header = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes()
    (folder / "huge.png").write_bytes(
        header[:16] + (20000).to_bytes(4, "big") + (10000).to_bytes(4, "big") + header[24:]
    )
    cv2.imwrite(str(folder / "one.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(folder / "ribbon.png"), np.full((30000, 1, 3), 90, np.uint8))
    (folder / "sub/loop").symlink_to(folder)
    (folder / "a.png").write_bytes(photo)  # two inputs for one output
    done = edge_bg_image(folder, "-o", tmp_path / "out")
    assert done.return_value == 1
    for words in (
        "zero.jpg: the file is empty", "cut.jpg: the JPEG breaks off early", "text.png: not a picture",
        "20000x10000 is 200 megapixels, more than 64", "leads back into a folder it lies in",
        "a.png: a.png is another picture's already, so it becomes a-2.png",
        "4 of 10 pictures done, 6 failed (with nothing to cut out: 2)",
    ):  # fmt: skip
        assert words in done.stderr, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.png")) == ["a-2.png", "a.png", "b.png", "c.png"]
    failed_again = edge_bg_image(folder, "-o", tmp_path / "out")
    assert "0 of 10 pictures done, 4 done before, 6 failed (with nothing to cut out: 2)" in failed_again.stderr


def test_the_sheet_shows_all_and_needs_nothing(folder: Path, tmp_path: Path):
    (folder / "<b>&.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "large.jpg").write_bytes(portrait(300, 400))
    cv2.imwrite(str(folder / "wall.png"), np.full((90, 120, 3), 100, np.uint8))
    (folder / "zero.jpg").write_bytes(b"")
    assert edge_bg_image(folder, "-o", tmp_path / "out").return_value == 1
    page = (tmp_path / "out/contact-sheet.html").read_text()
    assert page.count("data:image/webp;base64,") == 11, "before and after of five, and the wall"
    assert "&lt;b&gt;&amp;.png" in page
    assert "<b>&.png" not in page
    assert "zero.jpg<small>the file is empty</small>" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert page.index("Look at these") < page.index("nobody found to cut out") < page.index("These look fine")
    assert re.search(r'<li class="failed"><figure><img[^>]*></figure>[^<]*wall.png<small>nobody found', page)
    assert page.index("These look fine") < page.index("large.png")
    for target in re.findall(r'href="([^"]+)"', page):
        from urllib.parse import unquote

        assert (tmp_path / "out" / unquote(target)).is_file()


def test_what_is_empty_is_looked_at_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is told each time, and asked again when the picture or the options are others."""
    cv2.imwrite(str(folder / "wall.png"), np.full((90, 120, 3), 100, np.uint8))
    out = tmp_path / "out"
    assert edge_bg_image(folder, "-o", out).return_value == 1
    asked = []
    call = Cutter.__call__
    monkeypatch.setattr(Cutter, "__call__", lambda self, photo: asked.append(photo) or call(self, photo))
    again = edge_bg_image(folder, "-o", out)
    assert again.return_value == 1 and not asked
    assert "wall.png: nobody found to cut out" in again.stderr
    assert "0 of 4 pictures done, 3 done before, 1 failed (with nothing to cut out: 1)" in again.stderr
    assert "wall.png" in (out / "contact-sheet.html").read_text()
    assert edge_bg_image(folder, "-o", out, "--overwrite").return_value == 1
    assert len(asked) == 4
    (folder / "wall.png").write_bytes((folder / "a.jpg").read_bytes())
    assert edge_bg_image(folder, "-o", out).return_value == 0
    assert len(asked) == 5 and (out / "wall.png").is_file()


def test_an_engine_is_told_of_what_is_empty(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((90, 120, 3), 100, np.uint8))
    job = Job(str(tmp_path / "wall.png"), str(tmp_path / "out.png"))
    outcome = work_anywhere(job, Settings())
    assert (outcome.ok, outcome.found) == (False, False)
    assert not (tmp_path / "out.png").exists()


def test_no_room_and_no_right_to_write(folder: Path, tmp_path: Path, root: Path):
    """On a file system of 40 kB, and on one that is read-only, in a mount namespace of our own."""
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 255, (300, 300, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"n{number}.png"), noise)
    out = tmp_path / "out"
    out.mkdir()
    run = f"{sys.executable} -m edge_bg image {folder} -o {out} --background green --jobs 1 --no-sheet"
    script = (
        f"mount -t tmpfs -o size=40k none {out} || exit 77\n{run}; echo code $?; find {out} -type f; "
        f"mount -o remount,ro {out}; {run} --overwrite; echo code $?"
    )
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed (util-linux)")
    command = [unshare, "-rm", "sh", "-c", script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100)
    if done.returncode == 77 or "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("no mount namespaces here: " + done.stderr.strip()[:100])
    assert done.stdout.count("code 1") == 2
    assert "No space left on device" in done.stderr
    assert "Read-only file system" in done.stderr
    assert ".part" not in done.stdout
    assert "Traceback" not in done.stderr
    assert re.search(r"[1-8] of 9 pictures done, [1-8] failed", done.stderr)


@pytest.mark.parametrize("at_rest", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_worker_that_dies_costs_its_picture(at_rest: bool, folder: Path, tmp_path: Path):
    """One of two processes is killed, at work or with nothing to do: its pictures are tried again, none is missing."""
    import psutil

    more = [Job(str(folder / "a.jpg"), str(tmp_path / f"{number}.png")) for number in range(4)]
    first = more[:1] if at_rest else more
    with Here(2) as engine:
        outcomes = engine(iter(first), Settings())
        done = [next(outcomes)]
        done += outcomes if at_rest else []
        workers = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one of another test that has just ended
                workers += [process] if "spawn_main" in " ".join(process.cmdline()) else []
        assert workers
        workers[0].send_signal(signal.SIGKILL)
        end = time.monotonic() + 60  # not `wait`: that would take its end from the pool, which then believes it alive
        with suppress(psutil.NoSuchProcess):
            while workers[0].status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < end
                time.sleep(0.01)
        done += engine(iter(more[1:]), Settings()) if at_rest else outcomes
    assert [outcome.words for outcome in done] == [""] * 4
    assert len(list(tmp_path.glob("*.png"))) == 4


def test_a_pool_in_a_program_that_reaps_its_children_ends():
    """Python 3.11's own pool asks for ever, at full speed, whether one whose end somebody else took still lives."""
    script = """
import os, signal, time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from edge_bg.catalogue.pool import CONTEXT
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # inherited from whoever started this, for instance
pool = ProcessPoolExecutor(2, CONTEXT)
todo = []
while sum(each.running() for each in todo) < 5:  # until both are at work, and the queue is full
    todo.append(pool.submit(time.sleep, 30))
    time.sleep(0.02)
os.kill(next(iter(pool._processes)), signal.SIGKILL)
print(all(isinstance(each.exception(), BrokenProcessPool) for each in todo), flush=True)
pool.shutdown()
print("over")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "over"], done.stderr


def test_a_hot_folder_takes_what_is_whole(photo: bytes, tmp_path: Path, root: Path):
    hot, out = tmp_path / "hot", tmp_path / "out"
    hot.mkdir()
    (hot / "first.jpg").write_bytes(photo)
    cv2.imwrite(str(hot / "wall.png"), np.full((90, 120, 3), 100, np.uint8))
    command = [sys.executable, "-m", "edge_bg", "image", hot, "-o", out, "--watch", "--jobs", "1"]

    def wait_for(name: str) -> bool:
        end = time.monotonic() + 60
        while not (out / name).is_file() and time.monotonic() < end:
            time.sleep(0.05)
        return (out / name).is_file()

    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            assert wait_for("first.png")
            with (hot / "slow.jpg").open("wb") as file:  # a camera that writes slowly
                file.write(photo[: len(photo) // 2])
                file.flush()
                (hot / "second.jpg").write_bytes(photo)
                assert wait_for("second.png")
                time.sleep(1.2)
                assert not (out / "slow.png").exists()
                file.write(photo[len(photo) // 2 :])
            assert wait_for("slow.png")
            end = time.monotonic() + 60
            while (out / ".edge-bg/manifest.jsonl").read_text().count('"done"') < 3 and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "wall.png: nobody found to cut out" in errors and not (out / "wall.png").exists()
    assert "3 of 4 pictures done, 1 failed (with nothing to cut out: 1)" in errors
    assert "breaks off" not in errors
