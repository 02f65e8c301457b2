"""A table for the terminal: it fits the width, row labels are folded, and columns split into blocks if necessary."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from itertools import zip_longest

from rich.cells import cell_len

from hpcsweep.tables.formats.grid import Grid, blank_repeats

GAP = "  "
WIDTH = 100
NARROWEST = 8


def to_text(grid: Grid, width: int = WIDTH) -> str:
    """Return the table in lines of at most `width` characters (a single column may be wider), with the notes below."""
    lines = textwrap.wrap(grid.caption, max(width, 20)) or [""]
    for block in _blocks(_with_narrow_labels(grid, width), width):
        lines += ["", *_lines(block)]
    lines.append("")
    for note in grid.notes:
        lines += textwrap.wrap(note, max(width, 20))
    return "\n".join(lines) + "\n"


def _with_narrow_labels(grid: Grid, width: int) -> Grid:
    """Return the grid with its row labels folded, the longest first, so that one column of numbers fits beside them."""
    wide = _stub_widths(grid)
    room = width - max(_widths(grid), default=0) - len(GAP) * len(wide)
    limit = max(wide, default=0)
    while limit > NARROWEST and sum(min(one, limit) for one in wide) > room:
        limit -= 1

    def folded(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple("\n".join(textwrap.wrap(text, limit)) if cell_len(text) > limit else text for text in texts)

    return replace(grid, stubs=folded(grid.stubs), labels=tuple(map(folded, grid.labels)))


def _blocks(grid: Grid, width: int) -> list[Grid]:
    stub = sum(len_ + len(GAP) for len_ in _stub_widths(grid))
    widths = _widths(grid)
    blocks: list[Grid] = []
    start, used = 0, stub
    for column, wide in enumerate(widths):
        if column > start and used + wide > width:
            blocks.append(grid.columns(start, column))
            start, used = column, stub
        used += wide + len(GAP)
    return [*blocks, grid.columns(start, len(widths))]


def _lines(grid: Grid) -> list[str]:
    stub_widths, widths = _stub_widths(grid), _widths(grid)
    lines = []
    for level in range(len(grid.levels)):
        last = level == len(grid.levels) - 1
        stubs = grid.stubs if last else ("",) * len(grid.stubs)
        lines += _row_lines(stubs, stub_widths, _heading(grid, level, widths))
    lines.append("-" * max(cell_len(line) for line in lines))
    for label, row in zip(blank_repeats(grid.labels), grid.cells, strict=True):
        texts = [_pad(f"{cell.text}{'*' if cell.best else ' '}", wide) for cell, wide in zip(row, widths, strict=True)]
        lines += _row_lines(label, stub_widths, GAP.join(texts))
    return [line.rstrip() for line in lines]


def _heading(grid: Grid, level: int, widths: list[int]) -> str:
    parts, column = [], 0
    for text, span in grid.spans(level):
        wide = sum(widths[column : column + span]) + len(GAP) * (span - 1)
        parts.append(text + " " * (wide - cell_len(text)) if span > 1 else _pad(f"{text} ", wide))
        column += span
    return GAP.join(parts)


def _widths(grid: Grid) -> list[int]:
    widths = [
        max([cell_len(row[column].text) + 1 for row in grid.cells], default=0) for column in range(len(grid.levels[0]))
    ]
    for level in range(len(grid.levels)):
        column = 0
        for text, span in grid.spans(level):
            wide = sum(widths[column : column + span]) + len(GAP) * (span - 1)
            if cell_len(text) + 1 > wide:
                widths[column + span - 1] += cell_len(text) + 1 - wide
            column += span
    return widths


def _stub_widths(grid: Grid) -> list[int]:
    return [
        max(cell_len(line) for text in (name, *(label[depth] for label in grid.labels)) for line in text.split("\n"))
        for depth, name in enumerate(grid.stubs)
    ]


def _row_lines(stubs: tuple[str, ...], widths: list[int], numbers: str) -> list[str]:
    """Return a row: its labels, of one or more lines each, and beside their first lines the `numbers`."""
    lines = list(zip_longest(*(text.split("\n") for text in stubs), fillvalue="")) or [()]
    padded = [
        "".join(text + " " * (wide - cell_len(text)) + GAP for text, wide in zip(line, widths, strict=True))
        for line in lines
    ]
    return [padded[0] + numbers, *padded[1:]]


def _pad(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
