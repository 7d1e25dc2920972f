"""frame + alpha -> frame on a new background, and the backgrounds there are."""

from __future__ import annotations

from edge_bg.composite.backgrounds import (
    Background,
    ColorBackground,
    ImageBackground,
    NoBackground,
    TransparentBackground,
    cover_picture,
)
from edge_bg.composite.blur import BlurBackground
from edge_bg.composite.compositor import Compositor
from edge_bg.composite.layer import Layer, Place

KINDS: dict[str, str] = {
    "color": "edge_bg.composite.backgrounds:ColorBackground",
    "image": "edge_bg.composite.video:PictureBackground",
    "video": "edge_bg.composite.video:VideoBackground",
    "blur": "edge_bg.composite.blur:BlurBackground",
    "transparent": "edge_bg.composite.backgrounds:TransparentBackground",
    "none": "edge_bg.composite.backgrounds:NoBackground",
}

__all__ = [
    "KINDS",
    "Background",
    "BlurBackground",
    "ColorBackground",
    "Compositor",
    "ImageBackground",
    "Layer",
    "NoBackground",
    "Place",
    "TransparentBackground",
    "cover_picture",
]
