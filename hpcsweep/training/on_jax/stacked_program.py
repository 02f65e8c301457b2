"""Many nets of one shape in one program: the pure steps of one net, mapped by `jax.vmap` over an axis for the members.

Members share every operation and no number, so one that diverges fills its own slices with NaN and no other's. Mapped
products are summed in another order than single ones, so a member equals the lone run within rounding.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.errors import UsageError
from hpcsweep.training.on_jax.epochs import PureState, StackedModel
from hpcsweep.training.on_jax.program import place
from hpcsweep.training.program import DeviceData, MemberColumns
from hpcsweep.training.state import State, read_state, state_variables

_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS = 16, 2**20  # of all members together


class JaxStackedProgram:
    """Advances the states of `members` nets together; with `shared_order` all see the examples in one order."""

    def __init__(self, model: Any, batch_size: int, data: Data, *, members: int, shared_order: bool) -> None:
        """Take the net and its first state from a built and compiled `model`, which is left alone."""
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model._symbolic_build(data_batch=(data.x[:1], data.y[:1], None))
        _require_stackable(model)
        self.members, self.shared_order = members, shared_order
        rows = 1 if shared_order else members
        self.longest_call_epochs = max(1, min(_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS // (len(data.x) * rows)))
        self.compile_s = 0.0
        self.epoch_s: float | None = None
        self._examples = len(data.x)
        self._pure = StackedModel(model, batch_size, members)
        self._names = list(model.get_metrics_result())
        self._variable_names = {id(variable): name for name, variable in state_variables(model).items()}
        self._advance = jax.jit(self._pure.epochs, donate_argnums=0)
        self._evaluate = jax.jit(self._pure.evaluation)
        self._state: PureState
        self.load([read_state(model)] * members)

    def put(self, data: Data) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        return place(data)

    def load(self, states: list[State]) -> None:
        """Start from one state a member."""
        trained = [
            [jnp.asarray(np.stack([state[self._variable_names[id(v)]] for state in states])) for v in group]
            for group in self._pure.variables()[:3]
        ]
        metrics = [jnp.zeros((self.members, *v.shape), v.dtype) for v in self._pure.variables()[3]]
        self._state = (trained[0], trained[1], trained[2], metrics)

    def read(self) -> list[State]:
        """Return the state that each member has reached."""
        states: list[State] = [{} for _ in range(self.members)]
        for group, values in zip(self._pure.variables()[:3], self._state, strict=False):
            for variable, value in zip(group, values, strict=True):
                for state, own in zip(states, np.array(value), strict=True):
                    state[self._variable_names[id(variable)]] = np.array(own)
        return states

    def compile(self, data: DeviceData) -> None:
        """Trace and compile by running no epoch."""
        began = time.perf_counter()
        rows = 1 if self.shared_order else self.members
        self.advance(data, np.empty((0, rows, self._examples), dtype=np.int32))
        self.compile_s = time.perf_counter() - began

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> MemberColumns:
        """Train one epoch for each of `orders`, [epochs, members or 1, examples], with validation at its end."""
        count, whole = len(orders), ((0, len(data.train[0])), (0, len(data.validation[0])))
        padded = np.zeros((self.longest_call_epochs, *orders.shape[1:]), dtype=np.int32)
        padded[:count] = orders
        given = padded[:, 0] if self.shared_order else padded
        self._state, table = self._advance(self._state, data.train, data.validation, given, count, whole)
        names = [*self._names, *(f"val_{name}" for name in self._names)]
        columns = np.asarray(table)[:count].astype(float)
        return {name: columns[:, index] for index, name in enumerate(names)}

    def evaluate(self, data: DeviceData) -> MemberColumns:
        """Return loss and metrics of every member's present state on both parts of the data, [1, members]."""
        columns: MemberColumns = {}
        for prefix, part in {"": data.train, "val_": data.validation}.items():
            values = self._evaluate(self._state, part, (0, len(part[0])))
            columns.update({prefix + name: np.asarray(v)[None] for name, v in zip(self._names, values, strict=True)})
        return columns


def _require_stackable(model: Any) -> None:
    """Raise UsageError naming what cannot be trained in a stack."""
    if getattr(model.optimizer, "use_ema", False):
        raise UsageError("optimizer option use_ema cannot be stacked: the averages take their place when a run ends")
    slow = [layer.name for layer in model._flatten_layers() if "Conv" in type(layer).__name__]
    if slow and jax.default_backend() == "cpu":
        raise UsageError(f"layer {slow[0]} cannot be stacked on a CPU: its convolutions are faster one by one")
