"""A table for programs: one record per cell, with exact numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from hpcsweep.files import json_text, spreadsheet_text
from hpcsweep.results.query.labels import key_text

Record = Mapping[str, Any]


def to_json(records: Sequence[Record]) -> str:
    """Return the records of all cells as a JSON list, one cell per line; what is missing is null."""
    return "[\n" + ",\n".join(map(json_text, records)) + "\n]\n"


def to_csv(records: Sequence[Record], axes: Sequence[str] = ()) -> str:
    """Return the records of all cells as CSV: what is missing is empty, states read `done:3 failed:1`.

    A parameter among `axes` reads as in the other formats, so that "", "None" and None differ.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(records[0]), lineterminator="\n")
    writer.writerow({name: spreadsheet_text(name) for name in records[0]})
    for record in records:
        writer.writerow({name: _csv_value(_axis(value) if name in axes else value) for name, value in record.items()})
    return buffer.getvalue()


def _axis(value: Any) -> Any:
    """Return a parameter's value, with the text that stands for it where CSV would show it as another."""
    return key_text(value) if value is None or isinstance(value, str) else value


def _csv_value(value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(f"{state}:{count}" for state, count in value.items())
    if isinstance(value, str):
        return spreadsheet_text(value)
    return json_text(value) if isinstance(value, tuple) else value
