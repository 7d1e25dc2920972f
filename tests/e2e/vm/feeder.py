"""Makes a v4l2loopback a camera that shows somebody: the demo's scene, five pictures a second, over and over.

    feeder.py DEVICE [R G B [grey]]

R G B: half the size, and the room is of that colour, so that each of its pixels can be told from all others; grey: the
person is seen in black and white.
"""

import itertools
import sys
import time

import numpy as np

from edge_bg import frame as f
from edge_bg.sinks.v4l2loopback import V4l2Loopback
from edge_bg.sources.synthetic import Synthetic

SIZE = (640, 360)


def painted(frame: f.Frame, room: tuple[int, int, int], grey: bool) -> f.Frame:
    """The frame with one colour for the room, by its true alpha."""
    assert frame.truth is not None
    half = frame.truth.reshape(frame.height // 2, 2, frame.width // 2, 2).mean(axis=(1, 3))
    for plane, value, share, person in zip(
        f.planes(frame.data), f.yuv_of(room), (frame.truth, half, half), (None, 128, 128), strict=True
    ):
        seen = person if grey and person is not None else plane
        plane[:] = np.rint(seen * (share / 255.0) + value * (1 - share / 255.0))
    return frame


def pictures(room: tuple[int, int, int] | None = None, grey: bool = False) -> list[f.Frame]:
    """Ten frames of the scene."""
    size = SIZE if room is None else (SIZE[0] // 2, SIZE[1] // 2)
    with Synthetic(size, realtime=False, frames=10) as source:
        frames = [frame.copy() for frame in source]
    return frames if room is None else [painted(frame, room, grey) for frame in frames]


if __name__ == "__main__":
    colour = tuple(int(word) for word in sys.argv[2:5])
    frames = pictures(colour or None, grey="grey" in sys.argv)
    sink = V4l2Loopback(sys.argv[1])
    sink.open(frames[0].size, 5)
    for frame in itertools.cycle(frames):
        sink.write(frame)
        time.sleep(0.2)
