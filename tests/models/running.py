"""A graph of the workshop, run by LiteRT. To be imported once scripts/ is on the path."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from modelkit import tflite
from modelkit.graph import Graph


def run(graph: Graph, picture: np.ndarray) -> np.ndarray:
    """What the graph, written as a file, says of `picture` (1, H, W, C): its one output."""
    it = Interpreter(model_content=tflite.write(graph))
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], picture)
    it.invoke()
    return it.get_tensor(it.get_output_details()[0]["index"])
