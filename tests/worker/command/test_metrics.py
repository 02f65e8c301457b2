"""The metrics of programs: read as they come from what the program writes anyway."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import JobError
from hpcsweep.worker.command.metrics import CsvFile, JsonLines, Patterns, Row, drop_half_line

MNIST = [
    r"Train Epoch: (?P<epoch>\d+) .*Loss: (?P<loss>[\d.]+)",
    r"Average loss: (?P<val_loss>[\d.]+), Accuracy: .*\((?P<val_accuracy>\d+)%",
]


def merged(rows: Iterable[Row]) -> dict[float, Row]:
    """Return the last values of each epoch."""
    epochs: dict[float, Row] = {}
    for row in rows:
        epochs.setdefault(row["epoch"], {}).update({name: value for name, value in row.items() if name != "epoch"})
    return epochs


def test_json_lines_come_when_they_are_whole(tmp_path: Path) -> None:
    """Half a line is left for the next look, and read when the program has ended without a line end."""
    path = tmp_path / "m.jsonl"
    source = JsonLines(path)
    assert list(source.new_rows(ended=False)) == []
    path.write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "lo')
    assert list(source.new_rows(ended=False)) == [{"epoch": 1.0, "loss": 0.5}]
    path.write_text(path.read_text() + 'ss": 0.25, "skipped": null}')
    assert list(source.new_rows(ended=False)) == []
    assert list(source.new_rows(ended=True)) == [{"epoch": 2.0, "loss": 0.25}]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    """A program that opens its file for writing again loses nothing."""
    path = tmp_path / "m.jsonl"
    source = JsonLines(path)
    path.write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.25}\n')
    assert len(list(source.new_rows(ended=False))) == 2
    path.write_text('{"epoch": 3, "loss": 0.1}\n')
    assert list(source.new_rows(ended=False)) == [{"epoch": 3.0, "loss": 0.1}]


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", '{"loss": "low"}', '{"loss": "0.5"}', '{"loss": {"a": 1}}'])
def test_a_line_that_is_no_object_of_numbers_is_refused(tmp_path: Path, line: str) -> None:
    """A metrics file of another form is an error of the run, not a silent gap."""
    (tmp_path / "m.jsonl").write_text(line + "\n")
    with pytest.raises(JobError, match="expected an object of numbers"):
        list(JsonLines(tmp_path / "m.jsonl").new_rows(ended=True))


def test_a_csv_of_two_rows_per_epoch_is_one_epoch(tmp_path: Path) -> None:
    """Lightning writes training and validation in lines of their own; a header that is written again is skipped."""
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss,val_loss\n0,0.9,\n0,,0.8\nepoch,loss,val_loss\n1,0.5,\n1,,0.4\n")
    assert merged(CsvFile(path).new_rows(ended=True)) == {
        0: {"loss": 0.9, "val_loss": 0.8},
        1: {"loss": 0.5, "val_loss": 0.4},
    }


def test_a_csv_that_gains_a_column_is_read_as_a_whole(tmp_path: Path) -> None:
    """A logger writes its file anew when a metric is added; half a line is no row until the program has ended."""
    path = tmp_path / "metrics.csv"
    source = CsvFile(path)
    path.write_text("epoch,loss\n1,0.9\n2,0.")
    assert merged(source.new_rows(ended=False)) == {1: {"loss": 0.9}}
    path.write_text("epoch,loss,val_loss\n1,0.9,\n2,0.5,0.6")
    assert merged(source.new_rows(ended=True)) == {1: {"loss": 0.9}, 2: {"loss": 0.5, "val_loss": 0.6}}


def test_a_csv_line_without_its_epoch_is_about_a_step(tmp_path: Path) -> None:
    """What Lightning logs per step of the validation has no epoch, and belongs to none."""
    (tmp_path / "m.csv").write_text("epoch,step,val_loss,val_loss_step\n,0,,0.9\n,1,,0.7\n0,1,0.8,\n")
    assert merged(CsvFile(tmp_path / "m.csv").new_rows(ended=True)) == {0: {"val_loss": 0.8}}


def test_a_csv_without_epochs_has_one_per_line(tmp_path: Path) -> None:
    """Lines are counted from 1."""
    (tmp_path / "m.csv").write_text("loss\n0.9\n0.5\n")
    assert merged(CsvFile(tmp_path / "m.csv").new_rows(ended=True)) == {1: {"loss": 0.9}, 2: {"loss": 0.5}}


def test_patterns_read_what_programs_print() -> None:
    """The last match of an epoch counts, and what has no epoch belongs to the one that was named last."""
    patterns = Patterns(MNIST)
    for epoch in (1, 2):
        patterns.feed(f"Train Epoch: {epoch} [0/60000 (0%)]\tLoss: 2.{epoch}")
        patterns.feed(f"Train Epoch: {epoch} [59000/60000 (98%)]\tLoss: 0.{epoch}")
        patterns.feed(f"Test set: Average loss: 0.0{epoch}, Accuracy: 9{epoch}00/10000 (9{epoch}%)")
    assert merged(patterns.new_rows(ended=True)) == {
        1: {"loss": 0.1, "val_loss": 0.01, "val_accuracy": 91.0},
        2: {"loss": 0.2, "val_loss": 0.02, "val_accuracy": 92.0},
    }


def test_without_an_epoch_each_match_of_the_first_pattern_is_one() -> None:
    """A program that only prints its score once per epoch has a history, too."""
    patterns = Patterns([r"loss (?P<loss>[\d.]+)", r"acc (?P<acc>[\d.]+)"])
    for line in ("loss 0.9", "acc 0.1", "loss 0.8", "acc 0.2"):
        patterns.feed(line)
    assert merged(patterns.new_rows(ended=True)) == {1: {"loss": 0.9, "acc": 0.1}, 2: {"loss": 0.8, "acc": 0.2}}


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc"), st.integers(0, 9)), max_size=30), st.integers(0, 400)
)
def test_a_cut_file_gives_what_was_whole(rows: list[tuple[int, str, int]], cut: int) -> None:
    """Whatever byte a program is killed at, the lines that were whole are read again, and no other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        lines = [json.dumps({"epoch": epoch, name: value}) + "\n" for epoch, name, value in rows]
        path.write_text("".join(lines)[:cut])
        whole = "".join(lines)[:cut].count("\n")
        drop_half_line(path)
        assert len(list(JsonLines(path).new_rows(ended=True))) == whole
