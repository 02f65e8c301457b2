"""A table for programs: one record a cell, its numbers exact."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from hpcsweep.results.frames import free_name
from hpcsweep.tables.table import Table


def cell_records(table: Table) -> list[dict[str, Any]]:
    """Return one dict a cell: row and column parameters by name, `metric`, `mean`, `std`, `n`, `states`.

    `mean` and `std` are None where there is none. Statistics other than the mean come under their own names, an
    interval as `low` and `high`. A parameter that has one of these names keeps it, and ours is called `run_<name>`.
    """
    axes = (*table.spec.rows, *table.spec.cols)
    return [
        {**dict(zip(axes, (*row, *col), strict=True)), **_numbers(table, (row, col, position), axes)}
        for row in table.row_keys
        for col, position in table.columns()
    ]


def to_json(table: Table) -> str:
    """Return the records of all cells as a JSON list, one cell a line; numbers that are not finite become null."""
    records = [{name: _finite(value) for name, value in record.items()} for record in cell_records(table)]
    return "[\n" + ",\n".join(json.dumps(record, allow_nan=False) for record in records) + "\n]\n"


def to_csv(table: Table) -> str:
    """Return the records of all cells as CSV: what is missing is empty, states read `done:3 failed:1`."""
    records = cell_records(table)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _csv_value(value) for name, value in record.items()})
    return buffer.getvalue()


def _numbers(table: Table, place: Any, axes: tuple[str, ...]) -> dict[str, Any]:
    cell, kind = table.cells[place], table.spec.kind
    numbers: dict[str, Any] = {"metric": table.values[place[2]].name, "mean": cell.mean, "std": cell.std, "n": cell.n}
    if kind in ("median", "range", "min", "max"):
        numbers["median" if kind == "range" else kind] = cell.number(kind)
    if kind in ("range", "ci"):
        numbers["low"], numbers["high"] = cell.bounds(kind) or (None, None)
    numbers["states"] = dict(cell.states)
    return {free_name(name, axes): value for name, value in numbers.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _csv_value(value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(f"{state}:{count}" for state, count in value.items())
    return json.dumps(value) if isinstance(value, tuple) else value
