"""Films as people have them, through the whole loop: what is padding, which picture goes with which, and time."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import edge_bg
from edge_bg.composite.video import VideoBackground
from edge_bg.frame import Area, Frame, empty
from edge_bg.sources.file import VideoFile

from ..patience import crowd
from ..sources.films import ffmpeg, film, needs_ffmpeg, portrait, walk

pytestmark = needs_ffmpeg


def play(path: Path, frames: int | None = None, **options: Any) -> list[Frame]:
    """The composited frames of a film or picture, over nothing."""
    kind = "images" if path.is_dir() or path.suffix == ".png" else "file"
    background = options.pop("background", "transparent")
    config = {"source": {"kind": kind, "path": str(path), **options}, "background": background, "sinks": ["null"]}
    shown: list[Frame] = []
    with edge_bg.open(config) as booth:
        for frame in booth:
            shown.append(frame.copy())
            if len(shown) == frames:
                break
    return shown


def kept(frame: Frame, truth: np.ndarray | None = None) -> float:
    """Share of the frame that is person, or overlap with `truth` (intersection over union)."""
    assert frame.alpha is not None
    person = frame.alpha > 127
    if truth is None:
        return float(person.mean())
    return float((person & (truth > 127)).sum() / (person | (truth > 127)).sum())


# What is in the film, its size on the way in, and where the picture lies in the frame.
PADDED: dict[str, tuple[tuple[int, int], str, dict[str, object], Area]] = {
    "wide film in 4:3": ((640, 360), "null", {"size": "640x480"}, Area(0, 60, 640, 420)),
    "scope in the file": ((640, 268), "pad=640:360:0:46", {}, Area(0, 46, 640, 314)),
    "scope in the file, in 4:3": ((640, 268), "pad=640:360:0:46", {"size": "640x480"}, Area(0, 106, 640, 374)),
    "3:2 in the file": ((540, 360), "pad=640:360:50:0", {}, Area(50, 0, 590, 360)),
    "4:3 in wide": ((480, 360), "null", {"size": "640x360"}, Area(80, 0, 560, 360)),
    "upright phone in wide": ((360, 640), "null", {"size": "640x360"}, Area(220, 0, 422, 360)),
}


@pytest.mark.parametrize("decoder", ["av", "opencv"])
@pytest.mark.parametrize("name", sorted(PADDED))
def test_padding_is_not_picture(name: str, decoder: str, tmp_path: Path) -> None:
    size, filters, options, area = PADDED[name]
    path = film(tmp_path / "film.mp4", walk(size, 8), filters=filters)
    shown = play(path, decoder=decoder, **options)
    assert len(shown) == 8
    for frame in shown:
        assert frame.alpha is not None and frame.area is not None
        assert max(abs(one - two) for one, two in zip(frame.area, area, strict=True)) <= 2
        padding = np.ones(frame.alpha.shape, bool)
        padding[frame.area.at(0)] = False
        assert not frame.alpha[padding].any() and not frame.data[: frame.height][padding].any()
        assert 0.05 < kept(frame) < 0.4


def test_the_cut_out_is_that_of_the_picture_alone(tmp_path: Path) -> None:
    """With bars round it, and in a frame of another shape, the same pixels are kept to the last one."""
    pictures = walk((640, 268), 8)
    lossless = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p")
    plain = play(film(tmp_path / "plain.mp4", pictures, *lossless))
    barred = play(film(tmp_path / "barred.mp4", pictures, *lossless, filters="format=yuv420p,pad=640:360:0:46"))
    padded = play(tmp_path / "plain.mp4", size="640x480")
    for one, two, three in zip(plain, barred, padded, strict=True):
        assert one.alpha is not None and two.alpha is not None and three.alpha is not None
        assert np.array_equal(one.alpha, two.alpha[46:314])
        assert np.array_equal(one.alpha, three.alpha[106:374])


@pytest.mark.parametrize("background", ["#20a040", "blur"])
def test_padding_shows_the_background(background: str, tmp_path: Path) -> None:
    shown = play(film(tmp_path / "film.mp4", walk((640, 360), 4)), size="640x480", background=background)
    top = shown[-1].bgr()[:56]
    assert top.mean() > 40  # no black slab
    if background != "blur":
        assert np.abs(top.astype(int) - (0x40, 0xA0, 0x20)).max() <= 2


def test_a_cut_is_a_new_beginning(tmp_path: Path) -> None:
    """Small, then close: the first frame after the cut is cut out as if nothing had been before."""
    small, close = portrait((640, 360), 0.4, (0.25, 0.95)), portrait((640, 360), 1.5, (0.6, 1.45))
    both = play(film(tmp_path / "both.mkv", [small] * 10 + [close] * 3, "-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    alone = play(film(tmp_path / "alone.mkv", [close] * 3, "-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    assert [frame.scene for frame in both] == [0] * 10 + [1] * 3
    for one, two in zip(both[10:], alone, strict=True):
        assert np.array_equal(np.asarray(one.alpha), np.asarray(two.alpha))


def test_clear_pixels_are_nobody(tmp_path: Path) -> None:
    """Left half clear, over colours of somebody else that a program hid there."""
    rgba = np.dstack((portrait((640, 360), 0.9, (0.7, 1.0)), np.full((360, 640), 255, np.uint8)))
    rgba[:, :320, :3] = portrait((640, 360), 0.9, (0.25, 1.0))[:, :320]
    rgba[:, :320, 3] = 0
    cv2.imwrite(str(tmp_path / "rgba.png"), rgba)
    (frame,) = play(tmp_path / "rgba.png")
    assert frame.alpha is not None and frame.area == Area(320, 0, 640, 360)
    assert not frame.alpha[:, :320].any() and kept(frame) > 0.1
    assert (play(tmp_path / "rgba.png", background="#ffffff")[0].bgr()[:, :318] == 255).all()


def test_a_hole_in_a_picture_shows_the_background(tmp_path: Path) -> None:
    rgba = np.dstack((portrait((640, 360), 1.2, (0.5, 1.2)), np.full((360, 640), 255, np.uint8)))
    solid = np.zeros((360, 640), np.uint8)
    cv2.circle(solid, (320, 260), 60, 255, -1)
    rgba[solid > 0, 3] = 0
    cv2.imwrite(str(tmp_path / "hole.png"), rgba)
    rgba[..., 3] = 255
    cv2.imwrite(str(tmp_path / "whole.png"), rgba)
    (hole,), (whole,) = play(tmp_path / "hole.png"), play(tmp_path / "whole.png")
    assert hole.alpha is not None and whole.alpha is not None
    assert not hole.alpha[solid > 0].any() and (whole.alpha[solid > 0] > 200).mean() > 0.9
    (on_white,) = play(tmp_path / "hole.png", background="#ffffff")
    assert (on_white.bgr()[cv2.erode(solid, np.ones((5, 5))) > 0] >= 254).all()


def test_each_picture_of_a_folder_starts_afresh(tmp_path: Path) -> None:
    """A small person, then a close-up of the same size: what the second gives is what it gives alone."""
    folder, alone = tmp_path / "both", tmp_path / "alone"
    folder.mkdir()
    alone.mkdir()
    close = portrait((640, 360), 1.5, (0.6, 1.45))
    cv2.imwrite(str(folder / "1.png"), portrait((640, 360), 0.4, (0.25, 0.95)))
    for path in (folder / "2.png", alone / "2.png"):
        cv2.imwrite(str(path), close)
    first, second = play(folder)
    (lone,) = play(alone)
    assert kept(first) > 0.02 and kept(second) > 0.3
    assert np.array_equal(np.asarray(second.alpha), np.asarray(lone.alpha))


# --- pixels that are not square ------------------------------------------------------------------------------


def _ring(size: tuple[int, int]) -> np.ndarray:
    """A ring that is round where its pixels are square."""
    picture = np.full((size[1], size[0], 3), 40, np.uint8)
    cv2.circle(picture, (size[0] // 2, size[1] // 2), size[1] // 3, (230, 230, 230), -1)
    return picture


@pytest.mark.parametrize("decoder", ["av", "opencv"])
@pytest.mark.parametrize(
    ("coded", "aspect", "size"), [((180, 180), "4/3", (240, 180)), ((360, 288), "64/45", (512, 288))]
)
def test_pixels_are_made_square(
    coded: tuple[int, int], aspect: str, size: tuple[int, int], decoder: str, tmp_path: Path
) -> None:
    squeezed = f"scale={coded[0]}:{coded[1]},setsar={aspect}"
    path = film(tmp_path / "film.mp4", [_ring(size)] * 3, filters=squeezed)
    with VideoFile(path, decoder=decoder) as source:
        assert source.size == size
        frame = next(iter(source))
    _, _, wide, high = cv2.boundingRect((frame.y > 128).astype(np.uint8))
    assert abs(wide - high) <= 3 and frame.area is None
    with VideoFile(path, decoder=decoder, size=(320, 320)) as source:
        inside = next(iter(source)).area
    assert inside is not None and abs(inside.size[0] / inside.size[1] - size[0] / size[1]) < 0.02


def test_pixels_of_a_background_are_made_square(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", [_ring((240, 180))] * 3, filters="scale=180:180,setsar=4/3")
    background = VideoBackground(path, fit="contain")
    background.open((240, 180), 25)
    try:
        shown = background(Frame(empty((240, 180)), 0.0, 0))[:180]
    finally:
        background.close()
    _, _, wide, high = cv2.boundingRect((shown > 128).astype(np.uint8))
    assert abs(wide - high) <= 3


# --- time and sound ------------------------------------------------------------------------------------------

UNEVEN = [n / 24 for n in range(24)] + [1 + n / 2 for n in range(6)]  # 24 frames in the first second, then 2 a second


def uneven(path: Path, *sound: object) -> Path:
    """A film of those times, the number of each frame in its brightness; 4 s long, with a beep from 2 s on."""
    plain = path.with_name("plain.mkv")
    film(plain, [np.full((36, 64, 3), 20 + 7 * n, np.uint8) for n in range(30)], fps=24)
    beep = "sine=880:r=48000:d=4,volume=0:enable='lt(t,2)'"
    times = "setpts='if(lt(N,24),N/24,1+(N-24)/2)/TB'"
    video = ("-vf", times, "-fps_mode", "vfr", "-enc_time_base", "1/1200", "-c:v", "libx264", "-preset", "ultrafast")
    ffmpeg("-i", plain, "-f", "lavfi", "-i", beep, *video, "-bf", 0, *(sound or ("-c:a", "aac")), path)
    return path


def probed(path: Path, streams: str, entries: str) -> list[list[str]]:
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", streams, "-show_entries", entries, "-of", "csv=p=0", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.strip(",").split(",") for line in told.stdout.split()]


def run(source: Path, sink: dict[str, Any], **options: Any) -> None:
    config: dict[str, Any] = {
        "source": {"kind": "file", "path": str(source), **options},
        "sinks": [sink],
        "background": "none",
    }
    config["privacy"] = {"show_room": True}
    with edge_bg.open(config) as booth:
        booth.run()


def beep_begins(path: Path, track: int = 0) -> float:
    """Seconds from the first picture to the beep, by what a player would play."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", f"0:a:{track}", "-af", "aresample=8000:async=1:first_pts=0",
         "-ac", "1", "-f", "s16le", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    loud = np.abs(np.frombuffer(raw, np.int16).astype(int)) > 500
    first = float(probed(path, "v", "packet=pts_time")[0][0])
    return float(loud.argmax()) / 8000 - first


