"""Million instructions of one invoke, one thread, per model file given.   count invoke.py MODEL.tflite [MODEL...]"""

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from insn import measure

for path in sys.argv[1:]:
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    pixels = np.random.default_rng(0).integers(0, 255, entry["shape"])
    if entry["dtype"] == np.float32:
        interpreter.set_tensor(entry["index"], (pixels / 255).astype(np.float32))
    else:
        interpreter.set_tensor(entry["index"], (pixels - 128 * (entry["dtype"] == np.int8)).astype(entry["dtype"]))
    measure(f"invoke {Path(path).name}", interpreter.invoke, calls=3)
