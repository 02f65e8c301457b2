"""The shape of the sections of a sweep file that say which points of the parameter space are run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from hpcsweep.sweep.settings import AtLeastOne, NotNegative, Section, wrong

Number = Annotated[float, Field(allow_inf_nan=False)]
Values = Annotated[list[Any], Field(min_length=1)]
Point = Annotated[dict[str, Any], Field(min_length=1)]


def flat(table: object) -> object:
    """Return a table whose inner tables are dotted keys, as `config.lr = [0.1]` and `"config.lr" = [0.1]` are one."""
    if not isinstance(table, dict):
        return table
    found: dict[str, object] = {}
    for key, value in table.items():
        inner = flat(value) if isinstance(value, dict) and value else None
        named = {f"{key}.{name}": one for name, one in inner.items()} if isinstance(inner, dict) else {key: value}
        for name in found.keys() & named.keys():
            raise wrong("each key once", key=name, found=f'"{name}" twice')
        found |= named
    return found


Lists = Annotated[
    dict[str, Values],
    BeforeValidator(flat),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object"}]}}
    ),
]


class RandomSpec(Section):
    """How one parameter is drawn: {low = 1e-4, high = 1e-1, log = true} or {choice = ["adam", "sgd"]}."""

    low: Number | None = Field(default=None, description="The smallest value, included.")
    high: Number | None = Field(default=None, description="The largest value, included.")
    log: bool = Field(default=False, description="Draw uniformly in the logarithm.")
    whole: bool | None = Field(
        default=None, alias="int", description="Draw whole numbers. Without it, the job's annotation decides."
    )
    choice: Values | None = Field(default=None, description="Draw one of these instead; all are equally likely.")

    @model_validator(mode="after")
    def _complete(self) -> RandomSpec:
        ends = (self.low, self.high)
        if (self.choice is None) == (ends == (None, None)) or (None in ends and ends != (None, None)):
            raise wrong("either low and high, or choice")
        if self.choice is not None and (self.log or self.whole is not None):
            raise wrong("no log or int beside choice")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise wrong("low less than high")
        if self.log and self.low is not None and self.low <= 0:
            raise wrong("low more than 0, since log = true")
        return self


def _flat_specs(table: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of parameters under dotted names: a table that holds tables is no range of numbers."""
    specs: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            named = {f"{key}.{name}": one for name, one in _flat_specs(value).items()}
        else:
            named = {key: value}
        for name in specs.keys() & named.keys():
            raise wrong("each key once", key=name, found=f'"{name}" twice')
        specs |= named
    return specs


def _specs_in(table: object) -> object:
    return _flat_specs(table) if isinstance(table, dict) else table


class Random(Section):
    """Random points, crossed with grid and zip: samples, sample_seed, and one table per parameter."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, RandomSpec]

    samples: AtLeastOne = Field(description="How many points to draw; raising it keeps the earlier ones.")
    sample_seed: NotNegative = Field(default=0, description="Another number draws other points.")

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, table: object) -> object:
        return _flat_specs(table) if isinstance(table, dict) else table

    @property
    def specs(self) -> dict[str, RandomSpec]:
        """The parameters that are drawn."""
        return dict(self.__pydantic_extra__)


class Suggest(Section):
    """Points that a library suggests from the results so far, round by round, beside what other sections list."""

    engine: Literal["optuna"] = Field(default="optuna", description="The library that suggests the points.")
    metric: str = Field(
        description="The metric of a setting's last epoch that is to be good, its mean over the seeds.", min_length=1
    )
    sampler: Literal["tpe", "random"] = Field(
        default="tpe", description="How the library chooses: from the results so far, or at random."
    )
    trials: AtLeastOne = Field(description="How many points in all; raising it keeps the earlier ones.")
    per_round: AtLeastOne = Field(
        default=8, description="How many points are asked for at once, and so may be trained side by side."
    )
    seed: NotNegative = Field(default=0, description="Another number gets other points.")
    space: Annotated[dict[str, RandomSpec], BeforeValidator(_specs_in), Field(min_length=1)] = Field(
        description="The parameters that are searched, each as in [random]."
    )
