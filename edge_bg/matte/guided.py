"""The guided filter with a guide in colour, one fit for each tile, in few calls on few buffers.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010: in a window the mask is taken as a linear function of the
colour, `a_y * Y + a_u * U + a_v * V + b`, fitted by least squares.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame.tiles import TILE, Scratch

Floats = NDArray[np.float32]


def fit(planes: Floats, where: NDArray[np.intp], radius: int, epsilon: float, scratch: Scratch) -> Floats:
    """a_y, a_u, a_v and b, float32 `(4, n)`, valid until `scratch` is used.

    planes:  float32 `(13, TILE * h, TILE * w)`: Y, U, V, the mask, and room for the products of these.
    where:   `(n,)`, the windows' first tiles, row by row from 0; each window, of `2 * radius + 1` tiles a side, has to
             lie in `planes`. Its tiles weigh by the binomial coefficients: 1, 2, 1 for a radius of 1.
    epsilon: noise in levels of 255; contrasts below it are smoothed over instead of followed.
    """
    # Y U V P, YY YU YV YP, UU UV UP, VV VP.
    first = ((0, 4), (1, 8), (2, 11))
    for i, j in first:
        np.multiply(planes[i:4], planes[i], out=planes[j : j + 4 - i])
    means = _windows(_halved(planes, scratch), radius, scratch).reshape(13, -1).take(where, axis=1)
    means *= np.float32(16.0**-radius)
    product = scratch.take("product", (4, where.size), np.float32)
    for i, j in first:
        means[j : j + 4 - i] -= np.multiply(means[i:4], means[i], out=product[i:])
        means[j] += np.float32(epsilon * epsilon)
    # Covariances now. The equations for a_y, a_u, a_v are solved by elimination; the noise keeps the pivots from 0.
    yy, yu, yv, _, uu, uv, up, vv, vp = means[4:]
    ratio = scratch.take("ratio", (2, where.size), np.float32)
    np.divide(means[5:7], yy, out=ratio)
    means[8:11] -= np.multiply(means[5:8], ratio[0], out=product[:3])
    means[11:13] -= np.multiply(means[6:8], ratio[1], out=product[:2])
    np.divide(uv, uu, out=ratio[0])
    means[11:13] -= np.multiply(means[9:11], ratio[0], out=product[:2])
    fitted = scratch.take("fitted", (4, where.size), np.float32)
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
    return fitted


def _halved(planes: Floats, scratch: Scratch) -> Floats:
    """The means of the tiles of `planes` `(n, TILE * h, TILE * w)`: `(n, h, w)`."""
    count, rows, columns = planes.shape
    tiles = scratch.take("tiles", (count, rows // TILE, columns // TILE), np.float32)
    flat = tiles.reshape(-1, columns // TILE)
    cv2.resize(planes.reshape(-1, columns), flat.shape[::-1], flat, interpolation=cv2.INTER_AREA)
    return tiles


def _windows(planes: Floats, radius: int, scratch: Scratch) -> Floats:
    """The sums over windows of each of `planes` `(n, h, w)`, which are used up; weights as in `fit`.

    What belongs to the window whose first pixel is (y, x) comes to (y, x); the last `2 * radius` rows and columns hold
    nonsense. Every addition of the planes and the same shifted by one pixel is a window (1, 1) more.
    """
    sums, other = planes.reshape(-1), scratch.take("other", planes.shape, np.float32).reshape(-1)
    size = sums.size
    for step in (1, planes.shape[2]):
        for _ in range(2 * radius):
            size -= step
            np.add(sums[:size], sums[step : size + step], out=other[:size])
            sums, other = other, sums
    return planes
