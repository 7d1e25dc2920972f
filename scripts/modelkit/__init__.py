"""The workshop that turns MediaPipe's float selfie networks into the models in `models/`.

Nothing here runs on a board: `scripts/build_models` and `scripts/check-models` do. The rooms:

    graph.py       a network as plain Python (ops, constants, shapes)
    tflite.py      the same, read from and written to TFLite
    surgery.py     rewrites of a float graph that leave what it computes as it is
    retrained.py   the weights that a fine-tune moved, laid over MediaPipe's
    quantise.py    ranges -> scales -> a full-integer graph
    calibrate.py   pictures -> ranges (the only part that needs pictures to build anything)
    measure.py     IoU, agreement and flicker of a finished model
    build.py       the recipe of each shipped file, and its card
"""
