"""The second program again, for eyes: reads /dev/video10 until a person stands before the background, and shows that.

    look.py DEVICE R G B       the background's colour

Prints how much of the picture is not background, and the picture as base64 between two lines for who looks at it.
"""

import base64
import sys
import time

import cv2
import numpy as np

capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_V4L2)
behind = np.array([int(word) for word in sys.argv[:1:-1]])
end = time.monotonic() + 180
while True:
    good, picture = capture.read()
    if not good:
        capture.open(sys.argv[1], cv2.CAP_V4L2)
        time.sleep(0.2)
    else:
        person = float((np.abs(picture.astype(int) - behind).max(axis=2) > 40).mean())
        if 0.05 < person < 0.7:
            break
    if time.monotonic() > end:
        sys.exit("no picture with a person and the background in it within 180 s")
encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
print(f"person: {person:.0%} of the picture is not background")
print("PICTURE-BEGIN")
print(base64.encodebytes(encoded).decode(), end="")
print("PICTURE-END")
