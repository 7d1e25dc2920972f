"""The segmenter: what goes into the network, what comes out, and where in the frame it is."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg import frame as frames
from edge_bg.assets import asset_path
from edge_bg.frame import Frame
from edge_bg.network.card import Input, ModelCard, Output, find
from edge_bg.network.runtime import runtime
from edge_bg.network.segment import Segmenter
from edge_bg.network.tensors import Filler, Reader


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(find("landscape"), threads=1)


def portrait(size: tuple[int, int], centre: float = 0.5) -> tuple[Frame, NDArray[np.uint8]]:
    """The built-in portrait over a two-tone room; the frame and its true alpha."""
    rgba = cv2.cvtColor(cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    width, height = size
    wide = round(rgba.shape[1] * height / rgba.shape[0])
    rgba = cv2.resize(rgba, (wide, height), interpolation=cv2.INTER_AREA)
    room = np.zeros((height, width, 3), np.uint8)
    room[:, :] = (90, 110, 120)
    room[height // 2 :] = (70, 60, 50)
    alpha = np.zeros((height, width), np.uint8)
    left = round(width * centre - wide / 2)
    a, b = max(0, left), min(width, left + wide)
    part = rgba[:, a - left : b - left]
    alpha[:, a:b] = part[..., 3]
    mix = part[..., 3:] / 255.0
    room[:, a:b] = part[..., :3] * mix + room[:, a:b] * (1 - mix)
    return Frame(frames.from_rgb(room), 0.0, 0), alpha


def iou(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Intersection over union at one half, the mask stretched over the truth."""
    m = cv2.resize(mask, (truth.shape[1], truth.shape[0])) > 127
    t = truth > 127
    return float((m & t).sum() / (m | t).sum())


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (1920, 1080), (480, 640), (256, 144), (100, 100), (2, 2)])
def test_mask_covers_exactly_the_frame(segmenter: Segmenter, size: tuple[int, int]) -> None:
    frame, truth = portrait(size)
    mask = segmenter(frame)
    assert mask.dtype == np.uint8 and mask.ndim == 2
    if min(size) >= 100:
        assert iou(mask, truth) > 0.85


def test_a_dark_picture_is_brought_up_to_its_maximum_where_the_card_says_so() -> None:
    card = find("small")
    lifted = Segmenter(replace(card, input=replace(card.input, normalise="maximum")), threads=1)
    rgb = np.random.default_rng(1).integers(40, 128, (112, 192, 1)).astype(np.uint8).repeat(3, axis=2)  # grey
    for picture in (rgb, np.zeros_like(rgb)):
        lifted.prepare(Frame(frames.from_rgb(picture), 0.0, 0))
        seen = lifted._engine.input()[0].view(np.uint8) ^ 128
        assert seen.max() == (255 if picture.any() else 0)
        assert abs(float(seen.mean()) - 255 / 127 * picture.mean()) < 4


@pytest.mark.parametrize("centre", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (480, 640)])
def test_letterboxed_mask_lies_over_the_person(size: tuple[int, int], centre: float) -> None:
    card = replace(find("general"), framing="letterbox")
    frame, truth = portrait(size, centre)
    mask = Segmenter(card, threads=1)(frame)
    assert mask.shape[1] / mask.shape[0] == pytest.approx(size[0] / size[1], rel=0.02)
    assert iou(mask, truth) > 0.75


def test_stretched_mask_has_the_networks_size() -> None:
    card = replace(find("general"), framing="stretch")
    frame, truth = portrait((1280, 720))
    mask = Segmenter(card, threads=1)(frame)
    assert mask.shape == (256, 256)
    assert iou(mask, truth) > 0.8


def test_masks_are_new_arrays(segmenter: Segmenter) -> None:
    frame, _ = portrait((1280, 720))
    empty = Frame(frames.filled((1280, 720), (120, 128, 128)), 0.0, 1)
    first = segmenter(frame)
    kept = first.copy()
    assert (segmenter(empty) != kept).any()
    assert (first == kept).all()


def test_region_is_the_mask_of_that_part(segmenter: Segmenter) -> None:
    frame, truth = portrait((1280, 720), 0.7)
    box = (480, 90, 640, 360)
    x, y, w, h = box
    rgb = frame.rgb()[y : y + h, x : x + w]
    alone = segmenter(Frame(frames.from_rgb(rgb), 0.0, 0))
    part = segmenter(frame, box)
    assert part.shape == alone.shape
    assert np.abs(part.astype(int) - alone).mean() < 3
    assert iou(part, truth[y : y + h, x : x + w]) > 0.8


@pytest.mark.parametrize(
    "box", [(1, 0, 100, 100), (0, 0, 101, 100), (-2, 0, 10, 10), (1200, 0, 100, 100), (0, 0, 0, 2)]
)
def test_bad_region(segmenter: Segmenter, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="region"):
        segmenter(portrait((1280, 720))[0], box)


