"""Results: published once, hashes verified on read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from hpcsweep.errors import StoreError
from hpcsweep.store import Failure, Result, Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.results import publish_result, read_failure, read_result, write_failure
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.store.trajectory_folder import TrajectoryFolder

RUN = "ab" * 32


def result(loss: float = 0.5) -> Result:
    """Return a whole result that ends with a loss."""
    return Result(
        id=RUN,
        trajectory="0" * 64,
        job="jobs/x.py:train",
        seed=0,
        params={"layers": 2, "hidden": [8, 8], "rate": 0.1},
        outcome="done",
        epoch=2,
        metrics={"loss": loss},
        facts={"engine": "fit"},
        history={"epoch": np.arange(3), "loss": np.array([3.0, 2.0, loss])},
        arrays={"confusion_matrix": np.eye(3, dtype=np.int64)},
    )


def test_a_result_comes_back_bit_for_bit(folder: TrajectoryFolder) -> None:
    """What was published is read again: parameters, metrics, history and arrays, NaN and infinities too."""
    for loss in (0.1 + 0.2, math.nan, -math.inf):
        folder.result(RUN).unlink(missing_ok=True)
        assert publish_result(folder, result(loss), 1)
        read = read_result(folder, RUN)
        assert read.params == result().params
        assert np.array([read.metrics["loss"]]).tobytes() == np.array([loss]).tobytes()
        assert {k: v.tobytes() for k, v in read.history.items()} == {
            k: v.tobytes() for k, v in result(loss).history.items()
        }
        assert read.arrays["confusion_matrix"].dtype == np.int64


def test_the_first_result_wins(folder: TrajectoryFolder) -> None:
    """A second result of the same run is thrown away, and the first one stays whole."""
    assert publish_result(folder, result(1.0), 1)
    assert not publish_result(folder, result(2.0), 2)
    assert read_result(folder, RUN).metrics == {"loss": 1.0}
    assert read_result(folder, RUN).history["loss"][-1] == 1.0
    assert sum(name.endswith(".npz") for name in folder.names()) == 1


@pytest.mark.parametrize("kind", ["json", "npz", "npz gone", "torn json"])
def test_damage_is_seen_on_read(folder: TrajectoryFolder, kind: str) -> None:
    """A record or array file that was changed, torn or lost is an error that names the file to delete."""
    publish_result(folder, result(), 1)
    record, arrays = folder.result(RUN), folder.arrays(RUN, 1)
    if kind == "json":
        record.write_text(record.read_text().replace('"layers": 2', '"layers": 3'))
    elif kind == "torn json":
        record.write_text(record.read_text()[:50])
    elif kind == "npz":
        arrays.write_bytes(arrays.read_bytes().replace(b"\x00\x00\x00@", b"\x00\x00\x01@", 1))
    else:
        arrays.unlink()
    with pytest.raises(StoreError, match=f"rm .*run-{RUN}.json"):
        read_result(folder, RUN)


def test_a_store_of_another_format_is_refused(tmp_path: Path) -> None:
    """A store that a later version wrote is not touched."""
    (tmp_path / "store.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match="of format 99, written by a newer hpcsweep"):
        Store(tmp_path)


def test_what_a_later_release_adds_to_a_record_is_passed_over(folder: TrajectoryFolder) -> None:
    """A key that this release does not know hides nothing: not how an attempt failed, nor which arrays are queued."""
    write_failure(folder, failure := Failure("raised", "ValueError: no", "", 1, time=2.0))
    files = SlurmFiles(SubmissionFolder(folder.path))
    files.record(sent := SentArray("ab12", "toy.ab12", 3, 1.0, "submit", array="77"))
    for path in (folder.failed(1), files.path / "array-77.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"later": 1}))
    assert read_failure(folder, 1) == failure
    assert files.arrays() == [sent]


def test_reading_creates_nothing(tmp_path: Path) -> None:
    """Looking into a store that does not exist leaves no trace."""
    store = Store(tmp_path / "none")
    assert list(store.results()) == []
    assert store.states([]) == {}
    assert not (tmp_path / "none").exists()


def test_a_decision_is_taken_once(tmp_path: Path) -> None:
    """The first to decide decides for all that come later."""
    store = Store(tmp_path)
    store.create()
    assert store.decide("engine of a net", lambda: {"engine": "fit"}) == {"engine": "fit"}
    assert Store(tmp_path).decide("engine of a net", lambda: {"engine": "compiled"}) == {"engine": "fit"}
