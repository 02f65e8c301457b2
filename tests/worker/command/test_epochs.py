"""The epochs of a program: put together from all sources, in order, each once, across attempts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import JobError
from hpcsweep.worker.command.epochs import Epochs
from hpcsweep.worker.command.metrics import Row


def bare(epochs: list[tuple[int, Row]]) -> dict[int, Row]:
    """Return epochs without their seconds, which are measured."""
    return {epoch: {name: value for name, value in row.items() if name != "seconds"} for epoch, row in epochs}


def test_an_epoch_is_given_once_another_follows(tmp_path: Path) -> None:
    """The newest epoch may still get metrics, until the program has ended."""
    epochs = Epochs(tmp_path / "j", None)
    epochs.add([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.4}])
    anew, new = epochs.new(ended=False)
    assert (anew, bare(new)) == (False, {1: {"loss": 0.5}})
    assert epochs.new(ended=False) == (False, [])
    assert bare(epochs.new(ended=True)[1]) == {2: {"loss": 0.4}}


@pytest.mark.parametrize("late", [{"epoch": 1, "val_loss": 0.6}, {"epoch": 0, "loss": 0.9}])
def test_what_comes_late_is_a_reason_to_log_anew(tmp_path: Path, late: Row) -> None:
    """A slower source may add to an epoch that was given, or an earlier one may come out of order."""
    epochs = Epochs(tmp_path / "j", 1)
    epochs.add([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.4}])
    epochs.new(ended=False)
    epochs.add([late])
    anew, new = epochs.new(ended=True)
    assert anew
    assert [epoch for epoch, _ in new] == sorted({0, 1, 2} if late["epoch"] == 0 else {1, 2})


@pytest.mark.parametrize(("first", "expected"), [(None, [1, 2]), (0, [1, 2]), (1, [0, 1])])
def test_programs_that_count_from_0_have_their_first_epoch_as_1(
    tmp_path: Path, first: int | None, expected: list[int]
) -> None:
    """Epoch 0 of a history is the fresh model, which no summary counts; `first_epoch = 1` says that it is."""
    epochs = Epochs(tmp_path / "j", first)
    epochs.add([{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.4}])
    assert [epoch for epoch, _ in epochs.new(ended=True)[1]] == expected


def test_rows_without_epochs_are_counted_by_what_they_repeat(tmp_path: Path) -> None:
    """Two lines that name different metrics are one epoch; a metric that comes again begins the next."""
    epochs = Epochs(tmp_path / "j", None)
    epochs.add([{"loss": 0.5}, {"val_loss": 0.6}, {"loss": 0.4}])
    assert bare(epochs.new(ended=True)[1]) == {1: {"loss": 0.5, "val_loss": 0.6}, 2: {"loss": 0.4}}
    with pytest.raises(JobError, match="expected all with one"):
        epochs.add([{"epoch": 3.0, "loss": 0.1}])


@pytest.mark.parametrize("epoch", [0.5, -1.0, float("nan"), float("inf")])
def test_an_epoch_that_is_no_whole_number_is_refused(tmp_path: Path, epoch: float) -> None:
    """Nothing is rounded in silence."""
    with pytest.raises(JobError, match="expected a whole number"):
        Epochs(tmp_path / "j", None).add([{"epoch": epoch, "loss": 0.5}])


def test_counted_epochs_are_not_continued(tmp_path: Path) -> None:
    """Nobody knows which epoch a program means that goes on and does not say it."""
    Epochs(tmp_path / "j", None).add([{"loss": 0.5}, {"loss": 0.4}])
    with pytest.raises(JobError, match="after a stop"):
        Epochs(tmp_path / "j", None).add([{"loss": 0.3}])


ROWS = st.lists(
    st.fixed_dictionaries(
        {"epoch": st.integers(0, 9).map(float)},
        optional={name: st.floats(allow_nan=True) for name in ("loss", "val_loss")},
    ),
    max_size=30,
)


@given(ROWS, st.integers(0, 30), st.booleans())
def test_a_stop_anywhere_changes_nothing(rows: list[Row], cut: int, repeats: bool) -> None:
    """An attempt that goes on has the history of one that was never stopped, even if it says some of it again."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Epochs(Path(folder) / "whole", None)
        whole.add(map(dict, rows))
        first = Epochs(Path(folder) / "cut", None)
        first.add(map(dict, rows[:cut]))
        first.new(ended=False)
        second = Epochs(Path(folder) / "cut", None)
        second.add(map(dict, rows if repeats else rows[cut:]))
        assert repr(bare(second.new(ended=True)[1])) == repr(bare(whole.new(ended=True)[1]))
