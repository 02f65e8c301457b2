"""Benchmarks still run: what they measure is said by those who run them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY


@pytest.mark.training
def test_the_cost_of_provenance_is_measured_from_a_worker_at_work() -> None:
    """Small as can be, it trains by both engines, and finds that knowing by what runs were made costs something."""
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "provenance.py"), "--images", "640", "--epochs", "2"]
    ended = subprocess.run([*command, "--runs", "2", "--rounds", "1"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in ended.stdout.splitlines() if line.startswith(("compiled-xla ", "fit "))]
    assert [row[0] for row in rows] == ["compiled-xla", "fit"]
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)


@pytest.mark.training
@pytest.mark.parametrize(
    "measure",
    [
        "from measuring.timeline import Timeline; Timeline('wall')",
        "from measuring import where, spent; where.wrap_all(spent.Spent())",
        "from measuring import memory; memory.curve('compiled', 2)",
    ],
)
def test_what_benchmarks_wrap_is_there(measure: str) -> None:
    """They name functions of the package by text, which neither a linter nor a type checker follows."""
    folder = REPOSITORY / "benchmarks"
    ended = subprocess.run([sys.executable, "-c", measure], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
