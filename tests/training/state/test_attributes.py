"""What an object of the user's remembers comes back from a checkpoint as it was, or is refused by name."""

from __future__ import annotations

import collections
import dataclasses
import enum
import pathlib
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.store.array_bytes import pack_state, unpack_state
from hpcsweep.training.state.attributes import NotKeptError, changes_since, give_attributes, keep_attributes

COUNTED = {"epochs": 0}


class Holder:
    """An object of the user's."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Mode(enum.Enum):
    """One of two."""

    LOW, HIGH = "low", "high"


class Slotted:
    """Keeps what it remembers outside of a dict."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


@dataclasses.dataclass
class Record:
    """What a callback may note."""

    loss: float


Pair = collections.namedtuple("Pair", "one other")


class Counting:
    """Counts in its class and in its module."""

    seen = 0

    def count(self) -> None:
        """Count on."""
        COUNTED["epochs"] += 1
        type(self).seen += 1


def went_on(make: Callable[[], Any], train: Callable[[Any], Any]) -> Any:
    """Return what `make` makes anew, given what a checkpoint kept after `train`."""
    trained = make()
    fresh = keep_attributes(trained, "it")
    train(trained)
    kept = changes_since(fresh, keep_attributes(trained, "it"), "it")
    again = make()
    give_attributes(again, unpack_state(pack_state(kept, generation=1, epoch=1)))
    return again


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
TREES = st.recursive(
    PLAIN
    | st.datetimes().map(lambda time: time.replace(fold=0))
    | st.text(min_size=1).map(lambda name: pathlib.Path("/") / name.replace("\0", "")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.tuples(inner, inner)
        | st.lists(inner).map(collections.deque)
    ),
    max_leaves=12,
)


@given(TREES, TREES)
def test_values_come_back_as_they_were(before: Any, after: Any) -> None:
    """Plain values in containers of any depth come back equal and of the same types, whatever was there before."""
    again = went_on(lambda: Holder(it=before), lambda holder: vars(holder).update(it=after))
    assert repr(again.it) == repr(after)


def _appended(maxlen: int) -> Any:
    return collections.deque(range(5), maxlen)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Mode.LOW, Mode.HIGH),
        (None, _appended(2)),
        (collections.Counter(), collections.Counter("aab")),
        (None, collections.OrderedDict(b=1, a=2)),
        (collections.defaultdict(lambda: collections.defaultdict(int)), {"a": collections.defaultdict(int, b=2)}),
        (Pair(1, [2]), Pair(3, [4, 5])),
        (0.0, np.float32(0.5)),
        (np.zeros(2), np.arange(3, dtype="int8")),
        ({1}, {1, 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_come_back_too(before: Any, after: Any) -> None:
    """Members of enums, named tuples, arrays, and all that `collections` has."""

    def train(holder: Any) -> None:
        if isinstance(before, collections.defaultdict):
            before.update(after)
        else:
            holder.it = after

    again = went_on(lambda: Holder(it=before), train)
    assert type(again.it) is type(before if isinstance(before, collections.defaultdict) else after)
    assert np.all(again.it == after)
    assert Mode.LOW.value == "low"  # the member that was there is as it was


@pytest.mark.parametrize(
    "make", [lambda: random.Random(1), lambda: np.random.default_rng(1), lambda: np.random.RandomState(1)]
)
def test_random_generators_go_on(make: Callable[[], Any]) -> None:
    """A generator draws on where the checkpoint was made."""
    expected = make()
    drawn = [expected.random() for _ in range(3)]
    again = went_on(lambda: Holder(it=make()), lambda holder: [holder.it.random() for _ in range(2)])
    assert again.it.random() == drawn[2]


def test_objects_are_filled_where_they_are() -> None:
    """Objects that the job makes anew get back what they held: slots, variables, another net, what is shared."""

    def make() -> Any:
        net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        shared: list[int] = []
        holder: Any = Holder(slotted=Slotted(), net=net, rate=keras.Variable(1.0), shared=shared, view={"of": shared})
        holder.itself = holder
        return holder

    def train(holder: Any) -> None:
        holder.slotted.count = 3
        holder.net.layers[0].kernel.assign([[1.0], [2.0]])
        holder.rate.assign(0.5)
        holder.shared.append(7)

    again = went_on(make, train)
    assert (again.slotted.count, float(again.rate), again.itself) == (3, 0.5, again)
    assert again.net.layers[0].kernel.numpy().tolist() == [[1.0], [2.0]]
    assert again.view["of"] is again.shared
    assert again.shared == [7]


def test_what_is_kept_beside_an_object_comes_back() -> None:
    """A count in a class, or in the module of the class, is a part of what an object remembers."""
    again = went_on(Counting, lambda counting: [counting.count() for _ in range(2)])
    Counting.seen = COUNTED["epochs"] = 0  # as in a new process
    kept = keep_attributes(again, "it")
    assert kept["Counting.seen"]["is"] == 0
    trained = Counting()
    fresh = keep_attributes(trained, "it")
    trained.count()
    kept = changes_since(fresh, keep_attributes(trained, "it"), "it")
    Counting.seen = COUNTED["epochs"] = 0
    give_attributes(Counting(), kept)
    assert (Counting.seen, COUNTED["epochs"]) == (1, 1)


def test_words_that_did_not_change_are_left_as_the_job_makes_them() -> None:
    """The folder of a run is another one in every attempt: what training left alone is not put back."""
    folders = iter("ab")
    again = went_on(
        lambda: Holder(path=pathlib.Path(next(folders)), best=1.0), lambda holder: vars(holder).update(best=0.5)
    )
    assert (again.path, again.best) == (pathlib.Path("b"), 0.5)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, Record(1.0), r"it\.it is a Record that was made in training"),
        ([], [Record(1.0)], r"it\.it\[0\] is a Record that was made in training"),
        (Slotted(), Record(1.0), r"it\.it is a Record that was made in training"),
        (0, iter([]), r"it\.it is a list_iterator, which cannot be kept"),
        (0, {Record: 1}, r"it\.it is a dict, which cannot be kept"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_run_could_not_get_back_is_refused_when_it_is_kept(before: Any, after: Any, words: str) -> None:
    """An object that no job makes anew is named at the checkpoint, and not when the run should go on."""
    with pytest.raises(NotKeptError, match=words):
        went_on(lambda: Holder(it=before), lambda holder: vars(holder).update(it=after))
