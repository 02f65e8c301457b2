"""The job that the bad sweep files name: never run, only read."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field


@dataclass
class Config:
    """Settings as a class of fields."""

    lr: float
    layers: list[int] | None = None
    seed: int = 0


class Renamed(BaseModel):
    """A model that would be built by another name than its field's."""

    lr: float = Field(default=0.1, alias="learning-rate")


class Empty(BaseModel):
    """A model without fields."""


def train(
    run,
    *,
    layers: int,
    neurons: int = 16,
    optimizer: Literal["adam", "adagrad", "sgd"] = "adam",
    epochs: int = 10,
    learning_rate: float = 0.001,
    hidden: list[int] | None = None,
    shuffle: bool = True,
    dataset: str = "digits",
):
    """Take parameters of every kind."""


def evaluate(run, *, layers: int):
    """Be the other function of the file."""


def configured(run, config: Config, epochs: int = 3):
    """Take its parameters as the fields of a class."""


def class_or_none(run, config: Config | None = None):
    """Be no job: whether its class is there at all cannot be swept."""


def wrong_class_default(run, config: Config = Config(rate=0.1)):
    """Be no job: its default names a field that the class lacks."""


def renamed(run, config: Renamed):
    """Be no job: its model has an alias."""


def empty(run, config: Empty):
    """Be no job: its model has nothing to set."""


def takes_rest(run, *, layers: int, **rest):
    """Be no job: its parameters are not all named."""


def takes_seed(run, *, layers: int, seed: str = "a"):
    """Be no job: the seed is the run's, an int."""


def computed_default(run, *, layers: int = len("ab")):
    """Be no job: a default must be a literal."""


def odd_annotation(run, *, layers: dict[int, str]):
    """Be no job: the keys of a table are strings."""


def wrong_default(run, *, layers: int = "two"):
    """Be no job: the default does not fit the annotation."""


async def waits(run, *, layers: int):
    """Be no job: it is async."""


def takes_anything(run, *, layers: int, extra):
    """Take a parameter without a type."""
