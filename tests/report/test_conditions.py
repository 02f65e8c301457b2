"""The conditions that the page and the command line must answer alike, here on the command line's side."""

from __future__ import annotations

import pytest

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.results.query.select import select
from tests.report.browsing import condition_results
from tests.report.conditions import CONDITIONS


@pytest.mark.parametrize("text", CONDITIONS)
def test_where_answers_as_the_table_says(text: str) -> None:
    """`--where` keeps the runs that the table of conditions names, and refuses what it calls refused."""
    results = condition_results()
    expected = CONDITIONS[text]
    if expected is None:
        with pytest.raises(UsageError):
            select(results, text)
    elif not expected:
        with pytest.raises(NothingSelectedError):
            select(results, text)
    else:
        assert [seed - 100 for seed in select(results, text).column("seed")] == expected
