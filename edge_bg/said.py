"""Words for people, in English, that know how they were put together: whoever shows them may say them in another
language."""

from __future__ import annotations

from typing import Any


class Said(str):
    """English text.

    Attributes:
        template: What it was made of, with `{name}` where a value goes; translations are found by it.
        values: The values, which may be `Said` themselves.
    """

    template: str
    values: dict[str, Any]


def say(template: str, **values: Any) -> Said:
    """`template` with its values filled in."""
    said = Said(template.format(**values) if values else template)
    said.template, said.values = template, values
    return said
