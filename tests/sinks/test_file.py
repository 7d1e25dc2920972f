"""Recordings: right colours and times, alpha without the room, and what is left of them when things go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.errors import MissingDependency, SinkError
from edge_bg.frame import Frame
from edge_bg.sinks import file as file_module
from edge_bg.sinks import writers
from edge_bg.sinks.file import File

av = pytest.importorskip("av", reason="PyAV reads recordings back")

SIZE = (160, 120)
ROOM = (255, 0, 255)


def frame(n=0, when=None, colour=(250, 20, 20), room=ROOM):
    """A person in the middle of a room that is still in the pixels around."""
    data, alpha = f.filled(SIZE, f.yuv_of(room)), np.zeros((180, 160), np.uint8)
    person = f.yuv_of(colour)
    for plane, cover, value, cut in zip(f.planes(data), f.planes(alpha), person, (1, 2, 2), strict=True):
        plane[40 // cut : 80 // cut, 48 // cut : 112 // cut] = value
        cover[40 // cut : 80 // cut, 48 // cut : 112 // cut] = 255
    return Frame(data, 500.0 + n / 25 if when is None else when, n, alpha420=alpha)


def record(path, frames, *, live=True, **options):
    sink = File(path, **options)
    sink.open(SIZE, 25.0, live=live)
    for one in frames:
        sink.write(one)
    sink.close()
    return sink


def decode(path, codec=None):
    """[(seconds, planes)] of a video, its alpha plane too where the decoder gives one."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if codec is None:
            shown = list(container.decode(stream))
        else:
            context = av.codec.Codec(codec, "r").create()
            shown = [one for packet in container.demux(stream) for one in context.decode(packet)]
    return [
        (
            float(one.pts * one.time_base),
            [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in one.planes],
        )
        for one in shown
    ]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_colours_are_limited_range_tagged_and_come_back(tmp_path, name):
    record(tmp_path / name, [frame(n) for n in range(10)])
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert int(context.color_range) == 1 and int(context.colorspace) == 6
    sent, (_, got) = frame().data, decode(tmp_path / name)[5]
    back = f.expand_range(np.concatenate([plane.reshape(-1) for plane in got]).reshape(180, 160))
    for ours, theirs in zip(f.planes(sent), f.planes(back), strict=True):
        flat = [(5, 5), (-5, -5), (theirs.shape[0] // 2, theirs.shape[1] // 2)]
        assert max(abs(int(ours[at]) - int(theirs[at])) for at in flat) <= 2


def test_times_are_those_of_the_frames(tmp_path):
    times = [1000.0, 1000.04, 1000.30, 1000.30, 1000.29, 1000.5, 1001.5]  # a pause, a twin, one out of order
    record(tmp_path / "live.mp4", [frame(n, t) for n, t in enumerate(times)])
    got = [t for t, _ in decode(tmp_path / "live.mp4")]
    assert np.allclose(got, [0, 0.04, 0.30, 0.30, 0.30, 0.5, 1.5], atol=0.001)
    assert all(a < b for a, b in pairwise(got))


def test_a_long_absence_is_cut_out(tmp_path):
    record(tmp_path / "gap.mp4", [frame(0, 10.0), frame(1, 10.04), frame(2, 4000.0), frame(3, 4000.04)])
    assert np.allclose([t for t, _ in decode(tmp_path / "gap.mp4")], [0, 0.04, 0.08, 0.12], atol=0.001)


def test_a_source_that_waits_is_recorded_at_its_own_rate(tmp_path):
    record(tmp_path / "file.mp4", [frame(n, when=7.0 + n * 1e-4) for n in range(10)], live=False)
    assert np.allclose([t for t, _ in decode(tmp_path / "file.mp4")], np.arange(10) / 25, atol=0.001)


def test_webm_carries_alpha_and_nothing_of_the_room(tmp_path):
    record(tmp_path / "a.webm", [frame(n) for n in range(10)], alpha=True)
    shown = decode(tmp_path / "a.webm", "libvpx-vp9")
    assert len(shown) == 10
    y, u, v, alpha = shown[-1][1]
    assert alpha[60, 80] >= 250 and alpha[5, 5] <= 5 and alpha[100, 150] <= 5
    assert abs(int(y[5, 5]) - 16) <= 2 and abs(int(u[5, 5]) - 128) <= 2 and abs(int(v[5, 5]) - 128) <= 2
    person = [plane[plane.shape[0] // 2, plane.shape[1] // 2] for plane in f.planes(f.compress_range(frame().data))]
    for plane, wanted in zip((y, u, v), person, strict=True):
        assert abs(int(plane[plane.shape[0] // 2, plane.shape[1] // 2]) - int(wanted)) <= 3


def test_png_pictures_carry_alpha_and_nothing_of_the_room(tmp_path):
    record(tmp_path / "out-%03d.png", [frame(n) for n in range(3)], alpha=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out-000.png", "out-001.png", "out-002.png"]
    shown = cv2.imread(str(tmp_path / "out-001.png"), cv2.IMREAD_UNCHANGED)
    assert shown.shape == (120, 160, 4)
    assert tuple(shown[5, 5]) == (0, 0, 0, 0) and shown[60, 80, 3] == 255
    assert np.abs(shown[60, 80, :3].astype(int) - (20, 20, 250)).max() <= 2


def test_frames_without_alpha_are_opaque(tmp_path):
    bare = [Frame(frame(n).data, 500 + n / 25, n) for n in range(3)]
    record(tmp_path / "a.webm", bare)
    assert decode(tmp_path / "a.webm", "libvpx-vp9")[0][1][3].min() >= 250
    record(tmp_path / "b-%d.png", bare)
    assert cv2.imread(str(tmp_path / "b-0.png"), cv2.IMREAD_UNCHANGED).shape == (120, 160, 3)


def test_alpha_is_written_where_the_background_is_transparent(tmp_path):
    """On a background the picture is what was asked for; with the background `transparent`, the cut-out is."""
    blended, cut = frame(0), frame(1)
    cut.premultiplied = True
    for alpha, expected in ((None, [255, 0]), (True, [0, 0]), (False, [255, 255])):
        record(tmp_path / "a.webm", [blended, cut], alpha=alpha, overwrite=True)
        shown = [planes for _, planes in decode(tmp_path / "a.webm", "libvpx-vp9")]
        got = [int(planes[3][5, 5]) if len(planes) == 4 else 255 for planes in shown]
        assert np.abs(np.array(got) - expected).max() <= 5
        if expected[0] == 255:
            assert abs(int(shown[0][0][5, 5]) - int(f.compress_range(blended.data)[5, 5])) <= 3
        record(tmp_path / "p-%d.png", [blended, cut], alpha=alpha, overwrite=True)
        read = [cv2.imread(str(tmp_path / f"p-{n}.png"), cv2.IMREAD_UNCHANGED) for n in (0, 1)]
        assert [int(one[5, 5, 3]) if one.shape[2] == 4 else 255 for one in read] == expected


def test_colours_of_a_transparent_frame_are_divided_by_alpha(tmp_path):
    half, colour = np.full((180, 160), 128, np.uint8), f.filled(SIZE, f.yuv_of((200, 120, 40)))
    black = f.filled(SIZE, (0, 128, 128))
    mixed = ((colour.astype(int) * 128 + black.astype(int) * 127 + 127) // 255).astype(np.uint8)
    record(tmp_path / "p-%d.png", [Frame(mixed, 0.0, 0, alpha420=half, premultiplied=True)])
    blue, green, red, alpha = cv2.imread(str(tmp_path / "p-0.png"), cv2.IMREAD_UNCHANGED)[60, 80]
    assert alpha == 128 and max(abs(int(red) - 200), abs(int(green) - 120), abs(int(blue) - 40)) <= 5


def test_bitrate_is_held(tmp_path):
    rng = np.random.default_rng(5)
    frames = [Frame(rng.integers(0, 256, (180, 160), np.uint8), 1 + n / 25, n) for n in range(75)]
    sizes = {}
    for bitrate in (100_000, 800_000):
        path = tmp_path / f"{bitrate}.mp4"
        record(path, frames, bitrate=bitrate)
        sizes[bitrate] = path.stat().st_size
    assert sizes[800_000] > 3 * sizes[100_000]


def test_time_in_the_name_and_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sink = record("~/rec-{time}.mkv", [frame()])
    assert sink.target.parent == tmp_path and sink.target.exists()
    assert len(sink.target.stem) == len("rec-20260131-235959")


# --- without the extra, and without libx264 ---------------------------------------------------------------------


def test_without_pyav_opencv_writes_mp4(tmp_path, monkeypatch):
    monkeypatch.setattr(file_module, "has_av", lambda: False)
    monkeypatch.setattr(file_module, "has_encoder", lambda name: False)
    record(tmp_path / "cv.mp4", [frame(0, 1.0), frame(1, 1.04), frame(2, 1.2)])
    shown = decode(tmp_path / "cv.mp4")
    assert len(shown) == 6, "a constant rate: the gap is filled"
    assert abs(int(shown[0][1][0][60, 80]) - int(f.compress_range(frame().data)[60, 80])) <= 4
    for wanted in ({"path": tmp_path / "x.webm"}, {"path": tmp_path / "x.mp4", "codec": "h264"}):
        with pytest.raises(SinkError, match=r"needs PyAV\n.*pip install 'edge-bg\[video\]'"):
            File(**wanted).open(SIZE, 25.0)


def test_without_libx264_auto_takes_mpeg4(tmp_path, monkeypatch):
    monkeypatch.setattr(file_module, "has_encoder", lambda name: "264" not in name)
    record(tmp_path / "m.mp4", [frame(n) for n in range(3)])
    with av.open(str(tmp_path / "m.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    with pytest.raises(SinkError, match="no encoder for codec 'h264'"):
        File(tmp_path / "n.mp4", codec="h264").open(SIZE, 25.0)


def test_a_writer_without_pyav_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert not writers.has_av()
    with pytest.raises(MissingDependency, match=r"edge-bg\[video\]"):
        writers.AvWriter(tmp_path / "a.mp4", SIZE, 25.0, "libx264", None, False)


# --- errors -----------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_path_is_said(tmp_path):
    there = tmp_path / "there.mp4"
    there.write_bytes(b"precious")
    (tmp_path / "out-000.png").write_bytes(b"precious")
    (tmp_path / "folder.mp4").mkdir()
    for path, message in {
        tmp_path / "no" / "a.mp4": r"there is no folder .*no\n  mkdir -p .*no",
        there: r"there.mp4 exists\n.*overwrite",
        tmp_path / "out-%03d.png": r"out-000.png exists",
        tmp_path / "one.png": r"one picture.*\n.*one-%06d\.png",
        tmp_path / "a.gif": r"unknown ending '\.gif'\n.*\.mp4",
        tmp_path / "folder.mp4": r"is a folder",
    }.items():
        with pytest.raises(SinkError, match=message):
            File(path).open(SIZE, 25.0)
    assert there.read_bytes() == b"precious"
    with pytest.raises(SinkError, match="no encoder for codec 'theora-2'"):
        File(tmp_path / "a.mkv", codec="theora-2").open(SIZE, 25.0)
    record(there, [frame()], overwrite=True)
    assert there.stat().st_size > 500


@pytest.mark.parametrize("name", ["100% %s/out-%02d.png", "out-%d-%d.png", "%%04d%x.png"])
def test_a_percent_sign_that_numbers_nothing_stays(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    record(path, [frame(n) for n in range(3)])
    wanted = {"out-%02d.png": "out-02.png", "out-%d-%d.png": "out-2-2.png", "%%04d%x.png": "%0002%x.png"}[path.name]
    assert sorted(p.name for p in path.parent.iterdir())[-1] == wanted


def test_a_codec_that_does_not_fit_the_file_is_told_at_open(tmp_path):
    with pytest.raises(SinkError, match="file: "):
        File(tmp_path / "a.webm", codec="h264").open(SIZE, 25.0)


RECORD = """
import os, resource, sys, time
import numpy as np
from edge_bg.errors import SinkError
from edge_bg.frame import Frame
from edge_bg.sinks.file import File

path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
sink = File(path)
sink.open((160, 120), 25.0)
try:
    for n in range(500):
        sink.write(Frame(rng.integers(60, 200, (180, 160), np.uint8), 10 + n / 25, n))
        if n == 200 and not limit:
            print("written", flush=True)
            time.sleep(60)
except SinkError as caught:
    print(caught)
    sys.exit(3)
finally:
    try:
        sink.close()
    except SinkError as caught:
        print("again", caught)
"""


def recorder(path, limit=0):
    code = textwrap.dedent(RECORD)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, str(path), str(limit)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["full.mp4", "full.mkv", "full.webm", "full-%03d.png"])
def test_when_there_is_no_room_the_error_says_so_and_the_rest_plays(tmp_path, name):
    """The kernel refuses to make the file longer (a limit on its size), as it would on a full disk."""
    process = recorder(tmp_path / name, 15_000 if "png" in name else 200_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3 and err == "", out + err
    assert out.startswith(f"file: cannot go on writing {tmp_path / name}: File too large")
    assert "df -h" in out and "plays" in out
    if "png" in name:
        assert not list(tmp_path.iterdir()), "half a picture is not left behind"
        return
    shown = []
    with av.open(str(tmp_path / name)) as container:
        try:
            for one in container.decode(video=0):
                shown.append(one)
        except av.error.FFmpegError:
            pass  # the frame that was cut off
    assert len(shown) >= 10


@pytest.mark.parametrize(("name", "rest"), [("full.mp4", r"will not play; pip install"), ("full.mkv", "so far plays")])
def test_without_pyav_a_full_disk_is_told_as_it_is(tmp_path, monkeypatch, name, rest):
    monkeypatch.setattr(file_module, "has_av", lambda: False)
    room = os.statvfs(tmp_path)
    full = os.statvfs_result((*room[:4], 0, *room[5:]))
    answers = iter([room])  # there is room at the start
    monkeypatch.setattr(writers.os, "statvfs", lambda path: next(answers, full))
    with pytest.raises(SinkError, match=rest):
        record(tmp_path / name, [frame(n) for n in range(60)])


@pytest.mark.parametrize("name", ["killed.mp4", "killed.mkv"])
def test_a_killed_recording_plays(tmp_path, name):
    process = recorder(tmp_path / name)
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with av.open(str(tmp_path / name)) as container:
        shown = 0
        try:
            for _ in container.decode(video=0):
                shown += 1
        except av.error.FFmpegError:
            pass
    assert shown >= 50


def test_two_starts_within_a_second_write_two_files_and_an_empty_one_is_none(tmp_path):
    sinks = [File(tmp_path / "take-{time}.mkv") for _ in range(3)]
    for sink in sinks:
        sink.open(SIZE, 30.0)
    for sink in sinks[:2]:
        sink.write(frame(0))
    for sink in sinks:
        sink.close()
    assert len({sink.target for sink in sinks}) == 3
    assert sorted(tmp_path.iterdir()) == sorted(sink.target for sink in sinks[:2])


def test_a_film_of_which_only_the_head_fitted_is_taken_away(tmp_path, monkeypatch):
    """As a full disk leaves it: the head was written, the pictures were not."""
    sink = File(tmp_path / "take-{time}.mkv")
    sink.open(SIZE, 30.0)
    sink.write(frame(0))

    class Full:
        def write(self, *_):
            raise OSError(28, "No space left on device")

        def close(self):
            head = writer.close() or sink.target.read_bytes()[:560]
            sink.target.write_bytes(head)

    writer = sink._writer
    sink._writer = Full()
    with pytest.raises(SinkError, match="No space left"):
        sink.write(frame(1))
    sink.close()
    assert list(tmp_path.iterdir()) == []
