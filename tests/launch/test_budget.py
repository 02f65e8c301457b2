"""A budget: what a submission may use, from what was measured; too much, or what can never end, is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsweep.errors import UsageError
from hpcsweep.launch.budget import Budget
from hpcsweep.launch.cost import Span
from hpcsweep.launch.prediction import Prediction

HOUR_S = 3600.0
TRAINING = Span(4 * HOUR_S, 8 * HOUR_S, 16 * HOUR_S)
LONGEST = Span(1 * HOUR_S, 2 * HOUR_S, 4 * HOUR_S)
MEASURED = Prediction(TRAINING, LONGEST, trajectories=10, measured=6, gpus=2, keeps=True)
BUDGET = Budget(MEASURED, workers=4, gpus=2, at_once=1, wall_s=24 * HOUR_S)


def _of(wall_h: float, keeps: bool | None) -> Budget:
    return replace(BUDGET, wall_s=wall_h * HOUR_S, prediction=replace(MEASURED, keeps=keeps))


def test_hours_are_those_of_all_gpus_and_of_the_longest_trajectory() -> None:
    """Two GPUs count twice; four workers take a quarter of the time, but no less than one trajectory."""
    assert BUDGET.hours == Span(8, 16, 32)
    assert BUDGET.wall_hours == Span(1, 2, 4)
    assert replace(BUDGET, workers=20).wall_hours == Span(1, 2, 4)
    assert replace(BUDGET, workers=1).wall_hours == Span(4, 8, 16)
    assert replace(BUDGET, at_once=4).hours == Span(2, 4, 8)
    assert list(BUDGET.lines()) == [
        "budget: 16 (8 to 32) GPU-hours, 2 (1 to 4) wall hours with 4 worker(s), from 6 measured runs"
    ]


def test_what_may_use_more_than_is_allowed_is_refused() -> None:
    """The largest number that was predicted counts; where nothing is measured, nothing can be promised."""
    BUDGET.refuse(None)
    BUDGET.refuse(32)
    with pytest.raises(UsageError, match="may need 32"):
        BUDGET.refuse(31)
    with pytest.raises(UsageError, match="nothing is measured yet"):
        replace(BUDGET, prediction=replace(MEASURED, measured=0)).refuse(1000)
    replace(BUDGET, gpus=0).refuse(0)


def test_what_can_never_end_is_refused_and_what_goes_on_is_counted() -> None:
    """Without checkpoints a run must fit into its wall time; with them it takes several allocations."""
    with pytest.raises(UsageError, match="can never end"):
        _of(0.5, keeps=False).refuse(None)
    _of(1.5, keeps=False).refuse(None)  # it may be shorter than that
    assert (
        "WARNING: a trajectory of 1:00:00 to 4:00:00 may not end within 1:30:00"
        in list(_of(1.5, keeps=False).lines())[1]
    )
    assert "may not end within 3:00:00" in list(_of(3, keeps=False).lines())[1]  # longer than is likely
    assert "cannot end within 0:30:00" in list(_of(0.5, keeps=False).lines())[1]
    assert len(list(_of(4, keeps=False).lines())) == len(list(_of(2, keeps=True).lines())) == 1
    _of(0.5, keeps=True).refuse(None)
    assert "in 2 to 8 allocations" in list(_of(0.5, keeps=True).lines())[1]
    assert "if its job keeps checkpoints" in list(_of(0.5, keeps=None).lines())[1]


def test_before_anything_is_measured_only_the_allocations_are_known() -> None:
    """Then the budget is that of the first allocations, and says so."""
    (line,) = replace(BUDGET, prediction=replace(MEASURED, measured=0)).lines()
    assert "nothing is measured yet" in line
    assert "up to 192 GPU-hours (4 worker(s), 24:00:00 each)" in line
