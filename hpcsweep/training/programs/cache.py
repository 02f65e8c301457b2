"""The programs of this process: one per architecture and engine, kept for the runs to come."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hpcsweep.training.examples import TrainingData, first_rows, symbols_of
from hpcsweep.training.keras_private import build_symbolically
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.building import can_be_called
from hpcsweep.training.programs.protocol import Program
from hpcsweep.training.state.variables import state_variables

# A program of a small net takes 6 to 8 MB, with XLA 25 to 30; TensorFlow keeps most of it when the program is dropped.
MOST_PROGRAMS = 32
MOST_VARIABLE_BYTES = 2**30

Variant = tuple[str, bool]
"""An engine, and whether it is the faster one."""


@dataclass(frozen=True)
class Setup:
    """What a program is made for: a model, its data and batch size, and the keys under which runs may share it.

    `evaluation_key`: under which they may share what does not depend on the optimizer, their evaluation; `faster`:
    whether the backend may compute the same bits in less time by ways of its own; `began`: what the training begins
    with, for its checkpoints.
    """

    model: Any
    data: TrainingData
    batch_size: int
    callbacks: tuple[Any, ...]
    key: str | None
    evaluation_key: str | None = None
    faster: bool = True
    began: Any = None

    def program(self, engine: str) -> Program:
        """Return the shared program for `engine`, or make one around this model."""
        return shared_programs.get(self.key, (engine, self.faster), lambda: self._make(engine))

    def _make(self, engine: str) -> Program:
        data, size = self.data, self.batch_size
        if can_be_called(self.model):
            build_symbolically(self.model, symbols_of(first_rows(data, size)))
        return backend().make_program(self.model, size, data, engine, self.callbacks, faster=self.faster)


class Programs:
    """Least recently used programs are dropped when there are too many, or their variables take too much memory."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[tuple[str, Variant], Program] = collections.OrderedDict()
        self._optimizers: dict[tuple[str, Variant], Any] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str | None, variant: Variant, make: Callable[[], Program]) -> Program:
        """Return the program of `key` in one variant, made now if it is new; one without a key is not kept."""
        if key is None:
            return make()
        kept = self._kept.get((key, variant))
        if kept is None or kept.model.optimizer is not self._optimizers[key, variant]:  # its job compiled it again
            self._kept[key, variant] = made = make()
            self._optimizers[key, variant] = made.model.optimizer
            self._drop_old()
        self._kept.move_to_end((key, variant))
        return self._kept[key, variant]

    def _drop_old(self) -> None:
        while len(self._kept) > 1 and (
            len(self._kept) > MOST_PROGRAMS or sum(map(_variable_bytes, self._kept.values())) > MOST_VARIABLE_BYTES
        ):
            dropped, _ = self._kept.popitem(last=False)
            del self._optimizers[dropped]


def _variable_bytes(program: Program) -> int:
    return sum(4 * math.prod(variable.shape) for variable in state_variables(program.model).values())


shared_programs = Programs()
