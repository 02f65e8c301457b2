"""What is expected of a sweep, such as a published table: the section [[expected]], and which runs each one means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from hpcsweep.sweep.points import Number, Point
from hpcsweep.sweep.settings import Line, Section, wrong

ASKED = ("is", "better_than", "order")


def _number_or_point(value: object) -> object:
    if not (type(value) in (int, float) or (isinstance(value, dict) and value)):
        raise wrong('a number, or the other setting, such as {optimizer = "sgd"}')
    return value


NumberOrPoint = Annotated[
    Number | Point,
    BeforeValidator(_number_or_point),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "object"}]}),
]


class Expected(Section):
    """A number, or an order of settings, that a paper or its reader says will come out."""

    where: dict[str, Any] = Field(
        default={}, description="The setting that is meant: what differs from the base, as in a case."
    )
    value: str = Field(min_length=1, description="What is compared, as in a table, such as last_val_accuracy.")
    is_: Number | None = Field(default=None, alias="is", description="The number that is expected.")
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="How far the mean of the seeds may lie from `is`."
    )
    better_than: NumberOrPoint | None = Field(
        default=None, description="A number, or what differs in the setting that this one is better than."
    )
    order: list[Point] | None = Field(
        default=None, description="What differs in each of several settings, the best one first."
    )
    source: Line | None = Field(default=None, description="Where this is said.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Expected:
        asked = [
            key for key, value in zip(ASKED, (self.is_, self.better_than, self.order), strict=True) if value is not None
        ]
        if len(asked) != 1:
            raise wrong(f"one of {', '.join(ASKED)}", found=" and ".join(asked) or "none of them")
        if (self.tolerance is None) == (self.is_ is not None):
            found = "it without a tolerance" if self.is_ is not None else f"a tolerance with {asked[0]}"
            raise wrong("is and tolerance together", found=found)
        if self.order is not None and len(self.order) < 2:
            raise wrong("an order of two settings or more", found=f"{len(self.order)} in its order")
        return self

    @property
    def points(self) -> list[dict[str, Any]]:
        """What differs from the base in each setting that is compared; each is better than the next."""
        if self.order is not None:
            return [{**self.where, **one} for one in self.order]
        other = [{**self.where, **self.better_than}] if isinstance(self.better_than, Mapping) else []
        return [self.where, *other]


@dataclass(frozen=True)
class Setting:
    """A setting that an expectation is about: what the file says of it, and the ids of its runs, one per seed."""

    given: Mapping[str, Any]
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Expectation:
    """One [[expected]]: the mean of its setting's `value` is `number`, give or take `tolerance`, or better than that.

    Without a `number`, there are several settings, each better than the next.
    """

    value: str
    settings: tuple[Setting, ...]
    number: float | None = None
    tolerance: float | None = None
    source: str = ""


def expectation(asked: Expected, settings: Sequence[Setting]) -> Expectation:
    """Return what the section asks of `settings`, which are those of its `points`."""
    number = asked.better_than if isinstance(asked.better_than, float | int) else asked.is_
    return Expectation(asked.value, tuple(settings), number, asked.tolerance, asked.source or "")


def places(asked: Expected) -> Iterator[str]:
    """Give the key of each of `points`, for messages."""
    if asked.order is None:
        yield from ("where", "better_than")
    else:
        yield from (f"order #{number}" for number in range(1, len(asked.order) + 1))