@pytest.mark.parametrize("decoder", ["av", "opencv"])
@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.mkv"])
def test_frames_keep_their_times_and_the_sound_is_in_step(name: str, decoder: str, tmp_path: Path) -> None:
    run(uneven(tmp_path / "in.mp4"), {"kind": "file", "path": str(tmp_path / name)}, decoder=decoder)
    times = [float(time) for (time, *_) in probed(tmp_path / name, "v", "packet=pts_time")]
    assert len(times) == 30
    assert np.abs(np.array(times) - times[0] - UNEVEN).max() < 0.002
    assert probed(tmp_path / name, "a", "stream=codec_name") == [["opus" if name == "out.webm" else "aac"]]
    assert abs(beep_begins(tmp_path / name) - 2) < 0.04
    length = float(probed(tmp_path / name, "v", "format=duration")[0][0])
    assert abs(length - 4) < 0.6  # the last frame's own half second is known to PyAV


def test_a_pipe_has_a_constant_rate_by_repetition(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    command = ["ffmpeg", "-v", "error", "-i", "-", "-c:v", "ffv1", str(out)]
    run(uneven(tmp_path / "in.mp4"), {"kind": "pipe", "command": command})
    assert probed(out, "v", "stream=r_frame_rate") == [["24/1"]]
    with VideoFile(out) as source:
        levels = [round((frame.y.mean() - 20) / 7) for frame in source]
    wanted = [max(n for n, at in enumerate(UNEVEN) if at <= slot / 24 + 1e-3) for slot in range(84)]
    order = {level: n for n, level in enumerate(dict.fromkeys(levels))}
    assert [order[level] for level in levels][:84] == wanted


def test_audio_drop_leaves_the_sound_out_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = uneven(tmp_path / "in.mp4")
    with caplog.at_level(logging.INFO):
        run(source, {"kind": "file", "path": str(tmp_path / "out.mp4"), "audio": "drop"})
    assert probed(tmp_path / "out.mp4", "a", "stream=codec_name") == []
    assert "without the film's sound (audio: drop)" in caplog.text


def test_all_tracks_go_along_and_what_the_file_cannot_hold_is_encoded(tmp_path: Path) -> None:
    tracks = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:a", "pcm_s16le", "-metadata:s:a:1", "language=deu")
    run(uneven(tmp_path / "in.mkv", *tracks), {"kind": "file", "path": str(tmp_path / "out.mp4")})
    assert probed(tmp_path / "out.mp4", "a", "stream=codec_name") == [["aac"], ["aac"]]
    assert probed(tmp_path / "out.mp4", "a:1", "stream_tags=language") == [["deu"]]
    assert all(abs(beep_begins(tmp_path / "out.mp4", track) - 2) < 0.04 for track in (0, 1))


def test_a_film_plays_at_its_own_pace(tmp_path: Path) -> None:
    """As a camera: the frames of its first second come in a second, the slow ones half a second apart."""
    with VideoFile(uneven(tmp_path / "in.mp4"), realtime=True) as source:
        came = [(frame.shown, frame.time) for frame in source]
    assert len(came) >= 24 / crowd(), "a late reader is given the newest"
    assert all(shown is not None for shown, _ in came)
    lags = sorted(time - float(shown or 0) for shown, time in came)  # of each frame; a constant and what stalls add
    assert lags[-1] - lags[0] < 0.3 * crowd()
