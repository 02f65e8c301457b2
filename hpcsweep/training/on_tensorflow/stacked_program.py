"""Many nets of one shape in one program: their weights lie in common arrays, with an axis for the members.

Members share every operation and no number: each one's loss depends on its own weights only, so one that diverges
fills its own slices with NaN and no other's. Products of stacked matrices are summed in another order than single
ones, so a member equals the lone run to about 5e-7 after an epoch, not bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpcsweep.machine import zip_equal
from hpcsweep.training.examples import TrainingData, first_rows
from hpcsweep.training.keras_private import build_symbolically, set_learning_rate_variable
from hpcsweep.training.on_tensorflow.faster import Trick, Tricks
from hpcsweep.training.on_tensorflow.faster.prefetch_rows import fetched
from hpcsweep.training.on_tensorflow.program import consecutive, place
from hpcsweep.training.on_tensorflow.stackable import recipe
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.programs.protocol import DeviceData, MemberColumns
from hpcsweep.training.programs.stacked_calls import StackedCalls
from hpcsweep.training.state.variables import State, state_variables

_SUMS = "metrics/0"
_RATE = 1  # the place of a plain learning rate among an optimizer's variables, after its count of steps


class TensorFlowStackedProgram(StackedCalls):
    """Advances the states of `members` nets together.

    With `shared_order` all members see the examples in one order, and the first layer is one wide matrix product;
    else each follows its own, as if it were alone. Kernels lie as [members, out, in]: the inputs, of which the first
    layer has most, last, where XLA runs along them.
    """

    def __init__(
        self,
        model: Any,
        batch_size: int,
        data: TrainingData,
        *,
        members: int,
        shared_order: bool,
        tricks: Tricks = frozenset(),
    ) -> None:
        """Take the shape of the net from a built and compiled `model`, which is left alone."""
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        build_symbolically(model, first_rows(data, 1))
        evaluated = evaluation_batch(model, data.x, batch_size)
        super().__init__(data, batch_size, evaluated, members=members, shared_order=shared_order)
        self._fetches_rows = Trick.FETCHED_ROWS in tricks and not tf.config.list_physical_devices("GPU")
        self.faster = self._fetches_rows
        self._recipe = recipe(model, data)
        self._rates: Any = None
        self._template = {name: tuple(variable.shape) for name, variable in state_variables(model).items()}
        self._weights = [self._stacked_variable(weight) for weight in model.trainable_variables]
        self._optimizer = self._stacked_optimizer(model.optimizer)
        self._names = ["loss", *(name for name, _ in self._recipe.metrics)]
        self._sums = tf.Variable(tf.zeros((len(self._names), members)))
        self._advance = tf.function(self._epochs, jit_compile=True, autograph=False)
        self._evaluate = tf.function(self._evaluation, autograph=False)

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        return place(data)

    # -- states ---------------------------------------------------------------------------------------------------

    def load(self, states: list[State]) -> None:
        """Start from one state a member; all must have come equally far (the optimizer counts its steps once)."""
        if _SUMS in states[0]:
            self._sums.assign(np.stack([state[_SUMS] for state in states], axis=1))
        for name, variable in self._variables().items():
            variable.assign(self._joined([state[name] for state in states], variable))

    def read(self) -> list[State]:
        """Return the state that each member has reached."""
        states: list[State] = [{} for _ in range(self.members)]
        for name, variable in self._variables().items():
            values = np.array(variable.numpy())
            for member, state in enumerate(states):
                state[name] = self._own_part(values, member, self._template[name])
        return states

    def read_within(self) -> list[State]:
        """Return the state that each has reached inside an epoch: also the sums of its metrics."""
        sums = self._sums.numpy().T
        return [{**state, _SUMS: np.array(own)} for state, own in zip_equal(self.read(), sums)]

    def _variables(self) -> dict[str, Any]:
        optimizer = [variable for variable in self._optimizer.variables if variable is not self._rates]
        if self._rates is not None:
            optimizer[_RATE] = self._rates
        groups = {"model": self._weights, "optimizer": optimizer}
        return {f"{kind}/{index}": v for kind, group in groups.items() for index, v in enumerate(group)}

    def _stacked_variable(self, weight: Any) -> Any:
        stacked = self._joined([np.zeros(weight.shape, dtype="float32")] * self.members, None)
        return keras.Variable(stacked, dtype=weight.dtype)

    def _stacked_optimizer(self, optimizer: Any) -> Any:
        config = optimizer.get_config()
        copy = type(optimizer).from_config(config)
        copy.build(self._weights)
        if isinstance(config["learning_rate"], float):  # a schedule is the same for all
            self._rates = keras.Variable(np.zeros((self.members, 1, 1)), dtype="float32", trainable=False)
            set_learning_rate_variable(copy, self._rates)
        return copy

    def _joined(self, parts: list[NDArray[Any]], variable: Any) -> NDArray[Any]:
        """Put the members' kernels into one, [members, out, in], and so their biases, [members, 1, out]."""
        rank = parts[0].ndim
        if rank == 0:
            is_rate = variable is not None and len(variable.shape) > 0
            return np.asarray(parts).reshape(-1, 1, 1) if is_rate else parts[0]
        return np.stack([part.T for part in parts]) if rank == 2 else np.stack(parts)[:, None, :]

    def _own_part(self, values: NDArray[Any], member: int, shape: tuple[int, ...]) -> NDArray[Any]:
        if values.ndim == 0:
            return values
        if not shape:
            return np.asarray(values.reshape(-1)[member])
        return np.ascontiguousarray(values[member].T if len(shape) == 2 else values[member, 0])

    # -- what is done ---------------------------------------------------------------------------------------------

    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""
        return tf.constant(orders)

    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs; return the metrics, [rows, 2 * names, members]."""
        spans = tuple(tuple(tf.constant(number) for number in span) for span in self._batches.spans(first, last))
        table: NDArray[Any] = self._advance(data.train, data.validation, orders, tf.constant(count), spans).numpy()
        return table

    def evaluate(self, data: DeviceData) -> MemberColumns:
        """Return loss and metrics of every member's present state on both parts of the data, [1, members]."""
        columns = {}
        for prefix, (x, y, _) in {"": data.train, "val_": data.validation}.items():
            values = self._evaluate(x, y).numpy()
            columns.update({prefix + name: values[index][None] for index, name in enumerate(self._names)})
        return columns

    # -- what is traced -------------------------------------------------------------------------------------------

    def _epochs(self, train: Any, validation: Any, orders: Any, count: Any, spans: Any) -> Any:
        def epoch(index: Any, table: Any) -> Any:
            trained = self._each_batch(train, orders[index], *spans[0])
            validated = self._each_batch(validation, None, *spans[1])
            return index + 1, tf.tensor_scatter_nd_update(table, [[index]], [tf.concat([trained, validated], 0)])

        table = tf.zeros((self.longest_call_epochs, 2 * len(self._names), self.members))
        loop = (tf.constant(0), table)
        return tf.while_loop(lambda index, _: index < count, epoch, loop, parallel_iterations=1)[1]

    def _each_batch(self, part: Any, orders: Any, begin: Any, end: Any) -> Any:
        """Learn from, or without orders judge, all batches that start from example `begin` on and before `end`."""
        batches, examples = self._batches, part[0].shape[0]
        size = batches.size if orders is not None else batches.validated_size
        full = examples - examples % size

        def loop(first: Any, stop: Any, rows: int) -> None:
            def body(start: Any) -> Any:
                self._sums.assign_add(self._step(part, orders, start, rows))
                return start + rows

            tf.while_loop(lambda start: start < stop, body, (first,), parallel_iterations=1)

        self._sums.assign(tf.where(tf.equal(begin, 0), 0.0, self._sums))
        if full:
            loop(begin, tf.minimum(end, full), size)
        if examples > full:
            loop(tf.maximum(begin, full), end, examples - full)
        return self._sums / examples

    def _step(self, part: Any, orders: Any, start: Any, rows: int) -> Any:
        if orders is None:
            x, y = (consecutive(array, start, rows) for array in part[:2])
            return self._totals(y, self._outputs(x), own=False)
        chosen = tf.slice(orders, [0, start], [orders.shape[0], rows])
        chosen = fetched(part[0], chosen) if self._fetches_rows else chosen
        x, y = (tf.gather(array, chosen[0] if self.shared_order else chosen) for array in part[:2])
        return self._learn(x, y, own=not self.shared_order)

    def _learn(self, x: Any, y: Any, *, own: bool) -> Any:
        values = [weight.value for weight in self._weights]
        with tf.GradientTape() as tape:
            outputs = self._outputs(x, own=own)
            losses = self._recipe.loss(self._truth(y, own=own), outputs)
            loss = tf.reduce_sum(tf.reduce_mean(losses, axis=-1))  # of the members' mean losses: each has its own
        self._optimizer.apply_gradients(zip_equal(tape.gradient(loss, values), self._weights))
        return self._totals(y, outputs, own=own)

    def _truth(self, y: Any, *, own: bool) -> Any:
        """Return the truth for every member, [members, examples, ...]."""
        return y if own else tf.broadcast_to(y[None], tf.concat([[self.members], tf.shape(y)], 0))

    def _totals(self, y: Any, outputs: Any, *, own: bool) -> Any:
        """Return the sums over examples of loss and metrics, [names, members]."""
        truth = self._truth(y, own=own)
        functions = [self._recipe.loss, *(function for _, function in self._recipe.metrics)]
        return tf.stack([tf.reduce_sum(function(truth, outputs), axis=-1) for function in functions])

    def _evaluation(self, x: Any, y: Any) -> Any:
        return self._each_batch((x, y), None, tf.constant(0), tf.constant(x.shape[0]))

    def _outputs(self, x: Any, *, own: bool = False) -> Any:
        """Return every member's outputs, [members, examples, ...], for inputs they share or that are each one's own."""
        weights, split = iter(self._weights), own
        for layer in self._recipe.steps:
            if isinstance(layer, keras.layers.Dense):
                x, split = self._dense(layer, x, weights, split=split), True
            elif isinstance(layer, keras.layers.Flatten):
                x = tf.reshape(x, (*x.shape[: 1 + split], -1))
            else:
                x = layer(x)
        return x

    def _dense(self, layer: Any, x: Any, weights: Iterator[Any], *, split: bool) -> Any:
        """Multiply inputs, [examples, in], or if `split` [members, examples, in], by the members' kernels.

        Returns [members, examples, out].
        """
        kernel, x = next(weights).value, tf.cast(x, "float32")
        if split:
            x = tf.matmul(x, kernel, transpose_b=True)
        else:
            wide = tf.matmul(x, tf.reshape(kernel, (-1, kernel.shape[-1])), transpose_b=True)
            x = tf.transpose(tf.reshape(wide, (-1, *kernel.shape[:2])), (1, 0, 2))
        if layer.use_bias:
            x = x + next(weights).value
        return layer.activation(x)
