"""What counts as a metric: one real number, of whatever library, and nothing that only looks like one."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import UsageError
from hpcsweep.worker.run.real_number import RESULT, real_metrics, real_number


class Tensor:
    """What PyTorch's tensors have: a shape, a dtype and `item()`."""

    def __init__(self, value: Any, shape: tuple[int, ...], dtype: str = "torch.float32") -> None:
        self.value, self.shape, self.dtype = value, shape, dtype

    def item(self) -> Any:
        """Return the only number."""
        return self.value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (3, 3.0),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1.0),
        (np.int64(7), 7.0),
        (np.array(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (np.array([[2]]), 2.0),
        (Tensor(0.5, ()), 0.5),
        (Tensor(0.5, (1,)), 0.5),
        (math.inf, math.inf),
    ],
)
def test_real_scalars_are_numbers(value: Any, number: float) -> None:
    """A scalar of Python or of a library, an array of no dimension or one element, and a bool are that number."""
    assert real_number("loss", value, "run.log") == number


@pytest.mark.parametrize(
    "value",
    [
        "0.5",
        b"1",
        None,
        1 + 2j,
        np.complex64(1 + 2j),
        np.array(1 + 0j),
        Tensor(1.0, (), "torch.complex64"),
        [0.5],
        {"a": 1},
        np.array([1.0, 2.0]),
        np.array([]),
        Tensor(1.0, (3,)),
        np.datetime64("2026-01-01"),
        np.timedelta64(5, "s"),
        np.array(["0.5"]),
        np.array([None]),
        10**400,
        Decimal("sNaN"),
        object(),
    ],
)
def test_others_are_refused_in_one_line(value: Any) -> None:
    """Text, None, complex numbers, several numbers, times and what overflows a float are refused in words."""
    with pytest.raises(UsageError, match="expected one real number") as caught:
        real_number("loss", value, "run.log")
    assert "\n" not in str(caught.value)


@given(st.floats(allow_nan=False))
def test_floats_stay_what_they_are(value: float) -> None:
    """A float is kept to the bit, alone and in an array."""
    assert real_number("x", value, "") == real_number("x", np.array([value]), "") == value


@pytest.mark.training
def test_tensors_of_tensorflow_are_numbers() -> None:
    """A scalar tensor and a variable are numbers; a complex tensor and a vector are not."""
    tf = pytest.importorskip("tensorflow")
    assert real_number("x", tf.constant(0.5), "") == real_number("x", tf.Variable([0.5]), "") == 0.5
    for value in (tf.constant(1j), tf.constant([1.0, 2.0]), tf.constant("0.5")):
        with pytest.raises(UsageError):
            real_number("x", value, "")


def test_tensors_of_torch_are_numbers() -> None:
    """Tensors of every real type are numbers, also those that need a gradient; complex ones and vectors are not."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    for value in (torch.tensor(0.5, requires_grad=True), torch.tensor([0.5], dtype=torch.bfloat16)):
        assert real_number("x", value, "") == 0.5
    for value in (torch.tensor(1j), torch.zeros(2)):
        with pytest.raises(UsageError):
            real_number("x", value, "")


def test_a_job_may_return_a_number() -> None:
    """One number is the metric RESULT; a mapping is its metrics, with names of any text of one line."""
    assert real_metrics(0.5, "the job") == {RESULT: 0.5}
    assert real_metrics({"val/top-5 acc": np.float32(0.5)}, "the job") == {"val/top-5 acc": 0.5}
    for returned in ("done", {"": 1.0}, {1: 1.0}, {"a\nb": 1.0}, {"epoch": 1.0}, [1.0, 2.0]):
        with pytest.raises(UsageError):
            real_metrics(returned, "the job")
