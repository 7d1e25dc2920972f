"""Start a module of this workshop in its own pinned environment. Standard library only: it runs before that exists."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
VENV = SCRIPTS.parent / "build" / "models-venv"
PINS = [
    "ai-edge-litert==2.3.0",
    "flatbuffers==25.12.19",
    "numpy==2.4.6",
    "onnx==1.23.2",
    "opencv-python-headless==5.0.0.93",
    "pyyaml==6.0.3",
    "scikit-image==0.26.0",
]


def launch(module: str) -> None:
    """Make the environment if it is not there (or was pinned otherwise), then become `python -m module`."""
    stamp = VENV / "pins.txt"
    if not stamp.exists() or stamp.read_text().splitlines() != PINS:
        print(f"making {VENV} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", *PINS], check=True)
        stamp.write_text("\n".join(PINS) + "\n")
    python = str(VENV / "bin" / "python")
    os.environ["PYTHONPATH"] = f"{SCRIPTS}:{SCRIPTS.parent}"
    os.execv(python, [python, "-m", module, *sys.argv[1:]])
