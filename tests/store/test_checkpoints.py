"""Checkpoints: whole generations, the two newest kept, damage seen."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpcsweep.errors import UsageError
from hpcsweep.store.array_bytes import pack_state, unpack_state
from hpcsweep.store.checkpoints import drop_checkpoints, list_checkpoints, read_newest_checkpoint, write_checkpoint
from hpcsweep.store.trajectory_folder import TrajectoryFolder

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
dtypes = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_])
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
states = st.recursive(
    leaves | arrays, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def same(left: object, right: object) -> bool:
    """Whether two states are equal in types, shapes and bits."""
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and (left.tobytes() == right.tobytes())
        )
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@given(states)
def test_a_state_comes_back_as_it_was_given(state: object) -> None:
    """Any nested state of plain values and arrays is restored with its types, shapes and bits."""
    assert same(state, unpack_state(pack_state(state, generation=1, epoch=3)))


@given(st.data())
def test_any_changed_or_missing_byte_is_seen(data: st.DataObject) -> None:
    """A checkpoint with one byte changed, or cut short anywhere, is never taken for an intact one."""
    packed = bytearray(pack_state({"weights": np.arange(5.0)}, generation=1, epoch=1))
    at = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed = packed[:at]
    else:
        packed[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        state = unpack_state(bytes(packed))
    except OSError:
        return
    assert state["weights"].tolist() == [0, 1, 2, 3, 4]  # only the header's spaces and unused fields may change


def test_two_newest_checkpoints_are_kept(folder: TrajectoryFolder) -> None:
    """Of many checkpoints the two newest remain."""
    for epoch in range(5):
        write_checkpoint(folder, 1, epoch, {"epoch": epoch})
    assert [checkpoint.epoch for checkpoint in list_checkpoints(folder.names())] == [3, 4]


def test_a_torn_newest_checkpoint_gives_way_to_the_one_before(folder: TrajectoryFolder) -> None:
    """When the newest checkpoint is cut short, the older one is used and the damage is said."""
    for epoch in (1, 2):
        write_checkpoint(folder, 1, epoch, {"epoch": epoch})
    newest = folder.checkpoint(1, 2, 2)
    newest.write_bytes(newest.read_bytes()[:-7])
    state, warnings = read_newest_checkpoint(folder)
    assert state == {"epoch": 1}
    assert len(warnings) == 1
    assert newest.name in warnings[0]


def test_a_later_owner_is_newer_whatever_was_written_last(folder: TrajectoryFolder) -> None:
    """A checkpoint that a late twin of an old owner writes does not hide its successor's."""
    write_checkpoint(folder, 2, 5, "successor")
    write_checkpoint(folder, 1, 9, "twin")
    assert read_newest_checkpoint(folder)[0] == "successor"


def test_a_checkpoint_beyond_the_run_is_not_used(folder: TrajectoryFolder) -> None:
    """A run of 10 epochs is not continued from the state of a longer run of its trajectory."""
    write_checkpoint(folder, 1, 50, "too far")
    assert read_newest_checkpoint(folder, max_epoch=10)[0] is None


def test_the_furthest_checkpoint_outlives_a_shorter_run(folder: TrajectoryFolder) -> None:
    """Training a shorter run afterwards does not throw away where a longer one may go on."""
    write_checkpoint(folder, 1, 50, "far")
    for epoch in range(1, 6):
        write_checkpoint(folder, 2, epoch, epoch)
    assert [checkpoint.epoch for checkpoint in list_checkpoints(folder.names())] == [50, 4, 5]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 30)), max_size=6, unique_by=lambda c: c[:2]
    ),
    st.integers(1, 3),
    st.none() | st.integers(0, 30),
    st.booleans(),
)
def test_only_what_nobody_needs_is_dropped(
    made: list[tuple[int, int, int]], generation: int, epochs: int | None, keeps_last: bool
) -> None:
    """Of others' and of longer runs nothing goes; of the rest the newest and the furthest stay, or none."""
    with TemporaryDirectory() as name:
        folder = TrajectoryFolder(Path(name))
        for one in made:
            folder.checkpoint(*one).write_bytes(b"")
        drop_checkpoints(folder, generation, epochs, keeps_last=keeps_last)
        left = {(one.generation, one.number, one.epoch) for one in list_checkpoints(folder.names())}
    needed = {one for one in made if one[0] > generation or (epochs is not None and one[2] > epochs)}
    if keeps_last and made:
        needed |= {max(made), max(made, key=lambda one: (one[2], one))}
    assert left == needed


@pytest.mark.parametrize("state", [object(), {"a": {1: 2}}, [np.array([object()])], {"a": {1, 2}}])
def test_what_cannot_be_kept_is_refused_by_name(state: object) -> None:
    """A state that is no plain value or array is refused in words, and nothing is unpickled ever."""
    with pytest.raises(UsageError, match="checkpoint: state"):
        pack_state(state, generation=1, epoch=0)
