"""Arrays in bytes are read as numpy.load reads them, and nothing is unpickled."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpcsweep.store.array_bytes import pack_arrays, pack_state, unpack_arrays, unpack_state

DTYPES = st.sampled_from(["<f8", "<i8", "|u1", "|b1", ">f4", "<U5", "<c16"])


@given(data=st.data(), names=st.lists(st.text("abc/_é", min_size=1, max_size=9), max_size=5, unique=True))
def test_every_array_is_read_as_numpy_reads_it(data: Any, names: list[str]) -> None:
    """Names, types, shapes and bytes are those that numpy.load gives, in both memory orders."""
    draw = hnp.arrays(data.draw(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
    made = {name: np.asfortranarray(data.draw(draw)) for name in names if name != "file"}
    buffer = io.BytesIO()
    np.savez(buffer, **dict[str, Any](made))
    found = unpack_arrays(buffer.getvalue())
    assert set(found) == set(made)
    for name, array in made.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_compressed_files_are_left_to_numpy() -> None:
    """A compressed npz is read too."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(5))
    assert unpack_arrays(buffer.getvalue())["a"].tolist() == [0, 1, 2, 3, 4]


def test_pickles_are_refused() -> None:
    """An array of Python objects is never unpickled."""
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        unpack_arrays(buffer.getvalue())


def test_what_a_job_gets_back_can_be_written_to() -> None:
    """The arrays of a restored state are the job's own to change; those of results are views of the file's bytes."""
    state = unpack_state(pack_state({"w": np.arange(3.0)}, generation=1, epoch=0))
    state["w"] += 1
    assert state["w"].tolist() == [1.0, 2.0, 3.0]
    assert not unpack_arrays(pack_arrays({"w": np.arange(3.0, dtype="|u1")}))["w"].flags.writeable
