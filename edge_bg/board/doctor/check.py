"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "info", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and the command or change that mends it.

    ok: as it should be. info: worth knowing, nothing to do. warn: works, but not as well as it could.
    fail: something will not work.
    """

    name: str
    level: Level
    text: str
    mend: str = ""
