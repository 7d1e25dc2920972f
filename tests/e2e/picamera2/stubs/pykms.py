"""Stands in for kms++, which picamera2 imports for its screen previews and which exists only for a Pi's display."""


class _Names(type):
    def __getattr__(cls, name: str) -> str:
        return name


class PixelFormat(metaclass=_Names):
    """Any format has its own name as value; nothing here is ever shown."""
