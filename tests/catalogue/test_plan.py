"""Which pictures are done, and what they become."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_bg.catalogue.job import Job, Outcome, Settings
from edge_bg.catalogue.manifest import Manifest
from edge_bg.catalogue.plan import plan


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def names(found, folder: Path) -> dict[str, str]:
    return {os.path.relpath(job.source, folder): os.path.relpath(job.target, folder) for job in found.jobs}


def test_folders_are_mirrored(tmp_path: Path):
    touch(tmp_path, "in/a.jpg", "in/shoes/red/b.JPG", "in/shoes/c.png", "in/.hidden/d.jpg", "in/notes.txt")
    found = plan([str(tmp_path / "in")], str(tmp_path / "out"))
    assert names(found, tmp_path) == {
        "in/a.jpg": "out/a.png", "in/shoes/c.png": "out/shoes/c.png", "in/shoes/red/b.JPG": "out/shoes/red/b.png"
    }  # fmt: skip
    assert found.folder == str(tmp_path / "out")
    assert not found.problems
    assert not found.notes


def test_own_outputs_are_no_inputs(tmp_path: Path):
    touch(
        tmp_path, "a.jpg", "a-cutout.png", "sub/b.png", "sub/b-cutout-2.png", "lonely-cutout.png", "contact-sheet.html"
    )
    found = plan([str(tmp_path)], None)
    assert names(found, tmp_path) == {
        "a.jpg": "a-cutout.png", "lonely-cutout.png": "lonely-cutout-cutout.png", "sub/b.png": "sub/b-cutout.png"
    }  # fmt: skip
    assert found.folder == str(tmp_path)


def test_an_output_inside_the_input_is_not_taken(tmp_path: Path):
    touch(tmp_path, "a.jpg", "out/a.png", "out/old.jpg")
    assert names(plan([str(tmp_path)], str(tmp_path / "out")), tmp_path) == {"a.jpg": "out/a.png"}
    there = plan([str(tmp_path / "out")], str(tmp_path / "out"))  # but a folder may be its own output
    assert len(there.jobs) == 2


def test_names_stay_when_pictures_come(tmp_path: Path):
    touch(tmp_path, "in/x.jpg", "in/x.png")
    first = plan([str(tmp_path / "in")], str(tmp_path / "out"))
    assert names(first, tmp_path) == {"in/x.jpg": "out/x.png", "in/x.png": "out/x-2.png"}
    assert "x.png is another picture's already, so it becomes x-2.png" in first.notes[0]
    touch(tmp_path, "in/x.bmp")
    again = plan([str(tmp_path / "in")], str(tmp_path / "out"), known={job.source: job.target for job in first.jobs})
    assert names(again, tmp_path) == {"in/x.bmp": "out/x-3.png", "in/x.jpg": "out/x.png", "in/x.png": "out/x-2.png"}


def test_what_is_left_out_is_said(tmp_path: Path):
    touch(tmp_path, "a.jpg", "b.CR2", "c.cr2", "d.mp4", "e.gif", "f.psd", "g.xyz", "README.md", "none")
    notes = "\n".join(plan([str(tmp_path)], None).notes)
    for words in ("2 .cr2 files left out: raw", "1 .mp4 file left out: moving", "1 .gif file", "1 .psd", "1 .xyz file"):
        assert words in notes
    assert ".md" not in notes
    assert len(notes.splitlines()) == 5


def test_a_folder_that_loops_is_entered_once(tmp_path: Path):
    touch(tmp_path, "in/deep/a.jpg")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/self").symlink_to(tmp_path / "in/self")
    (tmp_path / "in/other").symlink_to(touch(tmp_path, "elsewhere/b.jpg") / "elsewhere")
    found = plan([str(tmp_path / "in")], str(tmp_path / "out"))
    assert names(found, tmp_path) == {"in/deep/a.jpg": "out/deep/a.png", "in/other/b.jpg": "out/other/b.png"}
    assert sum("leads back into a folder it lies in" in note for note in found.notes) == 1
    assert sum("self: a link" in note for note in found.notes) == 1


def test_inputs_that_are_not_there(tmp_path: Path):
    found = plan([str(tmp_path / "no.jpg"), str(tmp_path / "*.png"), str(tmp_path)], None)
    assert [words.rpartition(": ")[2] for words in found.problems] == [
        "no such file", "no picture matches", "no pictures in this folder"
    ]  # fmt: skip


# --- the manifest


@pytest.fixture
def job(tmp_path: Path) -> Job:
    touch(tmp_path, "a.jpg")
    return Job(str(tmp_path / "a.jpg"), str(tmp_path / "out/a.png"))


def do(job: Job, folder: Path, key: str = "k") -> None:
    from hashlib import sha256

    with_hash = {"source_hash": sha256(Path(job.source).read_bytes()).hexdigest()}
    manifest = Manifest(str(folder))
    manifest.begin(job, key)
    touch(folder, "a.png")
    manifest.end(Outcome(job, target_hash=sha256(b"a.png").hexdigest(), **with_hash), key, None)
    manifest.close()


def verdict(job: Job, folder: Path, key: str = "k", overwrite: bool = False) -> str:
    return Manifest(str(folder)).verdict(job, key, overwrite=overwrite)


def test_what_is_done_is_left_until_something_changes(job: Job, tmp_path: Path):
    out = tmp_path / "out"
    assert verdict(job, out) == "do"
    do(job, out)
    assert verdict(job, out) == "done"
    os.utime(job.source, (1, 1))  # a copy with another time
    assert verdict(job, out) == "done"
    assert verdict(job, out, "other options") == "do"
    assert verdict(job, out, overwrite=True) == "do"
    Path(job.source).write_bytes(b"another picture")
    assert verdict(job, out) == "do"


def test_what_is_not_ours_or_was_touched_up_is_kept(job: Job, tmp_path: Path):
    out = touch(tmp_path, "out/a.png") / "out"
    assert verdict(job, out) == "taken"
    do(job, out)
    Path(job.target).write_bytes(b"retouched by hand")
    assert verdict(job, out) == "changed"
    assert verdict(job, out, "other options") == "changed"
    Path(job.target).unlink()
    assert verdict(job, out) == "do"


def test_an_interruption_between_the_picture_and_its_line(job: Job, tmp_path: Path):
    out = tmp_path / "out"
    manifest = Manifest(str(out))
    manifest.begin(job, "k")
    manifest.close()
    touch(out, "a.png")
    with (out / ".edge-bg/manifest.jsonl").open("a") as file:
        file.write('{"source": "half a li')
    assert verdict(job, out) == "do"


def test_the_mark_of_the_settings_is_what_changes_the_result():
    plain = Settings()
    assert plain.key() == Settings(threads=3, delegates=("edgetpu", "cpu"), thumbs=True).key()
    assert plain.key() != Settings(subject="anything").key()
