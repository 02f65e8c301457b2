"""The comparison table: parameter against parameter; cells say what their runs came to, and what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.frames import distinct, free_name
from hpcsweep.results.origins import differing_origins, mixed_origins
from hpcsweep.results.query.labels import key_text, key_texts
from hpcsweep.results.query.select import axis_column, results_of, settings_of
from hpcsweep.results.query.values import Value, value_of
from hpcsweep.store.opening import StoreSource
from hpcsweep.store.states import COUNTED, count_states
from hpcsweep.tables.cells import Cell
from hpcsweep.tables.formats.decimals import cell_text, decimals_of
from hpcsweep.tables.formats.grid import Grid, GridCell
from hpcsweep.tables.formats.html import to_html
from hpcsweep.tables.formats.text import to_text
from hpcsweep.tables.layout import Spec, choose
from hpcsweep.tables.marks import Key, Place, marks
from hpcsweep.tables.notes import notes_of
from hpcsweep.tables.one_factor import with_change_column


@dataclass(frozen=True, repr=False)
class Table:
    """A finished table.

    `row_keys` and `col_keys` are the values of the parameters `spec.rows` and `spec.cols`, in order. `cells` has one
    Cell per row, column and value (by its position), `best` says which of them are marked, and `notes` go below.
    """

    title: str
    spec: Spec
    row_keys: tuple[Key, ...]
    col_keys: tuple[Key, ...]
    values: tuple[Value, ...]
    cells: Mapping[Place, Cell]
    best: frozenset[Place] = frozenset()
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, value: int) -> str:
        """Return the heading of the value at this position."""
        name = self.values[value].name
        return self.labels.get(name, name)

    def columns(self) -> list[tuple[Key, int]]:
        """Return (column key, value position) of each column of numbers, from left to right."""
        return list(product(self.col_keys, range(len(self.values))))

    def records(self) -> list[dict[str, Any]]:
        """Return one dict per cell: row and column parameters by name, `metric`, `mean`, `std`, `n`, `states`.

        `mean` and `std` are None if there is none. Statistics other than the mean have their own names, an interval
        has `low` and `high`. If a parameter has one of these names, it keeps it, and ours becomes `run_<name>`.
        """
        axes = (*self.spec.rows, *self.spec.cols)
        return [
            {**dict(zip(axes, (*row, *col), strict=True)), **self._numbers((row, col, position), axes)}
            for row in self.row_keys
            for col, position in self.columns()
        ]

    def frame(self) -> pd.DataFrame:
        """Return the records of all cells as a frame, one row per cell."""
        return pd.DataFrame(self.records())

    def decimals(self, value: int) -> int | None:
        """Return how many decimals the cells of the value at this position show; None means scientific notation."""
        return decimals_of([cell for place, cell in self.cells.items() if place[2] == value])

    def grid(self) -> Grid:
        """Return the texts of the table, each in its place."""
        columns = self.columns()
        decimals = [self.decimals(value) for value in range(len(self.values))]
        heads = [self.label(value) for value in range(len(self.values))]
        levels = [
            tuple(f"{name} {key_text(col[depth])}" for col, _ in columns) for depth, name in enumerate(self.spec.cols)
        ]
        if len(heads) > 1 or not levels:
            levels.append(tuple(heads[value] for _, value in columns))
        return Grid(
            caption=f"{self.title}: {', '.join(heads)}",
            stubs=self.spec.rows,
            levels=tuple(levels),
            labels=tuple(tuple(key_texts(row)) for row in self.row_keys),
            cells=tuple(
                tuple(self._grid_cell((row, col, value), decimals[value]) for col, value in columns)
                for row in self.row_keys
            ),
            notes=self.notes,
        )

    def __repr__(self) -> str:
        return to_text(self.grid(), shutil.get_terminal_size().columns).rstrip()

    def _repr_html_(self) -> str:
        return to_html(self.grid())

    def _grid_cell(self, place: Place, decimals: int | None) -> GridCell:
        cell = self.cells[place]
        return GridCell(cell_text(cell, self.spec.kind, decimals), place in self.best, cell.n == 0)

    def _numbers(self, place: Place, axes: tuple[str, ...]) -> dict[str, Any]:
        cell, kind = self.cells[place], self.spec.kind
        numbers = {"metric": self.values[place[2]].name, "mean": cell.mean, "std": cell.std, "n": cell.n}
        if kind != "mean":
            numbers["median" if kind in ("range", "ci") else kind] = cell.number(kind)
        if kind in ("range", "ci"):
            numbers["low"], numbers["high"] = cell.bounds(kind) or (None, None)
        told: dict[str, Any] = {"states": dict(cell.states)}
        if cell.mixed:
            told["mixed"] = {name: list(values) for name, values in cell.mixed.items()}
        return {free_name(name, axes): value for name, value in (numbers | told).items()}


def table(
    source: ResultsSource,
    *,
    rows: Sequence[str] | None = None,
    cols: Sequence[str] | None = None,
    values: Sequence[str] | None = None,
    kind: str = "mean",
    where: str | None = None,
    columns: str | None = None,
    pool: Sequence[str] | None = None,
    best: bool = True,
    store: StoreSource = None,
) -> Table:
    """Return the comparison table of a sweep, a store's folder or results.

    `rows` and `cols` name parameters, `values` summary columns, metrics or `epochs_to(val_accuracy>=0.8)`. Parameters
    that vary beside them head further rows, except for those to `pool`: a cell takes all their values together. `kind`
    is one of KINDS, such as median or iqm, `where` a filter such as "layers >= 3", and `columns="s3"` the layout of a
    study that varies one factor at a time. Raises UsageError for a name that does not exist, NothingSelectedError if
    nothing is left.
    """
    results = results_of(source, where=where, store=store)
    if not len(results.runs):
        raise NothingSelectedError(f"{results.title}: there are no runs; type: {results.to_type('run')}")
    labels: dict[str, str] = {}
    if columns is not None:
        cols = results.layout.cols if cols is None and results.layout is not None else cols
        apart = (*(cols or ()), *(pool or ()))
        results, rows, values, labels = with_change_column(results, rows, apart, values, columns)
    spec = choose(results, rows, cols, values, kind, pool or ())
    shown = tuple(value_of(results, text) for text in spec.values)
    row_keys, col_keys, cells = _pivot(results, spec, shown)
    marked, unmarked = marks(results, spec, shown) if best else (frozenset(), [])
    meanings = [f"{labels[value.name]} is {value.name}" for value in shown if value.name in labels]
    notes = [f"{'; '.join(meanings)}: over the epochs from 1 on."] if meanings else []
    notes += notes_of(results, spec, shown, cells, marked, unmarked)
    return Table(results.title, spec, row_keys, col_keys, shown, cells, marked, tuple(notes), labels)


def _pivot(
    results: Results, spec: Spec, values: Sequence[Value]
) -> tuple[tuple[Key, ...], tuple[Key, ...], dict[Place, Cell]]:
    row_of_run, row_keys = _keys(results, spec.rows)
    col_of_run, col_keys = _keys(results, spec.cols)
    states, origins = results.column("state").tolist(), differing_origins(results)
    members: dict[tuple[Key, Key], list[int]] = {}
    for run, place in enumerate(zip(row_of_run, col_of_run, strict=True)):
        members.setdefault(place, []).append(run)
    cells = {
        (row, col, position): _cell(value, states, origins, members.get((row, col), []))
        for row, col in product(row_keys, col_keys)
        for position, value in enumerate(values)
    }
    return row_keys, col_keys, cells


def _cell(value: Value, states: Sequence[str], origins: Mapping[str, Sequence[Any]], runs: Sequence[int]) -> Cell:
    done = [run for run in runs if states[run] in COUNTED]
    numbers = [float(value.numbers[run]) for run in done]
    kept = tuple(number for number in numbers if not np.isnan(number))
    unreached = len(numbers) - len(kept) if value.may_be_unreached else 0
    return Cell(kept, count_states(states[run] for run in runs), unreached, mixed_origins(origins, done))


def _keys(results: Results, names: Sequence[str]) -> tuple[list[Key], tuple[Key, ...]]:
    columns = [axis_column(results, name) for name in names]
    ranks = [{value: rank for rank, value in enumerate(distinct(column))} for column in columns]
    of_run = settings_of(results, names)
    ordered = sorted(set(of_run), key=lambda key: [rank[part] for rank, part in zip(ranks, key, strict=True)])
    return of_run, tuple(ordered)
