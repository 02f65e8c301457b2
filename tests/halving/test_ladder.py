"""What is decided from the results in a store, without any training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.errors import JobError
from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import setting_of
from hpcsweep.store import Store
from hpcsweep.store.aside import put_aside
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Trajectory
from tests.halving.made import publish, trajectories

EPOCHS = (1, 3)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    made = Store(tmp_path / "store")
    made.create()
    return made


def ladder(store: Store, several: Sequence[Trajectory], **given: Any) -> Ladder:
    """Return the rungs, a third of whose settings goes on by their loss."""
    section = {"metric": "loss", "direction": "min", "epochs": list(EPOCHS), "keep": 0.34}
    return Ladder(store, Rules.of(section | given), several)


def decisions(store: Store) -> Mapping[str, Any]:
    """Return what is decided, by its questions."""
    records = [json.loads(path.read_text()) for path in store.layout.decisions()]
    return {json.loads(one["key"].removeprefix("halving "))["question"]: one["decision"] for one in records}


def test_a_run_that_learnt_nothing_is_ranked_last_whatever_its_number(store: Store) -> None:
    """It exploded, collapsed, diverged: the decision says so, and keeps the number."""
    several = trajectories(4, EPOCHS)
    exploded, collapsed, diverged, sound = (one.runs[0] for one in several)
    publish(store, exploded, [1.0, 100.0, 0.1])
    publish(store, collapsed, [1.0, 0.2], confusion_matrix=np.array([[9, 0], [9, 0]]))
    publish(store, diverged, [1.0, 0.3], RunState.DIVERGED)
    publish(store, sound, [1.0, 0.9])
    ladder(store, several).look(decide=True)
    made = decisions(store)["rung 0"]
    ids = [setting_of(one) for one in several]
    assert made["ranked"] == [ids[3], ids[0], ids[1], ids[2]]
    assert made["lost"] == {ids[0]: ["exploded"], ids[1]: ["one class, collapsed"], ids[2]: ["diverged"]}
    assert made["values"] == {ids[0]: [0.1], ids[1]: [0.2], ids[2]: [None], ids[3]: [0.9]}


@pytest.mark.parametrize("order", ["rounds", "as ready"])
def test_nothing_is_decided_from_a_result_that_cannot_be_read(store: Store, order: str) -> None:
    """It would be ranked last for good."""
    several = trajectories(4, EPOCHS)
    for number, one in enumerate(several):
        publish(store, one.runs[0], [1.0, 0.5 + number])
    path = store.folder(several[0].id).result(several[0].runs[0].id)
    path.write_text(path.read_text().replace("0.5", "0.4"))
    with pytest.raises(JobError, match="does not match"):
        ladder(store, several, order=order).look(decide=True)
    assert store.layout.decisions() == []


def test_as_ready_each_number_is_written_down_once(store: Store) -> None:
    """So decisions stay small however many there are; whoever reads them knows the same."""
    several = trajectories(30, EPOCHS)
    for number, one in enumerate(several):
        publish(store, one.runs[0], [10.0, 1.0 + number])
        standing = ladder(store, several, order="as ready").look(decide=True)
    made = [one for question, one in decisions(store).items() if question.startswith("rung 0")]
    numbers = [setting for one in made for setting in one["values"]]
    assert sorted(numbers) == sorted({*numbers})
    assert len(made) == sum(standing.reached(setting_of(one)) == 1 for one in several) == 10
    assert ladder(store, several, order="as ready").look() == standing


def test_as_ready_what_rests_on_results_leaves_with_them(store: Store) -> None:
    """All of a sweep's decisions do, since each depends on those before it."""
    several = trajectories(9, EPOCHS)
    for number, one in enumerate(several):
        publish(store, one.runs[0], [10.0, 1.0 + number])
        ladder(store, several, order="as ready").look(decide=True)
    before = decisions(store)
    put_aside(store, [several[-1].id])
    assert decisions(store) == {}
    [aside] = store.layout.aside.iterdir()
    assert decisions(Store(aside)) == before
