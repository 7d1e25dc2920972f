"""Motion JPEG to I420: each decoder that is there, each subsampling that cameras send, and damaged frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.frame import I420, empty, from_bgr
from edge_bg.sources.mjpg import MjpgDecoder

Bytes = NDArray[np.uint8]
SIZE = (160, 96)
SAMPLING = {"444": 0x111111, "422": 0x211111, "420": 0x221111, "440": 0x121111, "411": 0x411111}


def available() -> list[str]:
    found = []
    for name in ("turbojpeg", "av", "opencv"):
        try:
            found.append(MjpgDecoder(name).name)
        except ImportError:
            continue
    return found


DECODERS = available()


def picture() -> Bytes:
    rng = np.random.default_rng(2)
    small = rng.integers(20, 236, (6, 10, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC), (0, 0), 4), np.uint8)


def jpeg(bgr: Bytes, sampling: str = "420", quality: int = 98) -> Bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if sampling in SAMPLING and sampling != "420":
        if not hasattr(cv2, "IMWRITE_JPEG_SAMPLING_FACTOR"):
            pytest.skip("this OpenCV writes JPEGs in 4:2:0 only")
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[sampling]]
    if sampling == "grey":
        bgr = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    done, data = cv2.imencode(".jpg", bgr, options)
    assert done
    return np.asarray(data, np.uint8).reshape(-1)


def error(out: I420 | None, bgr: Bytes) -> int:
    assert out is not None
    return int(np.abs(out.astype(int) - from_bgr(bgr)).max())


def test_the_shipped_one_works_anywhere() -> None:
    assert "opencv" in DECODERS
    assert MjpgDecoder().name == DECODERS[0]
    with pytest.raises(ImportError, match="'nothing'"):
        MjpgDecoder("nothing")


@pytest.mark.parametrize("sampling", sorted(SAMPLING))
@pytest.mark.parametrize("name", DECODERS)
def test_planes_are_those_of_the_picture(name: str, sampling: str) -> None:
    out = empty(SIZE)
    done = MjpgDecoder(name)(jpeg(picture(), sampling), SIZE, out)
    assert done is out
    # 4:1:1 has lost colour before it is decoded.
    assert error(done, picture()) <= (10 if sampling == "411" else 4)


@pytest.mark.parametrize("name", DECODERS)
def test_grey_cameras(name: str) -> None:
    done = MjpgDecoder(name)(jpeg(picture(), "grey"), SIZE, empty(SIZE))
    assert done is not None
    assert (np.abs(done[SIZE[1] :].astype(int) - 128) <= 1).all()


@pytest.mark.parametrize("name", DECODERS)
def test_many_in_a_row_and_bytes_after_the_end(name: str) -> None:
    decoder = MjpgDecoder(name)
    for level in (40, 120, 200):
        bgr = np.full((SIZE[1], SIZE[0], 3), level, np.uint8)
        padded = np.concatenate((jpeg(bgr), np.zeros(5000, np.uint8)))
        assert error(decoder(padded, SIZE, empty(SIZE)), bgr) <= 2


@pytest.mark.parametrize("name", DECODERS)
def test_another_size_than_expected_comes_as_it_is(name: str) -> None:
    out = empty((320, 240))
    done = MjpgDecoder(name)(jpeg(picture()), (320, 240), out)
    assert done is not None
    assert done is not out
    assert error(done, picture()) <= 4
    odd = np.full((95, 159, 3), 90, np.uint8)
    cut = MjpgDecoder(name)(jpeg(odd), SIZE, empty(SIZE))
    assert cut is not None
    assert cut.shape == (94 * 3 // 2, 158)


@pytest.mark.parametrize("name", DECODERS)
def test_webcams_that_leave_out_the_huffman_tables(name: str) -> None:
    """Motion JPEG in AVI and UVC may omit the standard tables; a decoder has to know them."""
    bgr = picture()
    data = jpeg(bgr).tobytes()
    at = 2
    kept = [data[:2]]
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big") + 2
        if data[at + 1] != 0xC4:
            kept.append(data[at : at + length])
        at += length
    kept.append(data[at:])
    bare = np.frombuffer(b"".join(kept), np.uint8)
    assert bare.size < len(data)
    assert error(MjpgDecoder(name)(bare, SIZE, empty(SIZE)), bgr) <= 4


@pytest.mark.parametrize("name", DECODERS)
def test_damage_is_no_picture_and_does_not_spoil_the_next(name: str) -> None:
    decoder = MjpgDecoder(name)
    whole = jpeg(picture())
    noise = np.random.default_rng(1).integers(0, 256, 3000, dtype=np.uint8)
    broken = [
        whole[: whole.size // 2],
        whole[:3],
        whole[2:],
        np.empty(0, np.uint8),
        noise,
        whole[:40],
        np.zeros(4000, np.uint8),
    ]
    for data in broken:
        assert decoder(data, SIZE, empty(SIZE)) is None
        assert error(decoder(whole, SIZE, empty(SIZE)), picture()) <= 4
