"""The guided filter with a guide in colour, in few calls on few buffers.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010: in a window the mask is taken as a linear function of the
colour, `a_y * Y + a_u * U + a_v * V + b`, fitted by least squares.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.tiles import Scratch

Floats = NDArray[np.float32]


def fit(colour: Picture, mask: Floats, radius: int, epsilon: float, scratch: Scratch) -> tuple[Floats, Floats]:
    """(a_y, a_u, a_v and b, float32 `(4, h, w)`; the mask they give, float32 `(h, w)`), valid until `scratch` is used.

    colour:  `(h, w, 3)` uint8, the guide in Y, U, V.
    mask:    `(h, w)` float32.
    radius:  of the window, in pixels.
    epsilon: noise in levels of 255; contrasts below it are smoothed over instead of followed.
    """
    height, width = mask.shape
    # All planes stand on top of each other, with `radius` rows between, so that one call takes the mean of them all.
    rows = height + 2 * radius
    values, means = (scratch.take(name, (13, rows, width), np.float32) for name in ("values", "means"))
    inner = values[:4, radius : radius + height]
    for channel in range(3):
        np.copyto(inner[channel], colour[..., channel])
    np.copyto(inner[3], mask)
    values[:4, :radius] = inner[:, :1]
    values[:4, radius + height :] = inner[:, -1:]
    # Y U V P, then their products: YY YU YV YP, UU UV UP, VV VP.
    first = ((0, 4), (1, 8), (2, 11))
    for i, j in first:
        np.multiply(values[i:4], values[i], out=values[j : j + 4 - i])
    window = (2 * radius + 1, 2 * radius + 1)
    cv2.blur(values.reshape(13 * rows, width), window, dst=means.reshape(13 * rows, width))
    means = means[:, radius : radius + height]
    product = scratch.take("product", (4, height, width), np.float32)
    for i, j in first:
        means[j : j + 4 - i] -= np.multiply(means[i:4], means[i], out=product[i:])
        means[j] += np.float32(epsilon * epsilon)
    # Covariances now. The equations for a_y, a_u, a_v are solved by elimination; the noise keeps the pivots from 0.
    yy, yu, yv, _, uu, uv, up, vv, vp = means[4:]
    ratio = scratch.take("ratio", (2, height, width), np.float32)
    np.divide(means[5:7], yy, out=ratio)
    means[8:11] -= np.multiply(means[5:8], ratio[0], out=product[:3])
    means[11:13] -= np.multiply(means[6:8], ratio[1], out=product[:2])
    np.divide(uv, uu, out=ratio[0])
    means[11:13] -= np.multiply(means[9:11], ratio[0], out=product[:2])
    fitted = scratch.take("fitted", (4, height, width), np.float32)
    a_y, a_u, a_v, b = fitted
    one = product[0]
    np.divide(vp, vv, out=a_v)
    np.subtract(up, np.multiply(uv, a_v, out=one), out=a_u)
    a_u /= uu
    np.subtract(means[7], np.multiply(yu, a_u, out=one), out=a_y)
    a_y -= np.multiply(yv, a_v, out=one)
    a_y /= yy
    np.multiply(fitted[:3], means[:3], out=product[:3])
    np.subtract(means[3], product[0], out=b)
    b -= product[1]
    b -= product[2]
    np.multiply(fitted[:3], inner[:3], out=product[:3])
    given = product[0]
    given += product[1]
    given += product[2]
    given += b
    return fitted, given
