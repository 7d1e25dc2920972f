"""The second program: reads /dev/video10 with OpenCV as any viewer would.

Prints one line a frame: time, width, height, B, G, R; the colour is the median of the picture. When frames stop
coming the device is opened again, as viewers do.
"""

import os
import sys
import time

os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = "2"  # seconds; read before cv2 looks

import cv2
import numpy as np

capture = None
while True:
    if capture is None:
        capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_V4L2)
        if not capture.isOpened():
            capture = None
            time.sleep(0.1)
            continue
    good, picture = capture.read()
    if not good:
        capture.release()
        capture = None
        continue
    blue, green, red = np.median(picture[::8, ::8].reshape(-1, 3), axis=0)
    height, width = picture.shape[:2]
    print(f"{time.monotonic():.3f} {width} {height} {blue:.0f} {green:.0f} {red:.0f}", flush=True)
