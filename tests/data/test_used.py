"""Which data a run used, recorded by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hpcsweep.data import Data, digits, load
from hpcsweep.data.used import TRAINED_ON, entry_of, note, noting
from hpcsweep.errors import DataError, UsageError


def small() -> Data:
    """Return a data set of four and two examples."""
    return Data(np.arange(8.0).reshape(4, 2), np.arange(4.0), np.ones((2, 2)), np.ones(2), name="small")


def test_load_and_what_is_trained_on_note_themselves() -> None:
    """`load` notes the set under its name; training on the same content adds nothing, on a part of it another entry."""
    noted: dict[str, Any] = {}
    with noting(noted):
        data = load("digits")
        note(TRAINED_ON, data.flat())
        assert set(noted) == {"digits"}
        note(TRAINED_ON, data.limited(train=100))
    assert noted["digits"]["examples"]["x"] == len(digits().x)
    assert noted[TRAINED_ON]["examples"]["x"] == 100
    load("digits")
    assert len(noted) == 2


@given(arrays(np.uint8, array_shapes(max_dims=3, max_side=4)), st.integers(0, 255))
def test_the_digest_is_of_content(array: np.ndarray[Any, Any], change: int) -> None:
    """Equal content has one digest, in any memory order; any other number has another."""
    before = entry_of(array)["sha256"]
    assert entry_of(np.asfortranarray(array))["sha256"] == before
    other = array.copy()
    other.flat[0] = change
    assert (entry_of(other)["sha256"] == before) == (change == array.flat[0])


def test_memory_that_can_be_written_to_is_digested_anew() -> None:
    """A data set around an array that the job goes on changing is not taken for what it was."""
    x = np.zeros((4, 2))
    data = Data(x, np.zeros(4), np.ones((2, 2)), np.ones(2))
    before = entry_of(data)["sha256"]
    x[0, 0] = 1.0
    assert entry_of(data)["sha256"] != before
    assert entry_of(small())["sha256"] == entry_of(small())["sha256"]


def test_files_and_folders_are_used_by_their_bytes(tmp_path: Path) -> None:
    """A folder's digest is of all files in it under their names; one that is missing is an error in words."""
    (tmp_path / "a").write_text("1")
    before = entry_of(tmp_path)["sha256"]
    (tmp_path / "a").rename(tmp_path / "b")
    assert entry_of(str(tmp_path))["sha256"] != before
    with pytest.raises(DataError, match="cannot be read"):
        entry_of(tmp_path / "none")
    with pytest.raises(UsageError, match="expected a path, Data or arrays of numbers"):
        entry_of(object())
