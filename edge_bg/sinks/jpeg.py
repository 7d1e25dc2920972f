"""JPEG files straight from I420 planes: JPEG is full-range I420, so there is no colour conversion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_bg.errors import SinkError
from edge_bg.frame import Frame, Picture, to_bgr


def jpeg_planes(quality: int) -> Callable[[Picture, Picture, Picture], bytes]:
    """A function (Y `(H, W)`, U, V `(H // 2, W // 2)`) -> JPEG file, 4:2:0; `quality` is 1..100."""
    try:
        from simplejpeg import encode_jpeg_yuv_planes
    except ImportError:
        import cv2

        def encode_bgr(y: Picture, u: Picture, v: Picture) -> bytes:
            i420 = np.concatenate([plane.reshape(-1) for plane in (y, u, v)]).reshape(-1, y.shape[1])
            ok, data = cv2.imencode(".jpg", to_bgr(i420), (cv2.IMWRITE_JPEG_QUALITY, quality))
            if not ok:
                raise SinkError("OpenCV could not encode a JPEG")
            return bytes(data)

        return encode_bgr

    def encode_planes(y: Picture, u: Picture, v: Picture) -> bytes:
        return bytes(encode_jpeg_yuv_planes(y, u, v, quality=quality, fastdct=True))

    return encode_planes


def jpeg_encoder(quality: int) -> Callable[[Frame], bytes]:
    """A function Frame -> JPEG file."""
    encode = jpeg_planes(quality)
    return lambda frame: encode(frame.y, frame.u, frame.v)
