"""Any small frame as lines of text for a terminal."""

from __future__ import annotations

import pandas as pd
from rich.cells import cell_len

from hpcsweep.results.query.labels import key_text

GAP = "  "
LONGEST = 40


def frame_text(frame: pd.DataFrame, longest: int = LONGEST) -> str:
    """Return a frame as aligned text: numbers with five digits, on the right; missing ones as -; long texts cut.

    One without rows is the word none.
    """
    if frame.empty:
        return "none\n"
    columns = [[str(name), *(_text(value, longest) for value in frame[name].tolist())] for name in frame]
    right = [all(isinstance(v, int | float) or v is None for v in frame[name].tolist()) for name in frame]
    widths = [max(map(cell_len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        parts = []
        for text, wide, to_right in zip(row, widths, right, strict=True):
            blank = " " * (wide - cell_len(text))
            parts.append(blank + text if to_right else text + blank)
        lines.append(GAP.join(parts).rstrip())
    lines.insert(1, "-" * max(map(cell_len, lines)))
    return "\n".join(lines) + "\n"


def _text(value: object, longest: int) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return str(int(value)) if value == round(value) and abs(value) < 1e15 else f"{value:.5g}"
    text = key_text(tuple(value) if isinstance(value, list) else value)
    return text if len(text) <= longest else f"{text[: longest - 4]} ..."
