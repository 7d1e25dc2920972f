"""See the package."""


class Picamera2Camera:
    """Describes a raw picture; never made here."""
