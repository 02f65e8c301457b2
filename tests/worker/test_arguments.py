"""What a job is called with: the types that its annotations ask for, and the run where it asks for it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple

import pydantic
import pytest

from hpcsweep.errors import JobError
from hpcsweep.worker.arguments import arguments_of

SEED = 7


class Kind(enum.Enum):
    """An optimizer."""

    ADAM = "adam"
    SGD = "sgd"


@dataclass(frozen=True)
class Optimizer:
    """A class inside another."""

    lr: float
    kind: Kind = Kind.ADAM
    seed: int = 0


@dataclass
class Config:
    """A class of fields."""

    optimizer: Optimizer
    out: Path = Path("a")
    sizes: tuple[int, ...] = field(default_factory=tuple)


class Model(pydantic.BaseModel):
    """A model that refuses some values."""

    lr: float = pydantic.Field(gt=0)


class Pair(NamedTuple):
    """A named tuple."""

    a: int
    b: int


def called(job: Callable[..., Any], **params: Any) -> Any:
    """Return what a job returns when a run with these parameters calls it."""
    handle: Any = SimpleNamespace(params=params, seed=SEED)
    positional, named = arguments_of(job, handle)
    return job(*positional, **named)


@pytest.mark.parametrize(
    ("annotation", "value", "given"),
    [
        (Path, "a/b", Path("a/b")),
        (Path | None, "a", Path("a")),
        (Path | None, None, None),
        ("Path | None", "a", Path("a")),
        (str | Path, "a", "a"),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple, [1, [2]], (1, [2])),
        (list[tuple[int, int]], [[1, 2]], [(1, 2)]),
        (list[int] | tuple[int, int], [1, 2], [1, 2]),
        (Sequence[int], [1, 2], [1, 2]),
        (set[str], ["a"], {"a"}),
        (frozenset[str], ["a"], frozenset({"a"})),
        (dict[str, Path], {"x": "a"}, {"x": Path("a")}),
        (Kind, "sgd", Kind.SGD),
        (Kind, "SGD", Kind.SGD),
        (Kind | None, "sgd", Kind.SGD),
        (Annotated[Path, "where"], "a", Path("a")),
        (int, 3, 3),
        ("Missing", 3, 3),
        (Any, {"a": [1]}, {"a": [1]}),
    ],
)
def test_values_are_what_the_annotation_asks_for(annotation: Any, value: Any, given: Any) -> None:
    """Paths, tuples, sets and members of an Enum are made of what a sweep file can hold; the rest stays as it is."""

    def job(x: Any) -> Any:
        return x

    job.__annotations__["x"] = annotation
    made = called(job, x=value)
    assert (made, type(made)) == (given, type(given))


def test_classes_of_fields_are_built_whole() -> None:
    """Each field is given outright, nested ones too, and a field called seed is the run's seed."""

    def job(config: Config, run: Any) -> tuple[Any, Any]:
        return config, run.seed

    params = {"config.optimizer.lr": 0.5, "config.optimizer.kind": "sgd", "config.out": "b", "config.sizes": [1, 2]}
    assert called(job, **params) == (Config(Optimizer(0.5, Kind.SGD, SEED), Path("b"), (1, 2)), SEED)


def test_what_a_class_refuses_is_one_line() -> None:
    """A value that a pydantic model does not take is an error of one line."""

    def job(config: Model, pair: Pair) -> Any:
        return config.lr, pair

    assert called(job, **{"config.lr": 0.5, "pair.a": 1, "pair.b": 2}) == (0.5, Pair(1, 2))
    with pytest.raises(JobError, match="config: Model refuses") as caught:
        called(job, **{"config.lr": -1.0, "pair.a": 1, "pair.b": 2})
    assert "\n" not in str(caught.value)


def test_the_run_goes_where_it_is_asked_for() -> None:
    """The run is the parameter of that name, or else the one that the sweep does not give; a seed is the run's."""
    jobs: list[Callable[..., Any]] = [
        lambda run, x: (run.seed, x),
        lambda x, run: (run.seed, x),
        lambda x, run=None: (run.seed, x),
        lambda handle, *, x: (handle.seed, x),
        lambda run, x, /: (run.seed, x),
        lambda x, seed: (seed, x),
        lambda x, seed=0: (seed, x),
        lambda x, later=3: (SEED, x),
        lambda *args, **named: (args[0].seed, named["x"]),
    ]
    assert [called(job, x=1) for job in jobs] == [(SEED, 1)] * len(jobs)
