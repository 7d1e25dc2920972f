"""The program that looks at each frame of /dev/video10, as long as the proof lasts: one line of JSON a frame.

    judge.py DEVICE WIDTH HEIGHT COLOURS        COLOURS: JSON, name: [R, G, B]

time; share of the pixels that are the background, the cover, the room of either camera; `guest`: neither background nor
cover; `colour`: how many of those are coloured.

It takes the frames by read(), which leaves the driver's buffers alone. A second program that maps them, as OpenCV does,
takes them from the first one when it closes the device: v4l2loopback 0.12 has one set of flags for all its readers.
"""

import json
import os
import sys
import time

import cv2
import numpy as np

WIDTH, HEIGHT = int(sys.argv[2]), int(sys.argv[3])
COLOURS = {name: np.array(rgb[::-1]) for name, rgb in json.loads(sys.argv[4]).items()}
TOLERANCE = {"background": 40, "cover": 40}


def judged(data: bytes) -> dict[str, float]:
    planes = np.frombuffer(data, np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
    wide = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[::2, ::2].astype(np.int16)
    at = {name: np.abs(wide - bgr).max(axis=2) < TOLERANCE.get(name, 60) for name, bgr in COLOURS.items()}
    guest = wide[~(at["background"] | at["cover"])]
    colour = np.ptp(guest, axis=1) > 40
    told = {name: round(float(where.mean()), 5) for name, where in at.items()}
    return told | {"guest": guest.shape[0] / at["cover"].size, "colour": float(colour.mean()) if colour.size else 0.0}


device = os.open(sys.argv[1], os.O_RDONLY)
before, told = b"", {}
while True:
    data = os.read(device, WIDTH * HEIGHT * 3 // 2)
    if len(data) != WIDTH * HEIGHT * 3 // 2:
        sys.exit(f"{len(data)} bytes are not an I420 frame of {WIDTH}x{HEIGHT}")
    if data != before:  # an empty room is, and the driver repeats the last one where it is told to
        before, told = data, judged(data)
    print(json.dumps({"time": time.monotonic(), **told}), flush=True)
