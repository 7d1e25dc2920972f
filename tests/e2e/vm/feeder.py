"""Makes a v4l2loopback a camera that shows somebody: the demo's scene, five pictures a second, over and over.

feeder.py DEVICE
"""

import itertools
import sys
import time

from edge_bg.sinks.v4l2loopback import V4l2Loopback
from edge_bg.sources.synthetic import Synthetic

SIZE = (640, 360)
with Synthetic(SIZE, realtime=False, frames=10) as source:
    frames = [frame.copy() for frame in source]
sink = V4l2Loopback(sys.argv[1])
sink.open(SIZE, 5)
for frame in itertools.cycle(frames):
    sink.write(frame)
    time.sleep(0.2)
