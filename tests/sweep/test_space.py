"""From sections to points: the product, one factor at a time, cases, and random samples."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.sweep.runs import Naming, collector_paused, make_runs
from hpcsweep.sweep.sampling import Draw, draw
from hpcsweep.sweep.space import Space, count_runs, expand
from hpcsweep.sweep.value_types import Anything, Exact, Value

DEFAULTS: dict[str, Value] = {"a": 0, "b": "b", "c": 1.5, "d": None, "e": [8, 8]}
NAMES = tuple(DEFAULTS)
NAMING = Naming("job.py:train", NAMES, DEFAULTS, shares_epochs=False)


def points(space: Space) -> list[dict[str, Any]]:
    """Return the points of `space` as dicts with their seed."""
    blocks = expand(space, DEFAULTS)
    return [{**run.params, "seed": run.seed} for block in blocks for run in make_runs(NAMING, block, space.seeds)]


def naive_points(space: Space) -> list[dict[str, Any]]:
    """Return the same from the words of the documentation, with nothing of the library's."""
    base: dict[str, Any] = {**DEFAULTS, **space.fixed}
    base.update({name: values[0] for name, values in space.vary.items()})
    copies = [dict(zip(space.across, row, strict=True)) for row in itertools.product(*space.across.values())]
    found = []
    if space.grid or space.zip or not (space.vary or space.cases):
        length = len(next(iter(space.zip.values()))) if space.zip else 1
        for copy, combination in itertools.product(copies, itertools.product(*space.grid.values())):
            for row in range(length):
                point = {**base, **copy, **dict(zip(space.grid, combination, strict=True))}
                point.update({name: values[row] for name, values in space.zip.items()})
                found.append(point)
    if space.vary:
        found += [{**base, **copy} for copy in copies]
        for name, values in space.vary.items():
            found += [{**base, **copy, name: value} for copy in copies for value in values[1:]]
    found += [{**base, **case, **copy} for case in space.cases for copy in copies]
    return [{**point, "seed": seed} for point in found for seed in space.seeds]


value = st.one_of(st.integers(-3, 3), st.text(max_size=2), st.floats(0.5, 2.0), st.booleans(), st.none())
values = st.lists(value, min_size=1, max_size=3)


@st.composite
def spaces(choose: st.DrawFn) -> Space:
    """Give spaces in which each parameter is in at most one of the sections."""
    places = {name: choose(st.sampled_from(["fixed", "grid", "zip", "vary", "across", ""])) for name in NAMES}
    chosen = {section: [name for name in NAMES if places[name] == section] for section in places.values()}
    length = choose(st.integers(1, 3))
    names_of_cases = [name for name in NAMES if places[name] != "across"]
    case = st.fixed_dictionaries({}, optional=dict.fromkeys(names_of_cases, value))
    return Space(
        fixed={name: choose(value) for name in chosen.get("fixed", [])},
        grid={name: choose(values) for name in chosen.get("grid", [])},
        zip={name: choose(st.lists(value, min_size=length, max_size=length)) for name in chosen.get("zip", [])},
        vary={name: choose(values) for name in chosen.get("vary", [])},
        across={name: choose(values) for name in chosen.get("across", [])},
        cases=choose(st.lists(case, max_size=2)),
        seeds=choose(st.lists(st.integers(0, 5), min_size=1, max_size=2)),
    )


@given(spaces())
def test_points_are_those_of_a_naive_expansion(space: Space) -> None:
    """The points, in order, are those of a plain expansion with dicts, and as many as counted beforehand."""
    found = points(space)
    assert repr(found) == repr(naive_points(space))
    assert len(found) == count_runs(space)


def test_seeds_are_innermost() -> None:
    """The seeds of one point follow each other; the last list of the grid changes next."""
    found = points(Space(grid={"a": [1, 2], "b": ["x", "y"]}, seeds=[0, 1]))
    assert [(point["a"], point["b"], point["seed"]) for point in found[:5]] == [
        (1, "x", 0),
        (1, "x", 1),
        (1, "y", 0),
        (1, "y", 1),
        (2, "x", 0),
    ]


def test_vary_changes_one_factor_at_a_time() -> None:
    """Vary gives the base of all first values, then each other value alone."""
    found = points(Space(vary={"a": [1, 2, 3], "b": ["x", "y"]}))
    assert [(point["a"], point["b"]) for point in found] == [(1, "x"), (2, "x"), (3, "x"), (1, "y")]


