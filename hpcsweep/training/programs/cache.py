"""The programs of this process: one an architecture and engine, kept for the runs to come."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hpcsweep.data import Data
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.protocol import Program
from hpcsweep.training.state.variables import state_variables

# A program of a small net takes 6 to 8 MB, with XLA 25 to 30; TensorFlow keeps most of it when the program is dropped.
MOST_PROGRAMS = 32
MOST_VARIABLE_BYTES = 2**30


@dataclass(frozen=True)
class Setup:
    """What a program is made for: a model, its data and batch size, and the keys under which runs may share it.

    `evaluation_key`: under which they may share what does not depend on the optimizer, their evaluation.
    """

    model: Any
    data: Data
    batch_size: int
    callbacks: tuple[Any, ...]
    key: str | None
    evaluation_key: str | None = None

    def program(self, engine: str) -> Program:
        """Return the shared program for `engine`, or make one around this model."""
        return _programs.get(self.key, engine, lambda: self._make(engine))

    def _make(self, engine: str) -> Program:
        data, size = self.data, self.batch_size
        weight = None if data.sample_weight is None else data.sample_weight[:size]
        self.model._symbolic_build(data_batch=(data.x[:size], data.y[:size], weight))
        return backend().make_program(self.model, size, data, engine, self.callbacks)


class Programs:
    """Least recently used programs are dropped when there are too many, or their variables take too much memory."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[tuple[str, str], Program] = collections.OrderedDict()

    def get(self, key: str | None, engine: str, make: Callable[[], Program]) -> Program:
        """Return the program of `key` for `engine`, made now if it is new; one without a key is not kept."""
        if key is None:
            return make()
        if (key, engine) not in self._kept:
            self._kept[key, engine] = make()
            self._drop_old()
        self._kept.move_to_end((key, engine))
        return self._kept[key, engine]

    def _drop_old(self) -> None:
        while len(self._kept) > 1 and (
            len(self._kept) > MOST_PROGRAMS or sum(map(_variable_bytes, self._kept.values())) > MOST_VARIABLE_BYTES
        ):
            self._kept.popitem(last=False)


def _variable_bytes(program: Program) -> int:
    return sum(4 * math.prod(variable.shape) for variable in state_variables(program.model).values())


_programs = Programs()
