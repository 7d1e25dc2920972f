"""The guided filter with a guide in colour, in few calls on few buffers.

K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010: in a window the mask is taken as a linear function of the
colour, `a_y * Y + a_u * U + a_v * V + b`, fitted by least squares.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture
from edge_bg.tiles import Scratch

Floats = NDArray[np.float32]


def fit(
    colour: Picture, mask: Floats, where: NDArray[np.intp], radius: int, epsilon: float, scratch: Scratch
) -> tuple[Floats, Floats]:
    """(a_y, a_u, a_v and b, float32 `(4, n)`; the mask they give, float32 `(n,)`), valid until `scratch` is used.

    colour:  `(h, w, 3)` uint8, the guide in Y, U, V.
    mask:    `(h, w)` float32.
    where:   `(n,)`, the windows' first pixels, row by row from 0; each window has to lie in the picture.
    radius:  of the window, in pixels, 1 or more.
    epsilon: noise in levels of 255; contrasts below it are smoothed over instead of followed.
    """
    rows, columns = mask.shape
    values = scratch.take("values", (4, rows, columns), np.float32)  # Y U V P
    for channel in range(3):
        np.copyto(values[channel], colour[..., channel])
    np.copyto(values[3], mask)
    # Their share in a window's mean, then that of their products: Y U V P, YY YU YV YP, UU UV UP, VV VP.
    shares = scratch.take("shares", (13, rows, columns), np.float32)
    np.multiply(values, np.float32((2 * radius + 1) ** -2), out=shares[:4])
    first = ((0, 4), (1, 8), (2, 11))
    for i, j in first:
        np.multiply(values[i:4], shares[i], out=shares[j : j + 4 - i])
    means = _sums(shares, 2 * radius + 1, scratch).reshape(13, -1).take(where, axis=1)
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
    middle = values[:3].reshape(3, -1).take(where + radius * (columns + 1), axis=1)
    np.multiply(fitted[:3], middle, out=product[:3])
    given = product[0]
    given += product[1]
    given += product[2]
    given += b
    return fitted, given


def _sums(planes: Floats, side: int, scratch: Scratch) -> Floats:
    """The sums over windows of `side` pixels, an odd number, in each of `planes` `(n, h, w)`, which are used up.

    What belongs to the window whose first pixel is (y, x) comes to (y, x); the last `side - 1` rows and columns hold
    nonsense. Additions of shifted planes, of pairs first: half the instructions of `cv2.blur` for windows this small.
    """
    pairs, total = (scratch.take(name, planes.shape, np.float32) for name in ("pairs", "total"))
    for step, new, sums in ((1, planes, total), (planes.shape[2], total, planes)):
        flat, two, out = new.reshape(-1), pairs.reshape(-1), sums.reshape(-1)
        size = flat.size
        np.add(flat[:-step], flat[step:], out=two[:-step])
        last = size - (side - 1) * step
        out[last:] = 0
        if side == 3:
            np.add(two[:last], flat[2 * step :], out=out[:last])
            continue
        np.add(two[:last], two[2 * step : last + 2 * step], out=out[:last])
        for start in range(4, side - 1, 2):
            out[:last] += two[start * step : last + start * step]
        out[:last] += flat[(side - 1) * step :]
    return planes
