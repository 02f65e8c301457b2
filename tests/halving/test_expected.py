"""What a sweep with [halving] will cost, before and while it is decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.halving.expected import expected_epochs, most_epochs
from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.rules import Rules
from hpcsweep.store import Store
from tests.conftest import Study
from tests.halving.made import publish, trajectories

RUNGS = (1, 3, 9)


def ladder(store: Path, count: int, **given: Any) -> Ladder:
    """Return the rungs of so many settings of one seed."""
    section = {"metric": "loss", "direction": "min", "epochs": list(RUNGS), **({"keep": 0.34} | given)}
    return Ladder(Store(store), Rules.of(section), trajectories(count, RUNGS))


@given(count=st.integers(1, 40), keep=st.floats(0.05, 0.95), at_least=st.integers(1, 5), audit=st.integers(0, 5))
def test_before_the_start_the_mean_is_what_the_rules_say(count: int, keep: float, at_least: int, audit: int) -> None:
    """All settings have the same chance, and together they are trained for what the rungs come to."""
    made = ladder(Path("nowhere"), count, keep=keep, at_least=at_least, audit=audit)
    standing = made.look()
    second = made.rules.go_on(0, count)
    third = made.rules.go_on(1, second)
    likely = expected_epochs(made, standing)
    assert len({round(one, 9) for one in likely.values()}) == 1
    audited = min(audit, count - third) / max(count - third, 1)
    stopped = audited * ((count - second) * 8 + (second - third) * 6)
    assert sum(likely.values()) == pytest.approx(count + second * 2 + third * 6 + stopped)
    most = most_epochs(made, standing, made.settings)
    assert sum(most.values()) >= sum(likely.values()) - 1e-9
    assert list(most.values()) == sorted(most.values(), reverse=True)


@pytest.mark.parametrize("audit", [0, 2])
def test_what_is_predicted_is_never_less_than_what_is_trained(tmp_path: Path, audit: int) -> None:
    """At each step of a sweep, the most that it can cost bounds what it costs in the end, which both come to."""
    store = Store(tmp_path)
    store.create()
    made, bounds = ladder(tmp_path, 9, audit=audit), []
    for rung in range(len(RUNGS)):
        standing = made.look(decide=True)
        bounds.append(sum(most_epochs(made, standing, made.settings).values()))
        assert sum(expected_epochs(made, standing).values()) <= bounds[-1] + 1e-9
        for number, one in enumerate(trajectories(9, RUNGS)):
            if made.look().admitted(one) > rung:
                publish(store, one.runs[rung], [20.0, 1.0 + number])
    standing = made.look(decide=True)
    assert standing.over
    trained = sum(RUNGS[rung] for rung in standing.highest.values())
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] >= trained == sum(expected_epochs(made, standing).values()) >= 9 + 3 * 2 + 6


def test_plan_predicts_the_time_of_the_halved_sweep(study: Study) -> None:
    """From what an epoch is guessed or measured to take, and the most that it can be, in place of the full grid's."""
    study.job("j", "def train(run, *, rate: float, epochs: int):\n    run.checkpoint({'epoch': epochs})\n")
    grid = 'name = "h"\njob = "jobs/j.py:train"\n[grid]\nrate = [0.1, 0.2, 0.3, 0.4]\n'
    sweep = study.sweep("h", grid + '[halving]\nmetric = "loss"\nepochs = [10, 30, 110]\nkeep = 0.5\n')
    said = study.run("plan", sweep).stdout
    assert "predicted training time 0:02:40 in all" in said  # 4 x 10 + 2 x 20 + 1 x 80 s
    assert "; at most 0:02:40 in all, if the dearest settings go on" in said
    assert "full grid (2.8 times less)" in said
