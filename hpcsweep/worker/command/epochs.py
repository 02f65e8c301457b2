"""The epochs of a program's metrics: the rows of all sources put together, and written down for the next attempt."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpcsweep.errors import JobError
from hpcsweep.metrics import SECONDS
from hpcsweep.worker.command.metrics import EPOCH, Row, drop_half_line


class Epochs:
    """What all sources have said by now; what comes later for an epoch takes the place of what was.

    A row without an epoch belongs to the newest, or begins the next if it repeats a metric; then no row may name one.
    `journal` is the file in which it is written down. `first` is the number that the program gives to its first epoch
    of training, which is 1 in a history; None: 0 if there is an epoch 0.
    """

    def __init__(self, journal: Path, first: int | None) -> None:
        """Begin with what earlier attempts have written down."""
        self._journal, self._first = journal, first
        self._rows: dict[int, Row] = {}
        self._came_s: dict[int, float] = {}
        self._newest: int | None = None
        self._lowest: int | None = None
        self._pending: set[int] = set()
        self._given: set[int] = set()
        self._given_shift: int | None = None
        self._reached_s = 0.0
        self._counts = False
        self._before_s = 0.0
        self._read_journal()
        self._goes_on = bool(self._rows)
        self._began = time.monotonic()

    @property
    def last(self) -> int:
        """The last epoch of the history, -1 if there is none."""
        return -1 if self._newest is None else self._newest + self._shift

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows; JobError if the epoch of one cannot be told."""
        now_s = self._before_s + time.monotonic() - self._began
        lines = []
        for row in rows:
            epoch = self._epoch_of(row)
            if self._take(epoch, row, now_s):
                lines.append(json.dumps([now_s, epoch, row, self._counts]) + "\n")
        if lines:
            with open(self._journal, "a") as file:
                file.write("".join(lines))

    def new(self, *, ended: bool) -> tuple[bool, list[tuple[int, Row]]]:
        """Return the epochs to log now, and whether all that was logged must be forgotten, since it has changed.

        An epoch is whole when another follows it, or when the program has ended.
        """
        ready = {epoch for epoch in self._pending if self._rows[epoch] and (ended or epoch != self._newest)}
        shifted = self._given_shift not in (None, self._shift)
        anew = bool(self._given) and bool(ready) and (shifted or min(ready) <= max(self._given))
        self._pending -= ready
        self._given |= ready
        self._given_shift = self._shift
        if anew:
            self._reached_s = 0.0
        return anew, list(self._timed(sorted(self._given if anew else ready)))

    @property
    def _shift(self) -> int:
        first = self._first if self._first is not None else self._lowest
        return 1 if first == 0 else 0

    def _timed(self, epochs: Iterable[int]) -> Iterator[tuple[int, Row]]:
        """Give epochs with their seconds, from the row that ended the one before."""
        for epoch in epochs:
            seconds = max(self._came_s[epoch] - self._reached_s, 0.0)
            self._reached_s = max(self._reached_s, self._came_s[epoch])
            yield epoch + self._shift, {SECONDS: seconds, **self._rows[epoch]}

    def _read_journal(self) -> None:
        drop_half_line(self._journal)
        for line in self._journal.read_text().splitlines() if self._journal.exists() else []:
            self._before_s, epoch, row, self._counts = json.loads(line)
            self._take(epoch, row, self._before_s)

    def _take(self, epoch: int, row: Row, now_s: float) -> bool:
        """Take a row; return whether it says something new."""
        before = self._rows.get(epoch, {})
        after = {**before, **{name: value for name, value in row.items() if name != EPOCH}}
        if epoch in self._rows and _same(before, after):
            return False
        self._rows[epoch] = after
        self._came_s[epoch] = max(now_s, self._came_s.get(epoch, 0.0))
        self._pending.add(epoch)
        self._newest = epoch if self._newest is None else max(self._newest, epoch)
        self._lowest = epoch if self._lowest is None else min(self._lowest, epoch)
        return True

    def _epoch_of(self, row: Row) -> int:
        if EPOCH in row:
            number = row[EPOCH]
            if self._counts:
                raise JobError("found epochs with and without a number, expected all with one")
            if not math.isfinite(number) or number != int(number) or number < 0:
                raise JobError(f"found the epoch {number}, expected a whole number from 0")
            return int(number)
        if self._newest is None:
            return 1
        known = self._rows[self._newest]
        if not any(name in known for name in row) or _same(known, {**known, **row}):
            return self._newest
        if self._goes_on:
            raise JobError(
                "found metrics without an epoch after a stop, expected `epoch` with them, to tell which it is"
            )
        self._counts = True
        return self._newest + 1


def _same(one: Row, other: Row) -> bool:
    """Whether two rows hold the same numbers, NaN among them."""
    return {name: repr(value) for name, value in one.items()} == {name: repr(value) for name, value in other.items()}
