"""Pictures for listings: how a cut-out is laid out, what shops ask for, and whether a picture meets it."""

from __future__ import annotations

from edge_bg.listing.arrange import Arranged, arrange, subject_box
from edge_bg.listing.check import Finding, check, check_photo
from edge_bg.listing.options import FORMATS, Behind, Look, Preset, preset, presets

__all__ = [
    "FORMATS", "Arranged", "Behind", "Finding", "Look", "Preset", "arrange", "check", "check_photo", "preset",
    "presets", "subject_box",
]  # fmt: skip
