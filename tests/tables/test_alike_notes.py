"""A job that takes no seed, ignores a parameter or tells no number is noticed under the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Study, make_study

SCORES = {
    "all": "a * 10 + seed + b",
    "no seed": "a * 10 + b",
    "no b": "a * 10 + seed",
    "nothing": "",
}


def table_of(study: Study, score: str) -> str:
    """Return what is printed under the table of a command that has this score."""
    prints = f'print("score =", {score})' if score else "pass"
    study.job("score", f"import sys\na, b, seed = map(int, sys.argv[1:])\n{prints}\n")
    path = study.sweep("s", 'name = "s"\ncommand = ["python3", "jobs/score.py", "{a}", "{b}", "{seed}"]\nrepeats = 2\n'
        "[grid]\na = [1, 2]\nb = [3, 4]\n[command_options]\npatterns = ['score = (?P<score>[0-9]+)']\n")  # fmt: skip
    ended = study.run("run", path, "--quiet")
    assert ended.returncode == 0, ended.stderr
    table = study.run("table", path)
    return f"{ended.stdout}{ended.stderr}{table.stdout}{table.stderr}"


@pytest.mark.parametrize(
    ("score", "said", "unsaid"),
    [
        ("all", "", "seems not to use"),
        ("no seed", "with other seeds the numbers stay the same, in 4 of 4 points", "values of"),
        ("no b", "with other values of b all numbers stay the same", "other seeds"),
        ("nothing", "8 of 8 finished runs have no metric at all", "seems not to use"),
    ],
)
def test_what_a_job_ignores_is_said(tmp_path: Path, score: str, said: str, unsaid: str) -> None:
    """Each is said in words where it is so, and only there."""
    told = table_of(make_study(tmp_path), SCORES[score])
    assert said in told
    assert unsaid not in told
