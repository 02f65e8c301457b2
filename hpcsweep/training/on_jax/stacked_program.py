"""Many nets of one shape in one program: the pure steps of one net, mapped by `jax.vmap` over an axis for the members.

Members share every operation and no number, so one that diverges fills its own slices with NaN and no other's. Mapped
products are summed in another order than single ones, so a member equals the lone run within rounding.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import UsageError
from hpcsweep.machine import zip_equal
from hpcsweep.training.examples import TrainingData, count, first_rows
from hpcsweep.training.keras_private import build_symbolically, layers_of
from hpcsweep.training.on_jax.epochs import PureState, StackedModel
from hpcsweep.training.on_jax.program import place
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.programs.protocol import DeviceData, MemberColumns
from hpcsweep.training.programs.stacked_calls import StackedCalls
from hpcsweep.training.state.variables import State, read_state, state_variables


class JaxStackedProgram(StackedCalls):
    """Advances the states of `members` nets together; with `shared_order` all see the examples in one order."""

    def __init__(self, model: Any, batch_size: int, data: TrainingData, *, members: int, shared_order: bool) -> None:
        """Take the net and its first state from a built and compiled `model`, which is left alone."""
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        build_symbolically(model, first_rows(data, 1))
        _require_stackable(model)
        super().__init__(data, batch_size, batch_size, members=members, shared_order=shared_order)
        self._pure = StackedModel(model, batch_size, evaluation_batch(model, data.x, batch_size), members)
        self._names = list(model.get_metrics_result())
        self._variable_names = {id(variable): name for name, variable in state_variables(model).items()}
        metrics = enumerate(self._pure.variables()[3])
        self._metric_names = {id(variable): f"metrics/{index}" for index, variable in metrics}
        self._advance = jax.jit(self._pure.epochs, donate_argnums=0)
        self._evaluate = jax.jit(self._pure.evaluation)
        self._state: PureState
        self.load([read_state(model)] * members)

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        return place(data)

    def load(self, states: list[State]) -> None:
        """Start from one state a member; one that lies inside an epoch has what the metrics gathered."""
        zeros = {self._metric_names[id(v)]: np.zeros(v.shape, v.dtype) for v in self._pure.variables()[3]}
        names = {**self._variable_names, **self._metric_names}
        groups = [
            [jnp.asarray(np.stack([{**zeros, **state}[names[id(v)]] for state in states])) for v in group]
            for group in self._pure.variables()
        ]
        self._state = (groups[0], groups[1], groups[2], groups[3])

    def read(self) -> list[State]:
        """Return the state that each member has reached."""
        return self._states(self._variable_names)

    def read_within(self) -> list[State]:
        """Return the state that each has reached inside an epoch: also what the metrics have gathered."""
        return self._states({**self._variable_names, **self._metric_names})

    def _states(self, names: dict[int, str]) -> list[State]:
        states: list[State] = [{} for _ in range(self.members)]
        for group, values in zip_equal(self._pure.variables(), self._state):
            for variable, value in zip_equal(group, values):
                if id(variable) in names:
                    for state, own in zip_equal(states, np.array(value)):
                        state[names[id(variable)]] = np.array(own)
        return states

    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""
        return jnp.asarray(orders[:, 0] if self.shared_order else orders)

    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs; return the metrics, [rows, 2 * names, members]."""
        spans = self._batches.spans(first, last)
        self._state, table = self._advance(self._state, data.train, data.validation, orders, count, spans)
        return np.asarray(table)

    def evaluate(self, data: DeviceData) -> MemberColumns:
        """Return loss and metrics of every member's present state on both parts of the data, [1, members]."""
        columns: MemberColumns = {}
        for prefix, part in {"": data.train, "val_": data.validation}.items():
            values = self._evaluate(self._state, part, (0, count(part)))
            columns.update({prefix + name: np.asarray(v)[None] for name, v in zip_equal(self._names, values)})
        return columns


def _require_stackable(model: Any) -> None:
    """Raise UsageError naming what cannot be trained in a stack."""
    if getattr(model.optimizer, "use_ema", False):
        raise UsageError("optimizer option use_ema cannot be stacked: the averages take their place when a run ends")
    slow = [layer.name for layer in layers_of(model) if "Conv" in type(layer).__name__]
    if slow and jax.default_backend() == "cpu":
        raise UsageError(f"layer {slow[0]} cannot be stacked on a CPU: its convolutions are faster one by one")
