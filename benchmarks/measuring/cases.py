"""Which nets are measured with which data and batch size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from measuring import nets


@dataclass(frozen=True)
class Case:
    """One net, batch size and number of images, and the engines that are measured on it."""

    name: str
    build: Callable[[], Any]
    batch_size: int
    train: int
    validate: int
    engines: tuple[str, ...]
    rounds: int


ENGINES = ("fit", "compiled", "compiled-xla", "stacked, own order", "stacked, shared order")
DENSE: dict[str, Callable[[], Any]] = {
    "dense 8-8-10 adam": lambda: nets.dense([8, 8]),
    "dense 16-16-16-10 adam": lambda: nets.dense([16, 16, 16]),
    "dense 784-100-10 sgd": lambda: nets.dense([100], optimizer="sgd", learning_rate=0.1),
}
CONV: dict[str, Callable[[], Any]] = {
    "conv 16-32 + 16-16-10 adam": lambda: nets.conv([16, 32]),
    "conv 16-32-32 + 16-16-10 adam": lambda: nets.conv([16, 32, 32]),
}


def all_cases(rounds: int, shrink: int) -> list[Case]:
    """Return what is measured; `shrink` divides the numbers of images."""
    dense = [
        Case(name, build, batch_size, 60_000 // shrink, 10_000 // shrink, ENGINES, rounds)
        for batch_size in (32, 128)
        for name, build in DENSE.items()
    ]
    conv = [
        Case(name, build, 32, 4_800 // shrink, 800 // shrink, ("fit", "compiled"), rounds)
        for name, build in CONV.items()
    ]
    # one round with few images: XLA on a CPU takes up to a minute for what takes a second without
    slow = [Case(name, build, 32, 640, 160, ("compiled-xla",), 1) for name, build in CONV.items()]
    return [*dense, *conv, *slow]
