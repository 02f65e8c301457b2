"""The history of a run: what was logged, apart from what was not."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import UsageError
from hpcsweep.worker.run.history import History

numbers = st.floats(allow_nan=True, allow_infinity=True)
rows = st.lists(st.dictionaries(st.sampled_from(["loss", "val_loss", "auc"]), numbers), min_size=1, max_size=6)


def logged(epochs: list[dict[str, float]]) -> History:
    """Return the history of a run that logged these metrics, from epoch 0 on."""
    history = History()
    for epoch, metrics in enumerate(epochs):
        history.append(epoch, metrics, float(epoch))
    return history


@given(epochs=rows, cut=st.integers(0, 6))
def test_a_history_that_was_kept_goes_on_as_if_it_was_not(epochs: list[dict[str, float]], cut: int) -> None:
    """Kept after any epoch and gone on with, a history has the same columns, last values and verdict on divergence."""
    whole, kept = logged(epochs), logged(epochs[:cut])
    again = History.from_columns(kept.columns(), kept.marks)
    for epoch, metrics in list(enumerate(epochs))[cut:]:
        again.append(epoch, {**metrics, "seconds": 1.0 if epoch else 0.0}, float(epoch))
    assert repr(again.as_lists()) == repr(whole.as_lists())
    assert repr(again.last_values()) == repr(whole.last_values())
    assert again.diverged == whole.diverged


@given(epochs=rows)
def test_only_a_loss_that_was_logged_diverges(epochs: list[dict[str, float]]) -> None:
    """A loss of NaN or infinity is divergence; that an epoch has none, or another metric is NaN, is not."""
    losses = [value for metrics in epochs for name, value in metrics.items() if name != "auc"]
    assert logged(epochs).diverged == (not all(map(math.isfinite, losses)))


def test_the_last_value_is_the_last_that_was_logged() -> None:
    """A metric that is logged every second epoch has its last value, and one that ended in NaN has NaN."""
    history = logged([{"loss": 3.0}, {"loss": 2.0, "val_loss": 2.5, "auc": 0.5}, {"loss": 1.0, "auc": math.nan}])
    assert {name: str(value) for name, value in history.last_values().items() if name != "seconds"} == {
        "loss": "1.0",
        "val_loss": "2.5",
        "auc": "nan",
    }


def test_a_history_is_read_without_copying_it() -> None:
    """What a job reads is what is kept: it grows with each epoch that is logged, however long it is."""
    history = logged([{"loss": 3.0}])
    seen = history.as_lists()["loss"]
    history.append(1, {"loss": 2.0}, 1.0)
    assert seen == [3.0, 2.0]
    assert seen is history.as_lists()["loss"]


@pytest.mark.parametrize(
    "change",
    [
        lambda column: column.append(1.0),
        lambda column: column.clear(),
        lambda column: column.sort(),
        lambda column: column.__setitem__(0, 1.0),
        lambda column: column.__delitem__(0),
        lambda column: column.__iadd__([1.0]),
        lambda column: column.__imul__(2),
    ],
)
def test_a_job_cannot_change_what_was_logged(change: Callable[[list[float]], object]) -> None:
    """A column refuses to be changed, in one line, and its copies are plain lists that can be."""
    history = logged([{"loss": 3.0}])
    column = history.as_lists()["loss"]
    with pytest.raises(UsageError, match="expected that it is only read"):
        change(column)
    assert history.as_lists()["loss"] == [3.0]
    for copied in (list(column), column[:], [*column], copy.deepcopy(column), pickle.loads(pickle.dumps(column))):
        assert type(copied) is list
        change(copied)
