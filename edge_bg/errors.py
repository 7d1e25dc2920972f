"""Errors that people read: what went wrong, what was expected, and the command that mends it.

Each class is an `EdgeBgError` *and* the builtin a Python programmer would expect, so both
`except EdgeBgError` and `except OSError` do the natural thing.
"""

from __future__ import annotations


class EdgeBgError(Exception):
    """Root of all errors that edge_bg raises on purpose.

    Attributes:
        message: Names the thing and what is wrong with it.
        hint: What would do, best as a command.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ConfigError(EdgeBgError, ValueError):
    """The configuration is wrong; the message lists every error at once."""


class ModelError(EdgeBgError, ValueError):
    """A model or its card is missing, damaged, or does not say what the file holds."""


class DelegateError(EdgeBgError, RuntimeError):
    """An accelerator's delegate could not be loaded, refused the graph, or failed while running."""


class SourceError(EdgeBgError, OSError):
    """A camera or a video cannot be opened or read."""


class SinkError(EdgeBgError, OSError):
    """An output cannot be opened or written."""


class PictureError(EdgeBgError, ValueError):
    """A picture cannot be read, is too large, or has a layout that is not supported."""


class NothingFound(PictureError):
    """There is nothing to cut out in a picture: no file is made of it, as it would be blank."""


class MissingDependency(EdgeBgError, ImportError):
    """An optional package is not installed; the hint is the command that installs it."""


class NotNow(EdgeBgError, RuntimeError):
    """What was asked for is not possible in the state that things are in."""


class NotAllowed(EdgeBgError, PermissionError):
    """Who asks may not do this, or the config does not allow it to anybody."""


class NotThere(EdgeBgError, LookupError):
    """What was named is not there (any more)."""


class Refused(EdgeBgError, ValueError):
    """What was handed in will not do: the message says why."""


def bug(error: BaseException) -> BaseException | None:
    """What a log's `exc_info` is to be: `error` with its traceback, unless it is for people or the system's."""
    return None if isinstance(error, (EdgeBgError, OSError, MemoryError)) else error
