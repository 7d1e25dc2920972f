"""edge_bg removes and replaces the background behind people, live, on small boards.

    import edge_bg

    with edge_bg.open("kiosk.yaml") as booth:
        for frame in booth:
            show(frame.rgb(), frame.alpha)

The names below are loaded when they are first used: importing `edge_bg` imports neither OpenCV nor a runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_bg.build import Booth, open
    from edge_bg.composite import Compositor
    from edge_bg.config import Config
    from edge_bg.errors import EdgeBgError
    from edge_bg.frame import Frame
    from edge_bg.matte import Matte
    from edge_bg.network.segment import Segmenter
    from edge_bg.pipeline import Pipeline
    from edge_bg.still import Cutout, cut_out

_NAMES = {
    "Booth": "build",
    "Compositor": "composite",
    "Config": "config",
    "Cutout": "still",
    "EdgeBgError": "errors",
    "Frame": "frame",
    "Matte": "matte",
    "Pipeline": "pipeline",
    "Segmenter": "network.segment",
    "cut_out": "still",
    "open": "build",
}

__all__ = [
    "Booth",
    "Compositor",
    "Config",
    "Cutout",
    "EdgeBgError",
    "Frame",
    "Matte",
    "Pipeline",
    "Segmenter",
    "cut_out",
    "open",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # half of what importing edge_bg took

        try:
            return version("edge-bg")
        except PackageNotFoundError:
            return "0+unknown"
    if name in _NAMES:
        value = getattr(import_module(f"edge_bg.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'edge_bg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
