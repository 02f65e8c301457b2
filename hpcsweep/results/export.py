"""Runs and history as files that read back exactly: Parquet, or CSV with a note of the columns' types.

A column of mixed values or lists is written as JSON texts. In CSV a missing value is an empty field, and a column of
texts that could be misread (an empty text beside missing ones, line ends) is written as JSON too. `columns.json` says
what each column is.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import StoreError, to_type
from hpcsweep.files import FORMULA_BEGINS, spreadsheet_text, write_together
from hpcsweep.results.arrow import parquet, pyarrow
from hpcsweep.results.frames import as_key
from hpcsweep.results.loading import ResultsSource
from hpcsweep.results.query.select import results_of
from hpcsweep.results.text import TEXT, with_texts
from hpcsweep.store.opening import StoreSource

_JSON_COLUMNS = b"hpcsweep.json_columns"
FORMAT = 1


def export(
    source: ResultsSource,
    folder: str | Path,
    *,
    csv: bool = False,
    where: str | None = None,
    store: StoreSource = None,
) -> list[Path]:
    """Write `runs` and `history` of a sweep, a store or results to a folder, made if need be; return the files.

    They are Parquet, or `csv`; `where` is a filter such as "layers >= 3". An earlier export stays until all is written.
    """
    results = results_of(source, where=where, store=store)
    folder = Path(folder)
    frames = {"runs": results.runs, "history": results.history()}
    if csv:
        types = {name: {str(column): _csv_type(frame[column]) for column in frame} for name, frame in frames.items()}
        files = {folder / f"{name}.csv": _csv_bytes(frame) for name, frame in frames.items()}
        files[folder / "columns.json"] = json.dumps({"format": FORMAT, **types}, indent=1).encode()
    else:
        files = {folder / f"{name}.parquet": _parquet_bytes(frame) for name, frame in frames.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_together(files)
    return list(files)


def read_export(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (runs, history) as they were exported to `folder`, exactly; StoreError if there is no export."""
    folder = Path(folder)
    if (folder / "runs.parquet").exists():
        return _read_parquet(folder / "runs.parquet"), _read_parquet(folder / "history.parquet")
    if (folder / "columns.json").exists():
        types = json.loads((folder / "columns.json").read_text())
        return _read_csv(folder / "runs.csv", types["runs"]), _read_csv(folder / "history.csv", types["history"])
    raise StoreError(f"{folder}: holds no export; make one: {to_type('export', 'SWEEP', '--out', folder)}")


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    coded = [str(name) for name in frame if frame[name].dtype == object]
    table = pyarrow.Table.from_pandas(
        frame.assign(**{name: _as_json(frame[name]) for name in coded}), preserve_index=False
    )
    metadata = {**(table.schema.metadata or {}), _JSON_COLUMNS: json.dumps(coded).encode()}
    buffer = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def _read_parquet(path: Path) -> pd.DataFrame:
    table = parquet.read_table(path)
    frame = with_texts(table.to_pandas())
    for name in json.loads(table.schema.metadata[_JSON_COLUMNS]):
        frame[name] = _from_json(frame[name].tolist())
    return frame


def _csv_bytes(frame: pd.DataFrame) -> bytes:
    coded = {str(name): _as_json(frame[name]) for name in frame if _csv_type(frame[name]).startswith("json")}
    headings = [spreadsheet_text(str(name)) for name in frame]
    text: str = frame.assign(**coded).to_csv(index=False, header=headings, lineterminator="\n")
    return text.encode()


def _csv_type(column: pd.Series[Any]) -> str:
    if column.dtype == object:
        return "json"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_string_dtype(column.dtype):
        texts = [text for text in column if isinstance(text, str)]
        mistakable = any(not text or not text.isprintable() or text.startswith(FORMULA_BEGINS) for text in texts)
        return "json str" if mistakable else "str"
    return str(column.dtype)


def _read_csv(path: Path, types: dict[str, str]) -> pd.DataFrame:
    # as texts first: a text "NA" is not a missing value, and Python's float() gives exactly the float that was printed
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    frame.columns = list(types)
    restore: dict[str, Callable[[list[Any]], Any]] = {
        "json": _from_json,
        "json str": lambda found: pd.Series([json.loads(text) if text else None for text in found], dtype=TEXT),
        "str": lambda found: pd.Series([text or None for text in found], dtype=TEXT),
        "float64": lambda found: pd.Series([float(text or "nan") for text in found], dtype="float64"),
        "int64": lambda found: pd.Series(list(map(int, found)), dtype="int64"),
        "bool": lambda found: pd.Series([text == "True" for text in found], dtype="bool"),
        "category": _as_categories,
    }
    for name, kind in types.items():
        frame[name] = restore[kind](frame[name].tolist())
    return frame


def _as_categories(found: list[Any]) -> Any:
    return pd.Categorical(found, categories=pd.Index(list(dict.fromkeys(found)), dtype=TEXT))


def _as_json(column: pd.Series[Any]) -> pd.Series[Any]:
    coded = [None if value is None or value is np.nan else json.dumps(value) for value in column.tolist()]
    return pd.Series(coded, dtype=TEXT, index=column.index)


def _from_json(found: list[Any]) -> pd.Series[Any]:
    column = np.empty(len(found), dtype=object)
    column[:] = [as_key(json.loads(text)) if isinstance(text, str) and text else None for text in found]
    return pd.Series(column, dtype=object)
