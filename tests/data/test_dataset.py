"""The Data value: what fits together, what is refused, what jobs share."""

from __future__ import annotations

import numpy as np
import pytest

from hpcsweep.data import Data
from hpcsweep.errors import UsageError


def images(count: int, side: int = 4) -> np.ndarray:
    """Make images that differ from each other."""
    return np.arange(count * side * side, dtype=np.uint8).reshape(count, side, side, 1)


def small(**changes: object) -> Data:
    """Make a data set of three classes with some of its parts changed."""
    given = {
        "x": images(6),
        "y": np.array([0, 1, 2, 0, 1, 2]),
        "x_val": images(3),
        "y_val": np.array([0, 1, 2]),
        "classes": ("a", "b", "c"),
        "name": "small",
    }
    return Data(**(given | changes))  # type: ignore[arg-type]


def test_arrays_are_read_only_but_the_callers_own_stay_writable() -> None:
    """Runs of one worker share the arrays, so nothing reached through Data can be written."""
    x = images(6)
    data = small(x=x)
    with pytest.raises(ValueError, match="read-only"):
        data.x[0] = 1
    x[0] = 7
    assert data.x[0].max() == 7


def test_uint8_is_kept() -> None:
    """Images stay uint8 until they are on the device."""
    assert small().x.dtype == np.uint8
    assert small().flat().x.dtype == np.uint8


def test_flat_makes_rows() -> None:
    """flat() turns each input into one row, in the same order."""
    data = small()
    assert data.flat().x.shape == (6, 16)
    np.testing.assert_array_equal(data.flat().x[2], data.x[2].ravel())
    assert data.input_shape == (4, 4, 1)
    assert data.input_size == 16


def test_first_of_each_class_takes_as_many_of_each() -> None:
    """The subset holds the first n examples of each class and leaves the validation part alone."""
    kept = small().first_of_each_class(1)
    assert kept.y.tolist() == [0, 1, 2]
    assert len(kept.x_val) == 3
    weighted = small(sample_weight=np.arange(6.0)).first_of_each_class(1)
    assert np.asarray(weighted.sample_weight).tolist() == [0, 1, 2]


def test_limited_cuts_both_parts() -> None:
    """limited() keeps the first examples of each part and their weights."""
    cut = small(sample_weight=np.ones(6)).limited(train=4, validate=2)
    assert cut.sample_weight is not None
    assert (len(cut.x), len(cut.y), len(cut.sample_weight), len(cut.x_val)) == (4, 4, 4, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.array([0, 1])}, "x has 6, y has 2 examples"),
        ({"sample_weight": np.ones(5)}, "sample_weight has 5"),
        ({"x": np.float64(1.0)}, "x is one number"),
        ({"x_val": images(0), "y_val": np.zeros(0, int)}, "x_val has no examples"),
        ({"y": np.array([0, 1, 2, 0, 1, 3])}, "y goes from 0 to 3; expected labels from 0 to 2"),
        ({"y_val": np.array([-1, 1, 2])}, "y_val goes from -1"),
        ({"y": np.zeros(6)}, "y is float64"),
        ({"x_val": images(3, side=5)}, r"shape \(4, 4, 1\) in x but \(5, 5, 1\) in x_val"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(changes: dict[str, object], message: str) -> None:
    """Counts, shapes and labels that do not fit together are refused with what was found and expected."""
    with pytest.raises(UsageError, match=message):
        small(**changes)


def test_regression_has_no_classes_and_float_targets() -> None:
    """Without classes the targets may be any floats of any shape."""
    x = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    data = Data(x, np.sin(x), x, np.sin(x), name="sine")
    assert "regression" in repr(data)
    with pytest.raises(UsageError, match="expected classes"):
        data.first_of_each_class(1)
