"""The record of a run as lines for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hpcsweep.run_notes import WORDS, has_note

FIRST, LAST = 3, 5
WIDE = 100


def describe(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that show a record of `record_of`: facts first, then the history, then the arrays."""
    for name, value in record.items():
        if name in ("params", "metrics", "facts"):
            yield f"{name}:"
            yield from (f"  {key}: {_short(item)}" for key, item in value.items())
        elif name == "traceback" and value:
            yield from ("traceback:", *(f"  {line}" for line in str(value).splitlines()))
        elif name not in ("history", "arrays"):
            yield f"{name}: {_short(value)}"
    if record.get("history"):
        yield from _history(record["history"])
    for name, array in (record.get("arrays") or {}).items():
        yield from _array(name, array)
    for word, meaning in WORDS.items():
        if has_note(record.get("notes"), word):
            classes = f" (classes {_short(record['collapsed_classes'])})" if word == "collapsed" else ""
            yield f"{word}: {meaning}{classes}"


def _history(history: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    names = list(history)
    length = len(history[names[0]])
    yield f"history: {length} epochs logged"
    yield "  " + "  ".join(f"{name:>12}" for name in names)
    shown = [*range(min(FIRST, length)), *range(max(FIRST, length - LAST), length)]
    for before, row in zip([-1, *shown], shown, strict=False):
        if row != before + 1:
            yield f"  {'...':>12}"
        yield "  " + "  ".join(f"{_number(history[name][row]):>12}" for name in names)


def _array(name: str, array: Any) -> Iterator[str]:
    if name == "confusion_matrix":
        wide = max((len(str(count)) for row in array for count in row), default=1)
        yield "confusion_matrix (rows: true class, columns: predicted class):"
        yield from ("  " + " ".join(f"{count:>{wide}}" for count in row) for row in array)
    elif name == "per_class_accuracy":
        yield "per_class_accuracy: " + " ".join(_number(share) for share in array)
    else:
        yield f"{name}: {_short(array)}"


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= WIDE else f"{text[: WIDE - 4]} ..."
