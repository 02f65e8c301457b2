"""A Keras model as a pure function of its state: what `jax.jit` is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from hpcsweep.machine import zip_equal
from hpcsweep.training.examples import count as examples_in
from hpcsweep.training.examples import map_arrays, packed
from hpcsweep.training.on_jax.convolution import with_canonical_convolutions
from hpcsweep.training.programs.protocol import require_metrics

_barrier: Callable[[Any], Any] = jax.lax.optimization_barrier
_loop: Callable[..., Any] = jax.lax.fori_loop
PureState = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Trainable, other, optimizer and metric variables: what Keras's own steps on JAX take and return."""


class PureModel:
    """Trains and evaluates through the model's own `train_step` and `test_step`, which on JAX are pure already."""

    def __init__(self, model: Any, batch_size: int, evaluation_batch: int) -> None:
        """Adopt a built and compiled `model`, to train and to evaluate on so many examples at once."""
        self.model = model
        self._members: tuple[int, ...] = ()
        self._batch_size, self._evaluation_batch = batch_size, evaluation_batch
        self._names = list(model.get_metrics_result())

    def state(self) -> PureState:
        """Return the values that the model's variables have."""
        trainable, other, optimizer, metrics = self.variables()
        return _values(trainable), _values(other), _values(optimizer), _values(metrics)

    def keep(self, state: PureState) -> None:
        """Make `state` the values of the model's variables."""
        for group, values in zip_equal(self.variables(), state):
            for variable, value in zip_equal(group, values):
                variable.assign(value)

    def variables(self) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """Return the model's variables, in the groups of its pure state."""
        model = self.model
        groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        return *groups, model.metrics_variables

    # -- what is traced -------------------------------------------------------------------------------------------

    def epochs(
        self, state: PureState, train: Any, validation: Any, orders: Any, count: Any, spans: Any
    ) -> tuple[PureState, Any]:
        """Train and validate `count` epochs, one per row of `orders`: [rows, examples], or [rows, members, examples].

        `spans`: the example at which to begin, and that before which to end, of the training and of the validation
        data; beginning at 0 resets the metrics. Returns the state, and the metrics [rows, names] or [rows, names,
        members].
        """

        def epoch(index: Any, carried: Any) -> Any:
            state, table = carried
            state, trained = self._each_batch(self.model.train_step, state, train, orders[index], spans[0])
            validated: list[Any] = []
            if validates:
                state, validated = self._each_batch(self._test_step, state, validation, None, spans[1])
            row = jnp.stack([jnp.asarray(value, table.dtype) for value in (*trained, *validated)])
            return state, table.at[index].set(row)

        validates = examples_in(validation) > 0
        columns = (1 + validates) * len(self._names)
        table = jnp.zeros((orders.shape[0], columns, *self._members), keras.config.floatx())
        state, table = _loop(0, count, epoch, (state, table))
        return state, table

    def evaluation(self, state: PureState, part: Any, span: Any) -> list[Any]:
        """Return the metrics of the examples of `part` that `span` says."""
        return self._each_batch(self._test_step, state, part, None, span, self._evaluation_batch)[1]

    def outputs(self, state: PureState, x: Any) -> Any:
        """Return the model's outputs for `x`."""
        return self.model.predict_step(state[:2], (x,))[0]

    def _test_step(self, state: PureState, batch: Any) -> tuple[Any, PureState]:
        trainable, other, optimizer, metrics = state
        logs, (trainable, other, metrics) = self.model.test_step((trainable, other, metrics), batch)
        return logs, (trainable, other, optimizer, metrics)

    def _each_batch(
        self, step: Callable[..., Any], state: PureState, part: Any, order: Any, span: Any, size: int | None = None
    ) -> tuple[PureState, list[Any]]:
        """Call `step` on all batches that start in the `span` of examples; return the state and the metrics.

        That the span is known only at run time, and that values pass a barrier on their way in and out, keeps XLA from
        merging a step into its surroundings, which would round differently than in `model.fit`.
        """
        step = self._for_members(step, 0, 0 if order is not None and order.ndim == 2 else None)
        if jax.default_backend() == "cpu":
            step = with_canonical_convolutions(step)
        size = size or self._batch_size
        examples = examples_in(part)
        (begin, end), left = span, examples % size

        def steps(first: Any, stop: Any, rows: int, state: PureState) -> PureState:
            def body(index: Any, state: PureState) -> PureState:
                batch = _batch(part, order, first + index * size, rows)
                logs, state = step(*_barrier((state, batch)))
                require_metrics(logs, self._names)
                kept: PureState = _barrier(state)
                return kept

            reached: PureState = _loop(0, (jnp.maximum(stop - first, 0) + size - 1) // size, body, state)
            return reached

        fresh = self._fresh_metrics(state)
        state = *state[:3], [jnp.where(begin == 0, new, old) for new, old in zip_equal(fresh, state[3])]
        if examples > left:
            state = steps(begin, jnp.minimum(end, examples - left), size, state)
        if left:
            state = steps(jnp.maximum(begin, examples - left), end, left, state)
        return state, self._metrics(state)

    def _fresh_metrics(self, state: PureState) -> list[Any]:
        def reset(values: list[Any]) -> list[Any]:
            with self._metric_values(values) as scope:
                self.model.reset_metrics()
            return [scope.get_current_value(variable) for variable in self.model.metrics_variables]

        found: list[Any] = self._for_members(reset, 0)(state[3])
        return found

    def _metrics(self, state: PureState) -> list[Any]:
        def results(values: list[Any]) -> list[Any]:
            with self._metric_values(values):
                return list(self.model.get_metrics_result().values())

        found: list[Any] = self._for_members(results, 0)(state[3])
        return found

    def _metric_values(self, values: list[Any]) -> Any:
        return keras.StatelessScope(state_mapping=list(zip_equal(self.model.metrics_variables, values)))

    def _for_members(self, function: Callable[..., Any], *axes: int | None) -> Callable[..., Any]:
        """Return what does `function` for every member of a stack, whose values lie along `axes` of its arguments.

        Here there is one net.
        """
        return function


class StackedModel(PureModel):
    """The same for a stack of nets: every value has an axis for the members before its own."""

    def __init__(self, model: Any, batch_size: int, evaluation_batch: int, members: int) -> None:
        """Take the shape of the nets from `model`, which is left alone."""
        super().__init__(model, batch_size, evaluation_batch)
        self._members = (members,)

    def _for_members(self, function: Callable[..., Any], *axes: int | None) -> Callable[..., Any]:
        """Return what does `function` for every member."""
        mapped: Callable[..., Any] = jax.vmap(function, in_axes=axes)
        return mapped


def _values(variables: list[Any]) -> list[Any]:
    return [variable.value for variable in variables]


def _batch(part: Any, order: Any, start: Any, size: int) -> Any:
    """Return `size` examples from `start` on: as they lie, in the order given, or in each of [members, examples]."""
    if order is None:
        return packed(*map_arrays(lambda a: jax.lax.dynamic_slice_in_dim(a, start, size), part))
    rows = jax.lax.dynamic_slice_in_dim(order, start, size, axis=-1)
    return packed(*map_arrays(lambda a: a.at[rows].get(mode="promise_in_bounds"), part))
