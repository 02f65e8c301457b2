"""Finished runs as other tools take them: a name, parameters and history each, and folders replaced as a whole."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import MissingPackageError, UsageError
from hpcsweep.files import TEMPORARY_PREFIX
from hpcsweep.results.frames import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.store.states import FINISHED, RunState

MARK = ".hpcsweep-export"  # a folder with this file is an export, which the next one may replace
_WORDS = ("state", "notes", "tags")
_FACTS = (*_WORDS, "device", "engine", "backend", "commit", "host", "code_sha256", "data_sha256")


@dataclass(frozen=True)
class OutwardRun:
    """One finished run; `history` is {metric: [(epoch, value)]} without missing values, `final` what its job returned.

    `params` has the seed, too. `words` are state, notes and tags by the names of their columns, `facts` also where and
    by what it was made. Times are in seconds since 1970, or None.
    """

    id: str
    name: str
    params: dict[str, Any]
    history: dict[str, list[tuple[int, float]]]
    final: dict[str, float]
    facts: dict[str, str]
    words: dict[str, str]
    started_s: float | None
    ended_s: float | None
    has_failed: bool


def finished_runs(results: Results) -> Iterator[OutwardRun]:
    """Yield the runs that have a result, in the order of the frame."""
    history = results.history()
    rows_of = dict(iter(history.groupby("id", observed=True))) if len(history) else {}
    names = [name for name in results.varying() if name in results.parameters]
    for row in results.runs[results.in_state(*FINISHED)].to_dict(orient="records"):
        own = {ours: row[theirs] for ours, theirs in results.own.items()}
        settings = [f"{name}={key_text(row[name])}" for name in names]
        yield OutwardRun(
            id=own["id"],
            name=" ".join([*settings, f"seed={own['seed']}"]),
            params={**{name: row[name] for name in results.parameters}, results.own["seed"]: own["seed"]},
            history=_history(rows_of.get(own["id"])),
            final={name: float(row[name]) for name in results.returned if _is_number(row[name])},
            facts={name: str(own[name]) for name in _FACTS if isinstance(own.get(name), str)},
            words={results.own[name]: own[name] if isinstance(own[name], str) else "" for name in _WORDS},
            started_s=_seconds(own.get("started")),
            ended_s=_seconds(own.get("ended")),
            has_failed=own["state"] == RunState.DIVERGED,
        )


def _history(rows: pd.DataFrame | None) -> dict[str, list[tuple[int, float]]]:
    if rows is None:
        return {}
    epochs = rows["epoch"].astype(int).tolist()
    columns = {str(name): rows[name].tolist() for name in rows if name not in ("id", "epoch")}
    return {
        name: [(epoch, float(value)) for epoch, value in zip(epochs, values, strict=True)]
        for name, values in columns.items()
        if any(value == value for value in values)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not np.isnan(value)


def _seconds(text: Any) -> float | None:
    moment = pd.to_datetime(text, errors="coerce", utc=True) if isinstance(text, str) else pd.NaT
    return None if pd.isna(moment) else float(moment.timestamp())


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder to write to, which then takes the place of `folder`: nothing is ever there half.

    UsageError if `folder` holds anything but an earlier export.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        raise UsageError(f"{folder}: found something that is no export, expected a new folder or an earlier export")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = f"{TEMPORARY_PREFIX}{folder.name}-{secrets.token_hex(4)}"  # MLflow remembers databases by their paths
    new, old = folder.parent / f"{aside}-new", folder.parent / f"{aside}-old"
    new.mkdir()
    try:
        yield new
        (new / MARK).touch()
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        for rest in (new, old):
            shutil.rmtree(rest, ignore_errors=True)


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside what an extra of hpcsweep installs; MissingPackageError with the command if it is missing."""
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(
            f"{error}; expected what {extra} needs; type: pip install 'hpcsweep[{extra}]'"
        ) from error
