"""The program that looks at each frame of /dev/video10, as long as the proof lasts: one line of JSON a frame.

time; share of the pixels that are the background, the cover, the room of either camera; `guest`: neither background nor
cover; `colour`: how many of those are coloured.
"""

import json
import os
import sys
import time

os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = "2"  # seconds; read before cv2 looks

import cv2
import numpy as np

COLOURS = {name: np.array(rgb[::-1]) for name, rgb in json.loads(sys.argv[2]).items()}
TOLERANCE = {"background": 40, "cover": 40}
capture = None
while True:
    if capture is None:
        capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_V4L2)
    good, picture = capture.read()
    if not good:
        capture.release()
        capture = None
        time.sleep(0.1)
        continue
    wide = picture[::2, ::2].astype(np.int16)
    at = {name: np.abs(wide - bgr).max(axis=2) < TOLERANCE.get(name, 60) for name, bgr in COLOURS.items()}
    guest = wide[~(at["background"] | at["cover"])]
    colour = np.ptp(guest, axis=1) > 40
    told = {name: round(float(where.mean()), 5) for name, where in at.items()}
    told |= {"guest": guest.shape[0] / at["cover"].size, "colour": float(colour.mean()) if colour.size else 0.0}
    print(json.dumps({"time": time.monotonic(), **told}), flush=True)
