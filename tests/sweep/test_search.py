"""The runs of suggested points: those of the same points in a grid, and a function of the file and the decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json
from hpcsweep.sweep.load import load_sweep
from hpcsweep.sweep.search import Search

JOB = """
def train(run, *, rate: float, width: int = 4, layers: list[int] = [1], depth: float = 1.0, epochs: int = 3):
    pass
"""
SPACE = """
[suggest]
metric = "loss"
trials = {trials}
per_round = 2
[suggest.space]
rate = {{ low = 1e-4, high = 1.0, log = true }}
width = {{ low = 1, high = 16 }}
layers = {{ choice = [[1], [1, 2]] }}
depth = {{ low = 1, high = 3, int = true }}
"""
ONCE = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
points = st.fixed_dictionaries(
    {
        "rate": st.floats(1e-4, 1.0),
        "width": st.integers(1, 16),
        "layers": st.sampled_from([[1], [1, 2]]),
        "depth": st.sampled_from([1.0, 2.0, 3.0]),
    }
)
several = st.lists(points, min_size=1, max_size=6, unique_by=canonical_json)


class Decisions:
    """What a store would hold: rounds of these sizes, each written down once it is asked for."""

    def __init__(self, points: Sequence[Mapping[str, Any]], per_round: int = 2) -> None:
        self._rounds = [list(points[at : at + per_round]) for at in range(0, len(points), per_round)]
        self._known: dict[str, Any] = {}

    def __call__(self, key: str) -> Mapping[str, Any] | None:
        """Return the decision of a key, the next one if it is new."""
        if key not in self._known:
            self._known[key] = {"points": self._rounds.pop(0)} if self._rounds else None
        return self._known[key]  # type: ignore[no-any-return]


def search(folder: Path, others: str = "", trials: int = 6) -> Search:
    """Return the search of a sweep file whose other sections are `others`."""
    sweep = load_sweep(write(folder, "s", others + SPACE.format(trials=trials)))
    assert sweep.search is not None
    assert sweep.runs == []
    return sweep.search


def write(folder: Path, name: str, text: str) -> Path:
    """Write a study with one job and a sweep file."""
    (folder / "jobs").mkdir(exist_ok=True)
    (folder / "jobs" / "j.py").write_text(JOB)
    path = folder / f"{name}.toml"
    path.write_text(f'name = "s"\njob = "jobs/j.py:train"\nrepeats = 2\n{text}')
    return path


@ONCE
@given(points=several)
def test_a_suggested_point_has_the_ids_of_the_same_point_in_a_grid(
    tmp_path: Path, points: list[dict[str, Any]]
) -> None:
    """So a result counts for both, and a search finds what was trained before."""
    found = search(tmp_path).runs(Decisions(points))
    cases = "".join(
        f"[[case]]\n{''.join(f'{name} = {json.dumps(value)}{chr(10)}' for name, value in one.items())}"
        for one in points
    )
    assert {run.id: run.params for run in found} == {
        run.id: run.params for run in load_sweep(write(tmp_path, "cases", cases)).runs
    }
    listed = {run.trajectory for run in load_sweep(write(tmp_path, "cases", cases)).runs}
    assert {run.trajectory for run in found} == listed


@ONCE
@given(points=several, fewer=st.integers(1, 5))
def test_more_trials_only_add(tmp_path: Path, points: list[dict[str, Any]], fewer: int) -> None:
    """With fewer trials, the runs are the first ones of those with more, and what was decided stays."""
    decisions = Decisions(points)
    many = search(tmp_path).runs(decisions)
    few = search(tmp_path, trials=fewer).runs(decisions)
    assert few == many[: len(few)]
    assert len(few) == 2 * min(fewer, len(points))
    assert search(tmp_path).runs(decisions) == many


def test_each_setting_of_the_other_parameters_is_searched_by_itself(tmp_path: Path) -> None:
    """Its rounds are decided under keys of their own; epochs and seeds belong to each point."""
    one = search(tmp_path, "[grid]\nepochs = [1, 3]\n")
    [rounds] = one.rounds(lambda key: None)
    assert (rounds.other.epochs, rounds.other.seeds) == ((1, 3), (0, 1))
    text = SPACE.replace("width = {{ low = 1, high = 16 }}\n", "")
    crossed = load_sweep(write(tmp_path, "g", "[grid]\nwidth = [2, 8]\n" + text.format(trials=6))).search
    assert crossed is not None
    two = crossed.rounds(lambda key: None)
    assert [beside.other.params["width"] for beside in two] == [2, 8]
    assert len({beside.key for beside in two}) == 2
    assert crossed.most_runs == 6 * 2 * 2


def test_a_manifest_holds_the_whole_search(tmp_path: Path) -> None:
    """What workers read in it gives the same runs."""
    whole = search(tmp_path, "[grid]\nepochs = [1, 3]\n")
    assert Search.of(json.loads(json.dumps(whole.to_json()))) == whole


def test_a_damaged_decision_is_told_of(tmp_path: Path) -> None:
    """In one line, rather than trained as something else."""
    with pytest.raises(StoreError, match="damaged: found points"):
        search(tmp_path).runs(lambda key: {"points": [{"rate": 0.1}]})
