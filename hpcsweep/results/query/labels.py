"""How parameter values look in headings and labels."""

from __future__ import annotations

import math
from collections.abc import Iterable


def key_texts(key: Iterable[object]) -> list[str]:
    """Return parameter values as a reader writes them: lists with brackets, no quotes, None as none."""
    return [key_text(part) for part in key]


def key_text(value: object) -> str:
    """Return one parameter value as text, without characters that steer a terminal."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(key_text, value)) + "]"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(int(value)) if abs(value) < 1e6 and value == int(value) else repr(value)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(value))