def test_case_starts_from_the_base_and_may_change_it() -> None:
    """A case takes what it does not give from [fixed] and the first values of [vary]."""
    found = points(Space(fixed={"a": 7}, vary={"b": ["x"]}, cases=[{"c": 2.5}, {"a": 9}]))
    assert [(point["a"], point["b"], point["c"]) for point in found] == [(7, "x", 1.5), (7, "x", 2.5), (9, "x", 1.5)]


def test_across_repeats_everything() -> None:
    """The grid, each change of vary and each case are there for every combination of the lists across."""
    space = Space(grid={"a": [1, 2]}, vary={"b": ["x", "y"]}, cases=[{"a": 9}], across={"c": [0.5, 2.5]})
    found = points(space)
    assert {point["c"] for point in found} == {0.5, 2.5}
    halves = [[(p["a"], p["b"]) for p in found if p["c"] == c] for c in (0.5, 2.5)]
    assert halves[0] == halves[1] == [(1, "x"), (2, "x"), (0, "x"), (0, "y"), (9, "x")]


def test_nothing_given_is_one_point() -> None:
    """A sweep without sections is one point of defaults; with cases only, the cases alone."""
    assert len(points(Space())) == 1
    assert len(points(Space(cases=[{"a": 1}, {"a": 2}]))) == 2


def test_collector_is_paused_only_inside() -> None:
    """The garbage collector is off while runs are made, and then as it was before, also after an error."""
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collector_paused():
        _ = 1 / 0
    assert gc.isenabled()


def test_random_is_crossed_with_the_grid() -> None:
    """Every sample is taken with every point of the grid, its parameters together."""
    random = {"c": Draw(Exact(float)), "d": Draw(Anything(), choices=(1, 2))}
    found = points(Space(grid={"a": [1, 2]}, random=random, samples=3))
    assert len(found) == 6 == count_runs(Space(grid={"a": [1, 2]}, random=random, samples=3))
    drawn = [(point["c"], point["d"]) for point in found]
    assert drawn[:3] == drawn[3:]


FLOAT, INT = Exact(float), Exact(int)
DRAWS = [
    Draw(FLOAT, low=-1.0, high=2.5),
    Draw(FLOAT, low=1e-5, high=0.1, log=True),
    Draw(INT, low=-3, high=4, whole=True),
    Draw(INT, low=1, high=1000, log=True, whole=True),
    Draw(Exact(str), choices=("adam", "sgd", "adagrad")),
]


@given(st.sampled_from(DRAWS), st.text(max_size=5), st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**40))
def test_samples_keep_when_more_are_drawn(how: Draw, name: str, few: int, more: int, seed: int) -> None:
    """Drawing more samples keeps the first ones, and all are inside their bounds."""
    drawn = draw(how, name, few + more, seed)
    assert drawn[:few] == draw(how, name, few, seed)
    if not how.choices:
        assert all(how.low <= one <= how.high for one in drawn)  # type: ignore[operator]
        assert all(type(one) is (int if how.whole else float) for one in drawn)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (DRAWS[0], [0.04138281190782234, 2.40712237080921, 1.3985669918018089]),
        (DRAWS[1], [0.00015493580217725925, 0.07831665646505899, 0.005510860520511474]),
        (DRAWS[2], [-1, 4, 2]),
        (DRAWS[3], [7, 833, 113]),
        (DRAWS[4], ["adam", "adagrad", "adagrad"]),
    ],
)
def test_samples_are_the_same_for_ever(how: Draw, expected: list[Value]) -> None:
    """The samples of a name and a sample seed are fixed numbers, on every machine and Python version."""
    assert draw(how, "learning_rate", 3, 0) == expected


def test_samples_depend_on_name_and_seed() -> None:
    """Another parameter or another sample seed gives other samples."""
    assert len({tuple(draw(DRAWS[0], name, 4, seed)) for name in "ab" for seed in (0, 1)}) == 4


def test_whole_samples_reach_both_ends() -> None:
    """Whole numbers are drawn from the lowest to the highest, both included, each about as often."""
    drawn = draw(DRAWS[2], "x", 4000, 0)
    counts = {one: drawn.count(one) for one in range(-3, 5)}
    assert min(counts.values()) > 400
    assert max(counts.values()) < 600


def test_logarithmic_samples_fill_the_decades() -> None:
    """With log, each decade gets about as many samples."""
    drawn = draw(DRAWS[1], "x", 4000, 0)
    for low in (1e-5, 1e-4, 1e-3, 1e-2):
        assert 900 < sum(low <= one < 10 * low for one in drawn) < 1100  # type: ignore[operator]
