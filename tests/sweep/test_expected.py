"""Reading [[expected]]: which runs each entry means, what is refused, and that no run changes by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpcsweep.errors import SweepFileError
from hpcsweep.sweep.load import load_sweep
from tests.sweep.test_file import load, study

SPACE = 'repeats = 2\n[fixed]\nlayers = 2\n[vary]\noptimizer = ["adam", "sgd"]\n[across]\nepochs = [1, 5]\n'
VALUES = st.sampled_from(
    ["0.5", "1", "true", "nan", '"text"', "[]", "{}", "{epochs = 5}", "[{epochs = 5}, {epochs = 1}]"]
)
KEYS = st.sampled_from(["where", "value", "is", "tolerance", "better_than", "order", "source", "oder"])


def test_a_setting_is_the_base_with_what_differs(tmp_path: Path) -> None:
    """`where`, and over it each entry of `order`, change the base; each setting is its runs of all seeds."""
    entry = '[[expected]]\nwhere = {optimizer = "sgd"}\nvalue = "loss"\norder = [{epochs = 5}, {epochs = 1}]\n'
    sweep = load(tmp_path, SPACE + entry)
    (asked,) = sweep.expected
    by_id = {run.id: run for run in sweep.runs}
    for setting, epochs in zip(asked.settings, (5, 1), strict=True):
        meant = [by_id[run] for run in setting.runs]
        assert {run.seed for run in meant} == {0, 1}
        assert {(run.params["optimizer"], run.params["epochs"]) for run in meant} == {("sgd", epochs)}


def test_expectations_are_outside_the_identity_of_runs(tmp_path: Path) -> None:
    """A sweep has the same runs, with the same ids, whatever is expected of it."""
    entry = '[[expected]]\nwhere = {epochs = 5}\nvalue = "last_accuracy"\nis = 0.9\ntolerance = 0.1\n'
    assert [run.id for run in load(tmp_path, SPACE).runs] == [run.id for run in load(tmp_path, SPACE + entry).runs]


@given(keys=st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_entry_is_understood_or_refused_in_one_line(tmp_path: Path, keys: dict[str, str]) -> None:
    """Whatever stands in an entry, it is one whole expectation, or one line names it."""
    path = study(tmp_path, SPACE + "[[expected]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    refusal, asked = "", None
    try:
        (asked,) = load_sweep(path).expected
    except SweepFileError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert asked is not None or "expected #1" in refusal
    if asked is not None:
        assert len(asked.settings) == 1 if asked.number is not None else len(asked.settings) > 1
        assert ("tolerance" in keys) == (asked.tolerance is not None)
        assert all(len(setting.runs) == 2 for setting in asked.settings)


@pytest.mark.parametrize("epochs", [1, 5])
def test_what_is_open_must_be_named(tmp_path: Path, epochs: int) -> None:
    """A setting that [grid] or [across] leaves open is refused, with what would make it one."""
    entry = '[[expected]]\nvalue = "loss"\nbetter_than = 0.5\n'
    with pytest.raises(SweepFileError, match=r"expected #1\.where: found 2 settings, expected .* epochs = 1 as well"):
        load(tmp_path, SPACE + entry)
    assert load(tmp_path, SPACE + entry + f"where = {{epochs = {epochs}}}\n").expected
