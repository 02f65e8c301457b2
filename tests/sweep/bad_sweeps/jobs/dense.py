"""The job that the bad sweep files name: never run, only read."""

from typing import Literal


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


def positional(run, layers, neurons=8):
    """Be no job: its parameters are not keyword-only."""


def takes_rest(run, *, layers: int, **rest):
    """Be no job: its parameters are not all named."""


def takes_seed(run, *, layers: int, seed: int = 0):
    """Be no job: the seed is the run's."""


def computed_default(run, *, layers: int = len("ab")):
    """Be no job: a default must be a literal."""


def odd_annotation(run, *, layers: dict[str, int]):
    """Be no job: no sweep file gives a dict."""


def wrong_default(run, *, layers: int = "two"):
    """Be no job: the default does not fit the annotation."""


def no_run(*, layers: int):
    """Be no job: it takes no run."""


async def waits(run, *, layers: int):
    """Be no job: it is async."""