def test_the_cameras_small_picture_is_used(segmenter: Segmenter) -> None:
    frame, truth = portrait((1280, 720))
    small = frames.resize(frame.data, (320, 180))
    blind = Frame(frames.filled((1280, 720), (0, 128, 128)), 0.0, 0, small=small)
    assert iou(segmenter(blind), truth) > 0.85
    tiny = Frame(frame.data, 0.0, 0, small=frames.filled((64, 36), (0, 128, 128)))
    assert iou(segmenter(tiny), truth) > 0.85, "a small picture that is too coarse is not used"


def fed(segmenter: Segmenter, frame: Frame) -> NDArray[np.uint8]:
    """The RGB picture in the input tensor of an int8 model."""
    segmenter.prepare(frame)
    assert segmenter._engine is not None
    tensor = segmenter._engine.input()[0].copy()
    return tensor.view(np.uint8) ^ np.uint8(128)


def smooth(size: tuple[int, int]) -> frames.I420:
    """Slow waves in Y, U and V, so that chroma siting and filter shape hardly matter."""
    picture = frames.empty(size)
    for k, plane in enumerate(frames.planes(picture)):
        y, x = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]].astype(float)
        y, x = y / plane.shape[0], x / plane.shape[1]
        plane[...] = 128 + (70 if k == 0 else 50) * np.sin(3 * x + 2 * y + k) * np.cos(2 * x - y + 2 * k)
    return picture


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFMPEG ABSENT: apt install ffmpeg")
@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (1920, 1080), (256, 144)])
def test_input_agrees_with_ffmpeg(segmenter: Segmenter, size: tuple[int, int]) -> None:
    picture = smooth(size)
    flags = "area+accurate_rnd+full_chroma_int+full_chroma_inp"
    command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuvj420p", "-s", f"{size[0]}x{size[1]}"]
    command += ["-i", "-", "-vf", f"scale=256:144:flags={flags}:in_color_matrix=bt601:in_range=pc"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    out = subprocess.run(command, input=picture.tobytes(), capture_output=True, check=True).stdout
    expected = np.frombuffer(out, np.uint8).reshape(144, 256, 3)
    got = fed(segmenter, Frame(picture, 0.0, 0))
    difference = np.abs(got.astype(int) - expected)
    # 2 levels for the colours; where the picture also shrinks, each step rounds once more, on Arm in another way
    assert difference.max() <= (2 if size == (256, 144) else 4)
    assert (difference <= 2).mean() > 0.997 and difference.mean() < 0.75


def test_input_of_a_real_picture_is_close_to_the_exact_one(segmenter: Segmenter) -> None:
    frame, _ = portrait((1280, 720))
    exact = cv2.resize(frame.rgb(), (256, 144), interpolation=cv2.INTER_AREA)
    difference = np.abs(fed(segmenter, frame).astype(int) - exact)
    assert difference.mean() < 2


def test_no_frame_sized_allocation(segmenter: Segmenter) -> None:
    frame, _ = portrait((1280, 720))
    segmenter(frame)
    tracemalloc.start()
    try:
        for _ in range(3):
            segmenter(frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000  # the mask is 36,864 bytes, a frame 1,382,400


def test_closing(segmenter: Segmenter) -> None:
    with Segmenter("landscape", threads=1) as other:
        assert other.info["threads"] == 1 and other.info["delegate"] == "cpu"
    other.close()
    with pytest.raises(ValueError, match="closed"):
        other(portrait((256, 144))[0])


# --- other makers' tensors --------------------------------------------------------------------------------


def input_spec(dtype: str, mean: float, std: float, scale: float | None, zero: int | None) -> Input:
    return Input((1, 2, 4, 3), dtype, "rgb", (mean,) * 3, (std,) * 3, scale, zero)


class _Tensors:
    """Stands where an engine's input tensor is."""

    def __init__(self, spec: Input) -> None:
        self.array = np.zeros(spec.shape, spec.dtype)

    def input(self) -> NDArray[np.generic]:
        return self.array


@pytest.mark.parametrize(
    "spec",
    [
        input_spec("int8", 0, 255, 1 / 255, -128),
        input_spec("int8", 127.5, 127.5, 2 / 255, -1),
        input_spec("uint8", 0, 255, 1 / 255, 0),
        input_spec("uint8", 127.5, 127.5, 0.0078125, 128),
        input_spec("float32", 0, 255, None, None),
        input_spec("float32", 127.5, 127.5, None, None),
        Input((1, 2, 4, 3), "float32", "rgb", (123.7, 116.3, 103.5), (58.4, 57.1, 57.4), None, None),
        Input((1, 2, 4, 3), "int8", "rgb", (123.7, 116.3, 103.5), (58.4, 57.1, 57.4), 0.02, -3),
    ],
)
def test_pixels_are_normalised_and_quantised(spec: Input) -> None:
    card = replace(find("landscape"), input=spec)
    rgb = np.random.default_rng(0).integers(0, 256, (2, 4, 3), np.uint8)
    tensors = _Tensors(spec)
    Filler(card)(rgb, tensors)  # type: ignore[arg-type]
    real = (rgb - np.array(spec.mean)) / np.array(spec.std)
    if spec.dtype == "float32":
        np.testing.assert_allclose(tensors.array[0], real, atol=1e-5)
        return
    assert spec.scale is not None and spec.zero_point is not None
    limits = np.iinfo(spec.dtype)
    expected = np.clip(np.rint(real / spec.scale) + spec.zero_point, limits.min, limits.max)
    assert np.abs(tensors.array[0].astype(int) - expected).max() <= 0


BOX = (1, 1, 5, 3)


def read(spec: Output, tensor: NDArray[np.generic]) -> NDArray[np.uint8]:
    mask = Reader(spec)(tensor, BOX)
    assert mask.dtype == np.uint8 and mask.shape == (3, 5) and not np.shares_memory(mask, tensor)
    return mask


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("activation", ["probability", "logits", "softmax", "softmax-logits"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_outputs_become_masks(dtype: str, activation: str, channels: int) -> None:
    if activation == "softmax-logits" and channels == 1:
        pytest.skip("softmax needs two channels")
    rng = np.random.default_rng(1)
    shape = (1, 6, 8, channels)
    scale, zero = (1 / 255 if activation in ("probability", "softmax") else 0.05), (3 if dtype == "int8" else 120)
    if dtype == "float32":
        tensor = rng.normal(0.5, 1, shape).astype(np.float32)
        real = tensor.astype(float)
    else:
        limits = np.iinfo(dtype)
        tensor = rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
        real = (tensor.astype(float) - zero) * scale
    person = channels - 1
    if activation == "logits":
        real = 1 / (1 + np.exp(-real))
    if activation == "softmax-logits":
        real = np.exp(real) / np.exp(real).sum(-1, keepdims=True)
    expected = np.clip(real[0, 1:4, 1:6, person] * 255, 0, 255)
    got = read(Output(shape, dtype, scale, zero, activation, person), tensor)
    assert np.abs(got - expected).max() <= 0.51


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "int8"])
@pytest.mark.parametrize("shape", [(1, 6, 8), (1, 6, 8, 1)])
def test_class_index(dtype: str, shape: tuple[int, ...]) -> None:
    tensor = np.random.default_rng(2).integers(0, 21, shape).astype(dtype)
    got = read(Output(shape, dtype, None, None, "class-index", 15), tensor)
    assert (got == (tensor.reshape(6, 8)[1:4, 1:6] == 15) * 255).all()


@pytest.mark.parametrize(("dtype", "zero"), [("int8", -128), ("uint8", 0)])
def test_the_largest_code_of_a_sigmoid_is_certain(dtype: str, zero: int) -> None:
    codes = np.arange(48).reshape(1, 6, 8, 1) * 255 // 47
    tensor = (codes + zero).astype(dtype)
    got = read(Output(tensor.shape, dtype, 1 / 256, zero, "probability", 0), tensor)
    assert (got == codes[0, 1:4, 1:6, 0]).all()
    tensor[...] = zero + 255
    assert (read(Output(tensor.shape, dtype, 1 / 256, zero, "probability", 0), tensor) == 255).all()


def test_the_shipped_models_take_the_cheap_ways() -> None:
    """Flipping one bit instead of a table, both in and out: 2 of 22 million instructions hang on it."""
    card = find("landscape")
    assert Filler(card)._flip and Reader(card.output)._flip
    assert Filler(find("landscape", "float16"))._table is None


OTHERS = {
    "deeplabv3_mnv2_dm05_pascal_quant": ("127.5", "127.5", "class-index", 15, "letterbox", 0.8),
    "mnv3_post_quant": ("127.5", "127.5", "softmax-logits", 1, "stretch", 0.8),
    "selfie_segmentation": ("0", "255", "probability", 0, "letterbox", 0.85),
}


@pytest.mark.data
@pytest.mark.parametrize("name", OTHERS)
def test_other_makers_models_by_card_alone(data: Path, tmp_path: Path, name: str) -> None:
    from edge_bg.network.card_template import template

    if name == "selfie_segmentation" and runtime().name == "tflite_runtime":
        pytest.skip("tflite-runtime lacks the custom operator of this one")
    model = data / "models" / f"{name}.tflite"
    mean, std, activation, person, framing, wanted = OTHERS[name]
    text = template(model).replace(f"file: {model.name}", f"file: {model}")
    for key, value in (("mean", mean), ("std", std), ("activation", activation), ("person", person)):
        text = "\n".join(f"  {key}: {value}" if s.startswith(f"  {key}:") else s for s in text.splitlines())
    text = text.replace("framing: letterbox", f"framing: {framing}")
    (tmp_path / "c.yaml").write_text(text)
    frame, truth = portrait((640, 480))
    with Segmenter(ModelCard.load(tmp_path / "c.yaml"), threads=1) as other:
        assert iou(other(frame), truth) > wanted
