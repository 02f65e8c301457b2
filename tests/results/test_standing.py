"""How runs stand: what a result says of its parameters, against what its run asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.results.columns import from_results
from hpcsweep.results.standing import standing_of
from hpcsweep.store import Store
from hpcsweep.sweep.runs import Run
from tests.made_results import make_result

NAMES = ["layers", "a%s", 'quoted "name"', "größe", "rate"]
SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from([0.1, 1.0, 1e-300]), st.sampled_from(["", "%d"]))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2))
PARAMS = st.dictionaries(st.sampled_from(NAMES), VALUES)


@given(st.lists(st.tuples(PARAMS, PARAMS, st.booleans()), max_size=6))
def test_a_run_stands_as_its_result_and_the_sweep_say_together(cases: list[tuple[Any, Any, bool]]) -> None:
    """Parameters come from the run, else from its result; where both say another value, the default was changed."""
    runs, made = [], []
    for number, (stored, other, same) in enumerate(cases):
        asked = dict(reversed(stored.items())) if same else other
        made.append(make_result(stored, number))
        runs.append(Run(made[-1].id, made[-1].trajectory, number, tuple(asked), tuple(asked.values())))
    standing = standing_of(Store(Path("nowhere")), "job", runs, from_results(made), {}, None, ())
    for at, (run, result) in enumerate(zip(runs, made, strict=True)):
        expected = {**result.params, **run.params}
        assert {name: values[at] for name, values in standing.params.items() if name in expected} == expected
        assert all(values[at] is None for name, values in standing.params.items() if name not in expected)
        changed = any(name in run.params and run.params[name] != value for name, value in result.params.items())
        assert standing.states[at] == ("done with other defaults" if changed else "done")
