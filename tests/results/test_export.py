"""Exported files read back exactly."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep import results
from hpcsweep.errors import StoreError
from hpcsweep.results.frames import Results, parameter_column
from hpcsweep.results.text import TEXT
from tests.made_results import MakeStore, Study, make_result

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=3))
SAMES = st.sampled_from([st.integers(-(2**63), 2**63 - 1), st.booleans(), TEXTS, VALUES])
FLOATS = st.floats(allow_nan=False, allow_infinity=True) | st.just(float("nan"))


@pytest.mark.parametrize("csv", [False, True])
@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=SAMES, rows=st.integers(1, 6))
def test_any_frame_reads_back_exactly(csv: bool, data: Any, kind: Any, rows: int) -> None:
    """Parameters of any kind, missing texts, NaN and infinities are the same after export and reading."""
    frame = pd.DataFrame(
        {
            "id": pd.Series([f"{n:064x}" for n in range(rows)], dtype=TEXT),
            "p": parameter_column(data.draw(st.lists(kind, min_size=rows, max_size=rows))),
            "cause": pd.Series(data.draw(st.lists(st.none() | TEXTS, min_size=rows, max_size=rows)), dtype=TEXT),
            "last_loss": pd.Series(data.draw(st.lists(FLOATS, min_size=rows, max_size=rows)), dtype="float64"),
        }
    )
    history = pd.DataFrame({"id": pd.Categorical(frame["id"]), "epoch": np.arange(rows), "loss": frame["last_loss"]})
    made = Results("made up", frame, ("p",), own={"state": "cause"}, read_history=lambda: history)
    with TemporaryDirectory() as folder:
        results.export(made, Path(folder), csv=csv)
        runs_back, history_back = results.read_export(folder)
    pd.testing.assert_frame_equal(runs_back, frame, check_exact=True)
    assert runs_back["last_loss"].to_numpy().tobytes() == frame["last_loss"].to_numpy().tobytes()
    pd.testing.assert_frame_equal(history_back, history, check_exact=True)


@pytest.mark.parametrize("csv", [False, True])
def test_a_sweep_reads_back_exactly(study: Study, csv: bool, tmp_path: Path) -> None:
    """The frames of a sweep, with runs not yet done, are the same after export and reading."""
    loaded = results.load(study.sweep)
    results.export(loaded, tmp_path / "out", csv=csv)
    runs_back, history_back = results.read_export(tmp_path / "out")
    pd.testing.assert_frame_equal(runs_back, loaded.runs, check_exact=True)
    pd.testing.assert_frame_equal(history_back, loaded.history(), check_exact=True)


def test_csv_is_readable_without_us(study: Study, tmp_path: Path) -> None:
    """Plain pandas reads the exported CSV, numbers and all."""
    results.export(results.load(study.sweep), tmp_path, csv=True)
    frame = pd.read_csv(tmp_path / "runs.csv")
    expected = results.runs(study.sweep)["last_loss"].dropna().tolist()
    assert frame["last_loss"].dropna().tolist() == pytest.approx(expected, rel=1e-15)
    assert frame["layers"].tolist() == results.runs(study.sweep)["layers"].tolist()


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    """Reading where nothing was exported is refused, with what to type."""
    with pytest.raises(StoreError, match="make one: hpcsweep export"):
        results.read_export(tmp_path)


@pytest.mark.parametrize("csv", [False, True])
def test_an_empty_store_is_exported_too(make_store: MakeStore, csv: bool, tmp_path: Path) -> None:
    """A store without results exports frames without rows, and they read back."""
    results.export(results.load(make_store([]).root), tmp_path, csv=csv)
    runs_back, history_back = results.read_export(tmp_path)
    assert (len(runs_back), len(history_back)) == (0, 0)


@pytest.mark.parametrize("csv", [False, True])
def test_an_interrupted_export_leaves_the_one_before(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, csv: bool
) -> None:
    """Stopped while any of its files is written, an export replaces none: they are all of one time."""
    out = tmp_path / "out"
    results.export(make_store([make_result({"a": 1})]).root, out, csv=csv)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    newer = results.load(make_store([make_result({"a": 1}), make_result({"a": 2})]).root)
    written, fsync = iter(range(len(before) - 1)), os.fsync

    def interrupted_at_the_last(file: int) -> None:
        if next(written, None) is None:
            raise KeyboardInterrupt
        fsync(file)

    monkeypatch.setattr("os.fsync", interrupted_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        results.export(newer, out, csv=csv)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
