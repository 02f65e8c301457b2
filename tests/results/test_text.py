"""Columns of texts are of one type, whatever the release of pandas."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hpcsweep import results
from hpcsweep.results.text import TEXT
from tests.conftest import ENVIRONMENT, REPOSITORY
from tests.made_results import Study


@pytest.mark.parametrize("times", [1, 2])
def test_a_missing_text_is_missing(study: Study, tmp_path: Path, times: int) -> None:
    """What nobody says, such as the commit of a run to come, is NaN and never the word "None", in the cache too."""
    for _ in range(times):
        loaded = results.load(study.sweep)
    texts = [name for name, column in loaded.runs.items() if column.dtype == TEXT]
    assert {"id", "state", "cause", "commit", "device"} <= set(texts)
    assert loaded.runs["commit"].isna().sum() == (loaded.runs["state"] != "done").sum() > 0
    values = loaded.runs[texts].to_numpy().ravel().tolist()
    assert {type(value) for value in values if not pd.isna(value)} == {str}
    assert not {"None", "nan", "<NA>"} & set(values)
    results.export(loaded, tmp_path / "out", csv=True)
    first = (tmp_path / "out" / "runs.csv").read_text().splitlines()[1]
    assert first.startswith(f"{loaded.runs['id'][0]},{loaded.runs['state'][0]},")


def test_a_pyarrow_that_cannot_be_used_is_told_in_one_line(study: Study, tmp_path: Path) -> None:
    """Where pyarrow and NumPy do not go together, the line says what to install."""
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ImportError('pyarrow requires NumPy 2.0 or newer')\n")
    command = [sys.executable, "-c", "from hpcsweep.cli import main; main()", "table", str(study.sweep)]
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    ended = subprocess.run(command, env={**ENVIRONMENT, "PYTHONPATH": path}, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        "hpcsweep: pyarrow requires NumPy 2.0 or newer; expected one that works here; type: pip install 'pyarrow<26'\n"
    )
