"""See the package."""


class PICAM2DNG:
    """Writes a DNG file; never made here."""
