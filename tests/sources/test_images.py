"""Pictures of every kind a folder can hold, and files that only look like pictures."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import Frame, from_bgr
from edge_bg.sources.images import Images, find_pictures

Bytes = NDArray[np.generic]


def save(path: Path, picture: Bytes) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


def only(path: Path | str, **options: object) -> Frame:
    with Images(path, **options) as source:  # type: ignore[arg-type]
        (frame,) = list(source)
    return frame


def gradient(width: int = 64, height: int = 48) -> Bytes:
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    return np.dstack(
        [np.tile(ramp, (height, 1)), np.full((height, width), 90, np.uint8), np.tile(ramp[::-1], (height, 1))]
    )


def test_a_picture_is_a_frame(tmp_path: Path) -> None:
    frame = only(save(tmp_path / "a.png", gradient()))
    assert np.array_equal(frame.data, from_bgr(gradient()))  # type: ignore[arg-type]


def test_grey_and_16_bit_and_one_bit_per_pixel(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (48, 1))
    frame = only(save(tmp_path / "grey.png", grey))
    assert np.abs(frame.y.astype(int) - grey).max() <= 1
    assert np.abs(frame.u.astype(int) - 128).max() <= 1
    deep = (gradient().astype(np.uint16) << 8) + 77
    for name in ("deep.png", "deep.tif"):
        frame = only(save(tmp_path / name, deep))
        assert np.abs(frame.data.astype(int) - from_bgr(gradient())).max() <= 1  # type: ignore[arg-type]
    frame = only(save(tmp_path / "deepgrey.png", grey.astype(np.uint16) * 257))
    assert np.abs(frame.y.astype(int) - grey).max() <= 1


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_what_is_clear_is_black_and_said_so(tmp_path: Path, depth: type) -> None:
    top = np.iinfo(depth).max
    rgba = np.full((48, 64, 4), top, depth)
    rgba[:, :32, 3] = 0
    rgba[:, 32:48, 3] = top // 2
    frame = only(save(tmp_path / "alpha.png", rgba))
    assert frame.y[0, 0] == 0
    assert frame.y[0, 40] == 255  # its own colour: how much of it shows is for the composite
    assert frame.clear is not None
    assert (frame.clear[:, :32] == 0).all() and (frame.clear[:, 48:] == 255).all()
    assert abs(int(frame.clear[0, 40]) - 127) <= 1
    assert frame.area == (32, 0, 64, 48)
    assert frame.y[0, 60] == 255


def exif(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0)), (2, (0, -1)), (4, (-1, 0))]
)
def test_exif_rotation_is_undone(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16] = 255  # the camera's top left
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 98])
    assert done
    path = tmp_path / "turned.jpg"
    path.write_bytes(exif(data.tobytes(), orientation))
    frame = only(path)
    assert frame.size == ((48, 64) if orientation in (6, 8) else (64, 48))
    assert frame.y[corner] > 240
    assert sum(frame.y[y, x] > 128 for y in (0, -1) for x in (0, -1)) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1, 1), (2, 2)),
        ((1, 7), (2, 6)),
        ((3, 3), (2, 2)),
        ((65, 49), (64, 48)),
        ((64, 49), (64, 48)),
        ((2, 2), (2, 2)),
    ],
)
def test_odd_and_tiny_sizes_become_even(tmp_path: Path, given: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = np.full((given[1], given[0], 3), 120, np.uint8)
    frame = only(save(tmp_path / "odd.png", picture))
    assert frame.size == expected
    assert np.abs(frame.y.astype(int) - 120).max() <= 1


def test_twenty_megapixels_and_more_than_fits(tmp_path: Path) -> None:
    big = np.zeros((3648, 5472, 3), np.uint8)
    big[:, 2736:] = 200
    frame = only(save(tmp_path / "big.jpg", big))
    assert frame.size == (5472, 3648)
    assert only(tmp_path / "big.jpg", size=(1280, 720)).size == (1280, 720)
    wide = save(tmp_path / "wide.png", np.full((8, 9001), 50, np.uint8))
    assert only(wide).size == (8192, 6)  # scaled to 8192x7, less the odd row


def test_pictures_of_other_sizes_are_fitted_whole(tmp_path: Path) -> None:
    save(tmp_path / "1.png", np.full((48, 64, 3), 200, np.uint8))
    save(tmp_path / "2.png", np.full((100, 20, 3), 200, np.uint8))  # much taller
    save(tmp_path / "3.png", np.full((20, 100, 3), 200, np.uint8))  # much wider
    save(tmp_path / "4.png", np.full((480, 640, 3), 200, np.uint8))  # the same shape, larger
    with Images(tmp_path) as source:
        first, tall, wide, large = list(source)
    assert {frame.size for frame in (first, tall, wide, large)} == {(64, 48)}
    assert tall.y[24, 32] == wide.y[24, 32] == 200
    assert tall.y[24, 2] == wide.y[2, 32] == 0, "black bars"
    assert tall.u[12, 1] == wide.v[1, 16] == 128
    assert (tall.y[:, 32] == 200).all(), "nothing is cut off"
    assert (large.y == 200).all()


def test_size_asked_for(tmp_path: Path) -> None:
    assert only(save(tmp_path / "a.png", gradient()), size=(320, 240)).size == (320, 240)


def test_order_counts_numbers_and_leaves_other_files_alone(tmp_path: Path) -> None:
    for number in (10, 9, 100, 1):
        save(tmp_path / f"shot{number}.png", np.full((4, 4, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "deeper").mkdir()
    names = [path.name for path in find_pictures(str(tmp_path))]
    assert names == ["shot1.png", "shot9.png", "shot10.png", "shot100.png"]
    assert [p.name for p in find_pictures(str(tmp_path / "shot?.png"))] == ["shot1.png", "shot9.png"]


def test_corrupt_ones_are_skipped_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "1good.png", gradient())
    whole = save(tmp_path / "9good.jpg", gradient())
    (tmp_path / "2zero.png").write_bytes(b"")
    (tmp_path / "3text.jpg").write_text("hello")
    (tmp_path / "4cut.jpg").write_bytes(whole.read_bytes()[:400])
    (tmp_path / "5cut.png").write_bytes((tmp_path / "1good.png").read_bytes()[:60])
    with caplog.at_level(logging.WARNING), Images(tmp_path) as source:
        assert len(list(source)) == 2
        assert source.failures == 4
    for name in ("2zero.png: the file is empty", "3text.jpg", "4cut.jpg: the JPEG breaks off early", "5cut.png"):
        assert name in caplog.text


def test_none_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8 nonsense")
    with pytest.raises(SourceError, match="none of 2 pictures can be read") as caught:
        Images(tmp_path, loop=True).open()
    assert "a.png" in caught.value.hint


def test_a_single_picture_that_cannot_be_read_says_why_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("hello")
    with pytest.raises(SourceError, match=r"a\.jpg: not a picture that can be read"):
        Images(path).open()
    assert not caplog.records


def test_what_is_neither_a_file_nor_a_folder() -> None:
    with pytest.raises(SourceError, match="/dev/null: is neither a picture nor a folder"):
        Images("/dev/null").open()


def test_pictures_deleted_while_it_loops(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", gradient())
    with Images(tmp_path, loop=True) as source:
        stream = iter(source)
        next(stream)
        for path in tmp_path.iterdir():
            path.unlink()
        assert list(stream) == []
        assert source.state == "ended"
