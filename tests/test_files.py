"""JSON that any program can read: what is no finite number is a text, what is missing is null."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.files import json_text, numbers_of, plain

numbers = st.floats(allow_nan=True, allow_infinity=True)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), numbers, st.text(max_size=3))
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner, inner)
)


def no_constant(name: str) -> Any:
    """Refuse what Python's reader takes and the standard does not know."""
    raise AssertionError(f"{name} is no JSON")


@given(values)
def test_every_value_is_strict_json(value: Any) -> None:
    """Whatever numbers a value holds, at whatever depth, its text is JSON by the standard."""
    assert json.loads(json_text(value), parse_constant=no_constant) == plain(value)


@given(st.dictionaries(st.text(max_size=3), numbers))
def test_numbers_come_back_to_the_bit(record: dict[str, float]) -> None:
    """Numbers that were written are read again as they were, NaN and infinities among them."""
    read = numbers_of(json.loads(json_text(record)))
    assert read.keys() == record.keys()
    for name, number in record.items():
        assert read[name].hex() == number.hex() or (math.isnan(read[name]) and math.isnan(number))


@pytest.mark.parametrize(("number", "text"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_what_is_no_finite_number_is_a_text_that_float_reads(number: float, text: str) -> None:
    """The three texts are those that Python's `float` reads; a number that is missing is not one of them."""
    assert plain([number, None, 1.0]) == [text, None, 1.0]
    assert float(text).hex() == number.hex()
