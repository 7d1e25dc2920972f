"""Which files are taken for pictures, by their endings in lower case."""

from __future__ import annotations

WITH_EXTRA = frozenset((".heic", ".heif", ".hif"))
"""Pictures that need the extra `pictures`."""
PICTURES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm",
     ".pnm", ".avif", ".jp2", *WITH_EXTRA)
)  # fmt: skip
"""All that are tried; those with the extra say what would read them where it is absent."""
