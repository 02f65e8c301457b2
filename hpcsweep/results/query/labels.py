"""How parameter values look in headings and labels: two values that differ never look alike."""

from __future__ import annotations

import math
from collections.abc import Iterable


def key_texts(key: Iterable[object]) -> list[str]:
    """Return parameter values as a reader writes them; see `key_text`."""
    return [key_text(part) for part in key]


def key_text(value: object) -> str:
    """Return one parameter value as text, without characters that steer a terminal.

    Lists have brackets. A text has quotes only if it would look like another value without them: an empty one, "None",
    "true", "1e-3".
    """
    if isinstance(value, tuple):
        return "[" + ", ".join(map(key_text, value)) + "]"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "None"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(int(value)) if abs(value) < 1e6 and value == int(value) else repr(value)
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(value))
    return f'"{text}"' if isinstance(value, str) and _looks_like_another(text) else text


def _looks_like_another(text: str) -> bool:
    if text in ("None", "true", "false") or text != text.strip() or not text or text[0] in '["':
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
