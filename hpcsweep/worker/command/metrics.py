"""The metrics that a program writes: JSON lines, a CSV file, TensorBoard's event files, or lines of its output.

A row is what one source says at once: numbers by name, `epoch` among them where the source knows it.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from hpcsweep.errors import JobError
from hpcsweep.worker.command.event_files import EventFile

EPOCH, STEP = "epoch", "step"
Row = dict[str, float]


class Source(Protocol):
    """Somewhere that metrics come from."""

    def new_rows(self, *, ended: bool) -> Iterable[Row]:
        """Give what has come since the last time, perhaps with what came before; JobError if it cannot be read."""


def drop_half_line(path: Path) -> None:
    """Remove what a killed attempt has begun to write at the end of a file of lines."""
    if path.exists():
        data = path.read_bytes()
        os.truncate(path, data.rfind(b"\n") + 1)


class JsonLines:
    """An object per line: `{"epoch": 3, "loss": 0.5}`; one without `epoch` belongs to the epoch that was named last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._epoch: Row = {}

    def new_rows(self, *, ended: bool) -> Iterator[Row]:
        """Give the rows of the lines that are whole; the last needs no line end if the program has ended."""
        try:
            with open(self._path, "rb") as file:
                self._read = self._read if self._read <= os.fstat(file.fileno()).st_size else 0  # written anew
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = len(data) if ended else data.rfind(b"\n") + 1
        self._read += whole
        for line in data[:whole].split(b"\n"):
            if line.strip():
                row = _row_of_json(line.decode(errors="replace"))
                self._epoch = {EPOCH: row[EPOCH]} if EPOCH in row else self._epoch
                yield {**self._epoch, **row}


class CsvFile:
    """A line of names, then lines of values, as the CSVLogger of Keras or Lightning writes them.

    The whole file is read whenever it has changed, since loggers write it anew when a metric is added. Without a column
    `epoch` each line is an epoch; a line that leaves it empty is about a single step, and is passed over. A column
    `step` beside it counts, and is no metric.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def new_rows(self, *, ended: bool) -> Iterator[Row]:
        """Give all rows if the file has changed."""
        try:
            status = self._path.stat()
            looks = (status.st_size, status.st_mtime_ns)
            if looks == self._seen and not ended:
                return
            text = self._path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return
        self._seen = looks
        whole = text if ended else text[: text.rfind("\n") + 1]
        names: list[str] = []
        number = 0
        for cells in csv.reader(whole.splitlines()):
            if not names or cells == names:  # a program that appends may write its names again
                names = cells
                continue
            number += 1
            numbers = ((name, _number(cell)) for name, cell in zip(names, cells))
            found = {name: value for name, value in numbers if value is not None}
            if EPOCH not in names:
                yield {EPOCH: float(number), **found}
            elif EPOCH in found:
                yield {name: value for name, value in found.items() if name != STEP}


class EventFiles:
    """The scalars of TensorBoard's event files in a folder; steps are epochs, or a scalar named `epoch` says them.

    Of the files of Keras's callback, only what it logs per epoch counts. The name of a scalar begins with that of the
    folder it is in, which for Keras's validation/ is `val_`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, EventFile] = {}
        self._steps: dict[tuple[Path, int], Row] = {}

    def new_rows(self, *, ended: bool) -> Iterator[Row]:
        """Give the rows of all steps of which something new has come."""
        for path in sorted(self._folder.rglob("*tfevents*")):
            file = self._files.setdefault(path, EventFile(path))
            changed = set()
            for step, tag, value in file.new_scalars():
                self._steps.setdefault((path, step), {})[tag] = value
                changed.add(step)
            yield from (self._row(path, step) for step in sorted(changed) if self._row(path, step))

    def _row(self, path: Path, step: int) -> Row:
        own = {at: row for at, row in self._steps.items() if at[0] == path}
        row = own[path, step]
        if any(tag.startswith("epoch_") for tag in row):
            row = {tag.removeprefix("epoch_"): value for tag, value in row.items() if tag.startswith("epoch_")}
        elif any(EPOCH in other for other in own.values()) and EPOCH not in row:
            return {}
        folder = path.parent.relative_to(self._folder).as_posix()
        prefix = {".": "", "train": "", "validation": "val_"}.get(folder, f"{folder}/")
        named = {tag if tag == EPOCH else f"{prefix}{tag}": value for tag, value in row.items()}
        return {EPOCH: float(step), **named}


class Patterns:
    """Regular expressions on the lines of the output; each named group is a metric, `epoch` the epoch.

    A line without `epoch` belongs to the epoch that was named last. Where no pattern names it, each match of the first
    pattern is an epoch.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self.counts = not any(EPOCH in pattern.groupindex for pattern in self._patterns)
        self._epoch = 0.0
        self._rows: deque[Row] = deque()

    def feed(self, line: str) -> None:
        """Take a line of the output, in the thread that reads it."""
        for at, pattern in enumerate(self._patterns):
            for found in pattern.finditer(line):
                row = {
                    name: number for name, text in found.groupdict().items() if (number := _number(text)) is not None
                }
                self._epoch = row.get(EPOCH, self._epoch + (self.counts and at == 0))
                self._rows.append({**row, EPOCH: self._epoch})

    def new_rows(self, *, ended: bool) -> Iterator[Row]:
        """Give what the lines have said."""
        while self._rows:
            yield self._rows.popleft()


def _row_of_json(line: str) -> Row:
    try:
        row = json.loads(line)
        return {str(name): _plain(value) for name, value in row.items() if value is not None}
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise JobError(
            f"found the line {line[:80]!r} in $HPCSWEEP_METRICS, expected an object of numbers such as "
            '{"epoch": 3, "loss": 0.5}'
        ) from None


def _plain(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError
    return float(value)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
