"""Whole epochs inside one `tf.function`, around the model's own Keras `train_step` and `test_step`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData, arrays_of, count, map_arrays, packed
from hpcsweep.training.keras_private import layers_of
from hpcsweep.training.on_tensorflow.faster import Trick, Tricks
from hpcsweep.training.on_tensorflow.faster.flat_updates import flat_updates
from hpcsweep.training.on_tensorflow.faster.narrow_products import fast_narrow_products
from hpcsweep.training.on_tensorflow.faster.prefetch_rows import fetched
from hpcsweep.training.programs.device_data import Placed, place_once
from hpcsweep.training.programs.epoch_program import EpochProgram
from hpcsweep.training.programs.protocol import Columns, DeviceData, require_metrics

_on_device = Placed()


def place(data: TrainingData) -> DeviceData:
    """Copy data to the default device; the same object is copied once."""
    return place_once(data, _on_device, tf.constant)


def consecutive(array: Any, start: Any, count: Any) -> Any:
    """Return `count` rows of `array` from `start` on."""
    rest = array.shape.as_list()[1:]
    return tf.slice(array, [start, *(0 for _ in rest)], [count, *rest])


class TensorFlowProgram(EpochProgram):
    """The engines `compiled` and, with `jit`, `compiled-xla`.

    Without XLA its numbers are those of `model.fit`, with XLA those of a model compiled with `jit_compile=True`, bit
    for bit, for the same order of the examples.
    """

    # With these TensorFlow says that a net cannot be compiled; `auto` then takes `fit`, and who asked for this engine
    # is told in one line. Its NotImplementedError: the net's code gives a tensor to NumPy, which `model.fit` allows
    # only where it runs eagerly.
    refusals = (tf.errors.OpError, TypeError, NotImplementedError)

    def __init__(
        self, model: Any, batch_size: int, data: TrainingData, *, jit: bool, tricks: Tricks = frozenset()
    ) -> None:
        """Adopt `model`, which must be built and compiled; its variables become the program's.

        `tricks`: which may be used, where they help.
        """
        super().__init__(model, batch_size, data)
        self.engine = "compiled-xla" if jit else "compiled"
        on_cpu = not tf.config.list_physical_devices("GPU")
        self._tricks = tricks if jit and on_cpu else frozenset()
        self.faster = bool(self._tricks)
        self._jit_steps = jit and on_cpu and _has_convolutions(model)
        self._jit = jit and not self._jit_steps
        self.traced = tf.function(self._epochs, jit_compile=self._jit, autograph=False)
        self._evaluations: dict[bool, Any] = {}
        self._predict = tf.function(self._predictions, autograph=False)
        self._has_one_output: bool | None = None

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        return place(data)

    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""
        return tf.constant(orders)

    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs."""
        spans = tuple(tuple(tf.constant(number) for number in span) for span in self._batches.spans(first, last))
        table: NDArray[Any] = self.traced(data.train, data.validation, orders, tf.constant(count), spans).numpy()
        return table

    def warm_up(self, data: DeviceData) -> None:
        """Compile the epoch, or its steps: those of the first batch and of the last, which may be smaller."""
        super().warm_up(data)
        if self._jit_steps:
            orders = tf.zeros((self.longest_call_epochs, self._examples), tf.int32)
            trained, count = self._batches.to_train, self._batches.count
            for batch in {0, trained - 1, trained, count - 1}:
                self.call(data, orders, 1, batch, batch + 1)

    def evaluate(self, data: DeviceData) -> Columns:
        """Return loss and metrics of the present state on both parts; never with XLA, so the same for both engines."""
        parts = {"": data.train, **({"val_": data.validation} if data.validates else {})}
        return {
            prefix + name: [float(value)]
            for prefix, part in parts.items()
            for name, value in self._evaluation_of(part)(*arrays_of(part)).items()
        }

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs, [examples, ...]; None if the model has several outputs."""
        if self._has_one_output is None:
            self._has_one_output = tf.is_tensor(self.model(data.validation[0][:1], training=False))
        return self._predict(data.validation[0]).numpy() if self._has_one_output else None

    # -- what is traced -------------------------------------------------------------------------------------------

    def _epochs(self, train: Any, validation: Any, orders: Any, count: Any, spans: Any) -> Any:
        def epoch(index: Any, table: Any) -> Any:
            with self._faster_steps():
                trained = self._each_batch(self.model.train_step, train, orders[index], *spans[0])
            validated = self._each_batch(self.model.test_step, validation, None, *spans[1]) if self.validates else []
            row = tf.stack([tf.cast(value, keras.config.floatx()) for value in (*trained, *validated)])
            return index + 1, tf.tensor_scatter_nd_update(table, [[index]], [row])

        columns = (1 + self.validates) * len(self._names)
        table = tf.zeros((self.longest_call_epochs, columns), dtype=keras.config.floatx())
        loop = (tf.constant(0), table)
        return tf.while_loop(lambda index, _: index < count, epoch, loop, parallel_iterations=1)[1]

    @contextmanager
    def _faster_steps(self) -> Iterator[None]:
        """Trace steps so that XLA computes them fast on a CPU, with the same bits."""
        narrow, flat = Trick.NARROW_PRODUCTS in self._tricks, Trick.FLAT_UPDATES in self._tricks
        products = fast_narrow_products(self._batches.trained_sizes) if narrow else nullcontext()
        with products, flat_updates(self.model.optimizer) if flat else nullcontext():
            yield

    def _each_batch(self, step: Any, part: Any, order: Any, begin: Any, end: Any) -> list[Any]:
        """Call `step` on all batches that start from example `begin` on and before `end`, and return the metrics.

        The step is traced for shapes as static as those Keras would trace it for, because it rounds differently where
        it knows them: for batches of one size, or of any size if the last one is smaller. XLA wants to know them all
        the same, so with it what is left after the full batches is a second call of the same trace. That begin and end
        are known only at run time keeps XLA from merging a lone step into its surroundings, which would round
        differently, and lets one trace train whole epochs and parts of them.
        """
        size, examples = self._batch_size, count(part)
        left = examples % size
        if self._jit_steps:
            step = tf.function(step, jit_compile=True, autograph=False, reduce_retracing=True)
        if left and self._jit:
            step = _for_any_size(step, part)

        def loop(first: Any, stop: Any, rows: Callable[[Any], Any]) -> None:
            def body(start: Any) -> Any:
                require_metrics(step(self._batch(part, order, start, rows(start))), self._names)
                return start + size

            tf.while_loop(lambda start: start < stop, body, (first,), parallel_iterations=1)

        tf.cond(begin == 0, self._reset_metrics, lambda: 0)
        if not left:
            loop(begin, end, lambda _: size)
        elif not self._jit:
            loop(begin, end, lambda start: tf.minimum(size, examples - start))
        else:
            if examples > left:
                loop(begin, tf.minimum(end, examples - left), lambda _: size)
            loop(tf.maximum(begin, examples - left), end, lambda _: left)
        return list(self.model.get_metrics_result().values())

    def _batch(self, part: Any, order: Any, start: Any, size: Any) -> Any:
        """Return `size` examples from `start` on, in the order given or as they lie."""
        if order is None:
            return packed(*map_arrays(lambda array: consecutive(array, start, size), part))
        own = tf.slice(order, [start], [size])
        if self._jit and Trick.FETCHED_ROWS in self._tricks and tf.is_tensor(part[0]):
            own = fetched(part[0], own)
        return packed(*map_arrays(lambda array: tf.gather(array, own), part))

    def _reset_metrics(self) -> int:
        self.model.reset_metrics()
        return 0

    def _evaluation_of(self, part: Any) -> Any:
        weighted = part[2] is not None
        if weighted not in self._evaluations:
            specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays_of(part)]
            function = tf.function(partial(self._evaluation, map_arrays(lambda _: 0, part)), autograph=False)
            self._evaluations[weighted] = function.get_concrete_function(*specs)
        return self._evaluations[weighted]

    def _evaluation(self, like: Any, *arrays: Any) -> Any:
        remaining = iter(arrays)
        part = map_arrays(lambda _: next(remaining), like)
        self.model.reset_metrics()
        examples = tf.shape(arrays[0])[0]

        def batch(start: Any) -> Any:
            rows = slice(start, tf.minimum(start + self.evaluation_batch, examples))
            self.model.test_step(packed(*map_arrays(lambda array: array[rows], part)))
            return start + self.evaluation_batch

        tf.while_loop(lambda start: start < examples, batch, (tf.constant(0),), parallel_iterations=1)
        return self.model.get_metrics_result()

    def _predictions(self, x: Any) -> Any:
        size, examples = self.evaluation_batch, tf.shape(x)[0]
        outputs = tf.TensorArray(keras.config.floatx(), size=0, dynamic_size=True, infer_shape=False)

        def batch(index: Any, outputs: Any) -> Any:
            rows = x[index * size : (index + 1) * size]
            output = tf.cast(self.model(rows, training=False), keras.config.floatx())
            return index + 1, outputs.write(index, output)

        def unfinished(index: Any, _: Any) -> Any:
            return index * size < examples

        written = tf.while_loop(unfinished, batch, (tf.constant(0), outputs), parallel_iterations=1)[1]
        return written.concat()


def _has_convolutions(model: Any) -> bool:
    """Whether the model has convolutions.

    On a CPU, XLA computes them inside a loop many times slower, and with other bits, than outside, as in `model.fit`;
    so each step of an epoch is compiled alone.
    """
    return any("Conv" in type(layer).__name__ for layer in layers_of(model))


def _for_any_size(step: Any, part: Any) -> Any:
    """Trace `step` for batches of any size, once."""
    like = packed(*map_arrays(lambda _: 0, part))
    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays_of(packed(*part))]

    def given(*arrays: Any) -> Any:
        remaining = iter(arrays)
        return step(map_arrays(lambda _: next(remaining), like))

    traced = tf.function(given, input_signature=specs, autograph=False)
    return lambda batch: traced(*arrays_of(batch))
