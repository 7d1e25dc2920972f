"""Videos: colours, ranges, rotation, odd sizes, both decoders, and files that break off."""

from __future__ import annotations

import logging
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.errors import MissingDependency, SourceError
from edge_bg.frame import Frame
from edge_bg.sources.file import VideoFile
from tests.patience import crowd

ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFMPEG ABSENT: sudo apt install ffmpeg")
try:
    import av as av
except ImportError:
    HAS_AV = False
else:
    HAS_AV = True
AV = pytest.param("av", marks=pytest.mark.skipif(not HAS_AV, reason="PYAV ABSENT: pip install 'edge-bg[video]'"))
BEST = "av" if HAS_AV else "opencv"
needs_av = pytest.mark.skipif(not HAS_AV, reason="PYAV ABSENT: pip install 'edge-bg[video]'")
BARS = "smptebars=size={size}:rate=30:duration={seconds}"


def make(path: Path, *options: str, source: str = "", size: str = "128x96", seconds: float = 1.0) -> Path:
    """A video by ffmpeg itself."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source or BARS.format(size=size, seconds=seconds)]
    subprocess.run([*command, *options, str(path)], check=True, capture_output=True)
    return path


def first(path: Path, decoder: str = BEST, **options: object) -> Frame:
    with VideoFile(path, decoder=decoder, **options) as source:  # type: ignore[arg-type]
        return next(iter(source)).copy()


def colour(name: str, path: Path, *options: str) -> Path:
    return make(path, *options, source=f"color={name}:size=64x48:rate=30:duration=0.2")


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
@pytest.mark.parametrize(
    "options",
    [
        ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p"),
        ("-c:v", "ffv1", "-pix_fmt", "yuv420p"),
        ("-c:v", "ffv1", "-pix_fmt", "yuv444p"),
        ("-c:v", "ffv1", "-pix_fmt", "yuv422p10le"),
        ("-c:v", "ffv1", "-pix_fmt", "bgr0"),
        ("-c:v", "png", "-pix_fmt", "rgb24"),
    ],
    ids=lambda options: options[-1],
)
def test_colours_arrive_whatever_the_layout(tmp_path: Path, options: tuple[str, ...], decoder: str) -> None:
    for name, rgb in (("0xC04020", (192, 64, 32)), ("0x2060D0", (32, 96, 208)), ("0xF0F0F0", (240, 240, 240))):
        frame = first(colour(name, tmp_path / "c.mkv", *options), decoder)
        difference = np.abs(frame.rgb().reshape(-1, 3).astype(int) - rgb).max()
        assert difference <= 5, (name, frame.rgb()[0, 0])


@ffmpeg
@needs_av
def test_bt709_is_brought_to_bt601(tmp_path: Path) -> None:
    """High-definition videos have another colour matrix; taken for ours, greens and reds are visibly off."""
    path = colour("0x20C040", tmp_path / "hd.mkv", "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709",
                  "-c:v", "ffv1", "-pix_fmt", "yuv420p")  # fmt: skip
    assert np.abs(first(path).rgb()[10, 10].astype(int) - (32, 192, 64)).max() <= 5


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
def test_black_and_white_reach_the_ends(tmp_path: Path, decoder: str) -> None:
    for name, level in (("black", 0), ("white", 255)):
        frame = first(colour(name, tmp_path / "l.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p"), decoder)
        assert abs(int(frame.y[5, 5]) - level) <= 1


def with_rotation(mp4: bytes, degrees: int) -> bytes:
    """The file with a display matrix in its track header, as a phone that was held sideways writes it."""
    at = mp4.index(b"tkhd") + 4 + 40
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    return mp4[:at] + matrix + mp4[at + 36 :]


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata(tmp_path: Path, decoder: str, degrees: int) -> None:
    plain = make(tmp_path / "plain.mp4", "-c:v", "mpeg4", "-q:v", "2", size="128x64")
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(with_rotation(plain.read_bytes(), degrees))
    # What ffmpeg makes of it is what players show.
    upright = tmp_path / "upright.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(turned), "-c:v", "ffv1", str(upright)], check=True)
    expected, got = first(upright), first(turned, decoder)
    assert got.size == expected.size == ((128, 64) if degrees == 180 else (64, 128))
    assert np.abs(got.y.astype(int) - expected.y).mean() < 2


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
def test_odd_sizes_lose_a_row_and_a_column(tmp_path: Path, decoder: str) -> None:
    path = make(
        tmp_path / "odd.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p", source="testsrc=size=65x49:rate=30:duration=0.2"
    )
    assert first(path, decoder).size == (64, 48)


@ffmpeg
@needs_av
def test_both_decoders_agree(tmp_path: Path) -> None:
    path = make(tmp_path / "bars.mp4", "-c:v", "mpeg4", "-q:v", "2")
    one, two = first(path), first(path, "opencv")
    assert np.abs(one.y.astype(int) - two.y).max() <= 3
    inner = (slice(4, -4), slice(4, -4))
    assert np.median(np.abs(one.u[inner].astype(int) - two.u[inner])) <= 2


@ffmpeg
def test_size_asked_for_and_videos_without_a_frame_count(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", "-c:v", "mpeg4")
    with VideoFile(path, size=(64, 64)) as source:
        assert source.fps == pytest.approx(30)
        frames = list(source)
        assert {frame.size for frame in frames} == {(64, 64)}
        assert len(frames) == 30
        assert source.failures == 0


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
def test_loops_without_end_and_without_losing_frames(tmp_path: Path, decoder: str) -> None:
    path = make(tmp_path / "a.mp4", "-c:v", "mpeg4", seconds=0.3)
    with VideoFile(path, loop=True, decoder=decoder) as source:
        indexes = [frame.index for frame, _ in zip(source, range(40), strict=False)]
    assert indexes == list(range(40))


@ffmpeg
def test_realtime_takes_as_long_as_the_video(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", "-c:v", "mpeg4", seconds=0.5)
    with VideoFile(path, realtime=True) as source:
        start = time.monotonic()
        count = len(list(source))
        elapsed = time.monotonic() - start
    assert 1 <= count <= 15  # fewer when this machine is busy: a late reader is given the newest
    assert 0.4 < elapsed < 3 * crowd()


# --- broken files


@pytest.mark.parametrize("decoder", [AV, "opencv"])
@pytest.mark.parametrize(
    ("content", "match"), [(b"", "the file is empty"), (b"hello " * 500, "not a video"), (bytes(20000), "not a video")]
)
def test_files_that_are_no_videos(tmp_path: Path, decoder: str, content: bytes, match: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=match):
        VideoFile(path, decoder=decoder).open()


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
def test_an_mp4_cut_before_its_index(tmp_path: Path, decoder: str) -> None:
    path = make(tmp_path / "a.mp4", "-c:v", "mpeg4")
    path.write_bytes(path.read_bytes()[:-600])  # the index is at the end; some versions write a part of it before
    with pytest.raises(SourceError, match=r"not a video|holds no picture") as caught:
        VideoFile(path, decoder=decoder).open()
    assert "ffprobe" in caught.value.hint


@ffmpeg
@needs_av
def test_sound_only(tmp_path: Path) -> None:
    path = make(tmp_path / "a.wav", source="sine=duration=0.2")
    with pytest.raises(SourceError, match="no video stream"):
        VideoFile(path, decoder="av").open()
    with pytest.raises(SourceError):
        VideoFile(path, decoder="opencv").open()


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
def test_a_file_that_breaks_off_midway(tmp_path: Path, decoder: str, caplog: pytest.LogCaptureFixture) -> None:
    path = make(
        tmp_path / "a.mp4", "-c:v", "mpeg4", "-movflags", "faststart", source="testsrc2=size=320x240:rate=30:duration=2"
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING), VideoFile(path, decoder=decoder) as source:
        count = len(list(source))
        assert 10 < count < 55
        assert source.state == "ended"
        assert source.failures >= 1
    assert f"ended early after frame {count} of 60" in caplog.text


@ffmpeg
@needs_av
def test_damage_in_the_middle_is_passed_over_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make(tmp_path / "a.avi", "-c:v", "png", source="testsrc=size=64x48:rate=30:duration=1")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1500] = bytes(1500)
    path.write_bytes(bytes(data))
    with caplog.at_level(logging.WARNING), VideoFile(path, decoder="av") as source:
        count = len(list(source))
        assert 15 < count < 31
        assert source.failures >= 1
    assert "damaged" in caplog.text or "ended early" in caplog.text


@ffmpeg
def test_deleted_while_it_loops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make(tmp_path / "a.mp4", "-c:v", "mpeg4", seconds=0.2)
    with caplog.at_level(logging.WARNING), VideoFile(path, loop=True) as source:
        stream = iter(source)
        next(stream)
        path.unlink()
        assert len(list(stream)) == 5
        assert source.state == "ended"
    assert "no such file" in caplog.text


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    writer.write(np.full((48, 64, 3), 100, np.uint8))
    writer.release()
    monkeypatch.delitem(sys.modules, "edge_bg.sources.file_av", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    with VideoFile(path) as source:
        assert abs(int(next(iter(source)).y[0, 0]) - 100) <= 2
    with pytest.raises(MissingDependency, match="PyAV") as caught:
        VideoFile(path, decoder="av").open()
    assert "edge-bg[video]" in caught.value.hint
    with pytest.raises(SourceError, match="unknown"):
        VideoFile(path, decoder="vlc")


@pytest.mark.data
def test_real_webcam_clips(data: Path) -> None:
    for path in sorted((data / "webcam").glob("*.mkv"))[:2]:
        with VideoFile(path) as source:
            frames = 0
            for frame in source:
                frames += 1
                assert frame.size == (640, 480)
            assert frames > 60
            assert source.failures == 0


@ffmpeg
@pytest.mark.parametrize("decoder", [AV, "opencv"])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_how_far_a_film_is(tmp_path: Path, decoder: str, kind: str) -> None:
    path = make(tmp_path / f"a.{kind}", size="64x48")
    with VideoFile(path, decoder=decoder) as source:
        told = [source.progress for _ in source]
    assert len(told) == 30 and told == sorted(told) and 0.4 < told[14] < 0.6 and told[-1] > 0.9
    with VideoFile(path, decoder=decoder, loop=True) as endless:
        assert endless.progress is None
