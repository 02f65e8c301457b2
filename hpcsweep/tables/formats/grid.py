"""A table as texts in a grid: all that writers for a terminal, Markdown, LaTeX and HTML need to know about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class GridCell:
    """One cell's text, whether it is the best, and whether it has no number."""

    text: str
    best: bool = False
    missing: bool = False


@dataclass(frozen=True)
class Grid:
    """Texts in place: `stubs` head the row labels; each of `levels` is a line of headings, one per column."""

    caption: str
    stubs: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    labels: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[GridCell, ...], ...]
    notes: tuple[str, ...]

    def spans(self, level: int) -> list[tuple[str, int]]:
        """Return (heading, columns it spans) of one line of headings; it never joins what a line above splits."""
        width = len(self.levels[level])
        paths = [tuple(line[column] for line in self.levels[: level + 1]) for column in range(width)]
        if level == len(self.levels) - 1:
            return [(path[-1], 1) for path in paths]
        return [(path[-1], len(list(group))) for path, group in groupby(paths)]

    def columns(self, start: int, stop: int) -> Grid:
        """Return the grid with only the columns of numbers from `start` to before `stop`."""
        return Grid(
            self.caption,
            self.stubs,
            tuple(line[start:stop] for line in self.levels),
            self.labels,
            tuple(row[start:stop] for row in self.cells),
            self.notes,
        )


def blank_repeats(labels: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return row labels in which a label is blank if it and all to its left repeat those of the row above."""
    shown: list[tuple[str, ...]] = []
    for above, row in zip([None, *labels], labels, strict=False):
        same = 0
        while above is not None and same < len(row) - 1 and above[same] == row[same]:
            same += 1
        shown.append(("",) * same + row[same:])
    return shown
