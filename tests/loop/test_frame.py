"""Conversions are held against OpenCV's own and against PyAV (FFmpeg's swscale), to within 1-2 levels."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_bg import frame as f


def picture(size=(160, 90), seed=0, blur=4.0):
    width, height = size
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), blur)
    low, high = smooth.min(), smooth.max()
    return ((smooth - low) * (255 / (high - low))).astype(np.uint8)


# Smooth, so that half-size chroma and where it is sited hardly matter and the arithmetic shows.
SMOOTH = picture((640, 360), blur=30)

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda s: (s[0] * 2, s[1] * 2))


@given(sizes)
def test_planes_share_memory_and_cover_everything(size):
    data = f.empty(size)
    data[...] = 0
    y, u, v = f.planes(data)
    assert y.shape == (size[1], size[0])
    assert u.shape == v.shape == (size[1] // 2, size[0] // 2)
    for value, plane in enumerate((y, u, v), start=1):
        plane[...] = value
    assert (data.reshape(-1) > 0).all()
    assert f.size_of(data) == size


@pytest.mark.parametrize("size", [(3, 2), (2, 3), (0, 2), (8194, 2)])
def test_odd_or_absurd_sizes_are_refused(size):
    with pytest.raises(ValueError, match="even"):
        f.empty(size)


def test_smooth_rgb_survives_the_way_there_and_back():
    original = SMOOTH
    back = f.to_rgb(f.from_rgb(original))
    difference = np.abs(back.astype(int) - original)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) <= 4  # chroma at half size


def test_bgr_and_rgb_doors_agree():
    original = picture()
    assert np.array_equal(f.from_bgr(original), f.from_rgb(np.ascontiguousarray(original[..., ::-1])))
    i420 = f.from_bgr(original)
    assert np.array_equal(f.to_bgr(i420), f.to_rgb(i420)[..., ::-1])


def test_range_compression_is_undone_by_expansion():
    data = f.from_bgr(picture())
    back = f.expand_range(f.compress_range(data))
    assert np.abs(back.astype(int) - data).max() <= 1


def test_limited_range_agrees_with_opencvs_own_i420():
    original = SMOOTH
    ours = f.compress_range(f.from_bgr(original)).astype(int)
    theirs = cv2.cvtColor(original, cv2.COLOR_BGR2YUV_I420).astype(int)
    assert np.abs(ours[:360] - theirs[:360]).max() <= 2
    assert np.abs(ours - theirs).mean() < 1.0
    assert np.abs(ours[360:] - theirs[360:]).max() <= 3  # cv2 takes one corner's chroma, we average four pixels


def test_full_range_agrees_with_swscale():
    av = pytest.importorskip("av")
    original = SMOOTH
    theirs = av.VideoFrame.from_ndarray(original, format="bgr24").reformat(format="yuvj420p").to_ndarray()
    ours = f.from_bgr(original).astype(int)
    assert np.abs(ours[:360] - theirs[:360].astype(int)).max() <= 2
    assert np.abs(ours[360:] - theirs[360:].astype(int)).max() <= 3


def packed_yuyv(original):
    ycc = cv2.cvtColor(original, cv2.COLOR_BGR2YCrCb)
    packed = np.empty((*original.shape[:2], 2), np.uint8)
    packed[..., 0] = ycc[..., 0]
    packed[:, 0::2, 1] = ycc[:, 0::2, 2]
    packed[:, 1::2, 1] = ycc[:, 0::2, 1]
    return packed


def test_yuyv_agrees_with_opencvs_own():
    packed = f.from_yuyv(packed_yuyv(SMOOTH), limited=True)
    theirs = cv2.cvtColor(packed_yuyv(SMOOTH), cv2.COLOR_YUV2BGR_YUYV)
    ours = f.to_bgr(packed)
    assert np.abs(ours.astype(int) - theirs).mean() < 1.5
    assert np.percentile(np.abs(ours.astype(int) - theirs), 99) <= 5


def test_nv12_with_padded_rows_is_i420_without_the_padding():
    data = f.from_bgr(picture())
    y, u, v = f.planes(data)
    padded_y = np.full((90, 192), 77, np.uint8)
    padded_uv = np.full((45, 96, 2), 77, np.uint8)
    padded_y[:, :160] = y
    padded_uv[:, :80, 0], padded_uv[:, :80, 1] = u, v
    assert np.array_equal(f.from_nv12(padded_y[:, :160], padded_uv[:, :80], limited=False), data)


def test_colour_lookup_matches_the_door():
    for rgb in ((255, 0, 0), (0, 177, 64), (32, 40, 48), (255, 255, 255)):
        solid = np.full((4, 4, 3), rgb, np.uint8)
        assert tuple(int(p[0, 0]) for p in f.planes(f.from_rgb(solid))) == f.yuv_of(rgb)


def test_resize_keeps_a_flat_picture_flat():
    small = f.resize(f.filled((160, 90), (50, 100, 200)), (64, 36))
    assert [set(np.unique(p)) for p in f.planes(small)] == [{50}, {100}, {200}]


def test_frame_views_and_copies():
    frame = f.Frame(f.from_bgr(picture()), time=1.0, index=3)
    assert frame.alpha is None
    assert frame.rgba()[..., 3].min() == 255
    frame.alpha420 = f.filled(frame.size, (200, 200, 200))
    assert frame.alpha is not None
    assert frame.alpha.shape == (90, 160)
    copy = frame.copy()
    frame.data[...] = 0
    assert copy.data.max() > 0
    assert copy.index == 3


class TestPool:
    def test_a_dropped_buffer_is_used_again(self):
        pool = f.Pool((64, 36))
        seen = {id(pool.take()) for _ in range(50)}
        assert len(seen) == 1

    def test_a_view_keeps_its_buffer(self):
        pool = f.Pool((64, 36))
        first = pool.take()
        view = f.planes(first)[2][1:3]
        address = first.ctypes.data
        del first
        assert all(pool.take().ctypes.data != address for _ in range(5))
        del view
        assert pool.take().ctypes.data == address

    def test_whoever_keeps_everything_still_gets_distinct_buffers(self):
        pool = f.Pool((64, 36), limit=4)
        kept = [pool.take() for _ in range(10)]
        assert len({b.ctypes.data for b in kept}) == 10

    @settings(max_examples=30)
    @given(st.lists(st.booleans(), max_size=60))
    def test_no_buffer_is_ever_handed_out_twice(self, keeps):
        pool = f.Pool((8, 8), limit=5)
        held = []
        for keep in keeps:
            buffer = pool.take()
            assert all(buffer is not other for other in held)
            if keep:
                held.append(buffer)
            elif held:
                held.pop(0)
