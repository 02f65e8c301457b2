"""The filter language: small, and no way out of it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import UsageError
from hpcsweep.results.query.where import parse_condition

NAMES = ("layers", "optimizer", "lr", "hidden", "dropout")
ROW: dict[str, Any] = {"layers": 3, "optimizer": "adam", "lr": 0.01, "hidden": (8, 8), "dropout": None}


@pytest.mark.parametrize(
    "text",
    [
        "optimizer == 'adam'",
        "layers >= 3 and lr < 0.1",
        "2 < layers <= 3",
        "not (layers == 4)",
        "optimizer in ['adam', 'sgd']",
        "hidden == [8, 8]",
        "hidden == (8, 8)",
        "8 in hidden",
        "dropout is None",
        "layers * 2 + 1 == 7",
        "lr / 10 == 0.001",
        "-layers < 0",
        "optimizer != 'sgd' or layers is None",
        "True",
    ],
)
def test_what_holds_keeps_the_row(text: str) -> None:
    """Comparisons, and/or/not, membership, None and arithmetic mean what they mean in Python."""
    assert parse_condition(text, NAMES)(ROW)
    assert not parse_condition(f"not ({text})", NAMES)(ROW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "not allowed"),
        ("layers.__class__", "not allowed"),
        ("[x for x in hidden]", "not allowed"),
        ("(lambda: 1)()", "not allowed"),
        ("hidden[0] == 8", "not allowed"),
        ("f'{layers}' == '3'", "not allowed"),
        ("9 ** 9 ** 9 > 1", "not allowed"),
        ("layers := 3", "cannot be read"),
        ("layers = 3", "equality is =="),
        ("layers >", "cannot be read"),
        ("layer == 3", 'no column is called "layer" (did you mean "layers"?)'),
        ("optimizer == adam", "a text needs quotes"),
        ("optimizer > 3", "not supported between"),
        ("optimizer * 999999999 == 'x'", "computes with what is not a number"),
        ("layers / 0 == 1", "division by zero"),
        ("(" * 3000, "expected at most 2000"),
        ("", "cannot be read"),
    ],
)
def test_everything_else_is_refused_in_words(text: str, message: str) -> None:
    """Calls, attributes, subscripts, powers, comprehensions, unknown names and nonsense are refused, in one line."""
    with pytest.raises(UsageError) as refused:
        parse_condition(text, NAMES)(ROW)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@given(text=st.text(max_size=60))
def test_no_text_does_anything_but_answer_or_be_refused(text: str) -> None:
    """Any text is either a condition that answers yes or no, or refused with UsageError."""
    with contextlib.suppress(UsageError):
        assert parse_condition(text, NAMES)(ROW) in (True, False)
