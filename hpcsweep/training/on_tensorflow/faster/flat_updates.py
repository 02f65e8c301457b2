"""Optimizer steps of kernels with 9 to 31 neurons, about three times as fast with XLA on a CPU.

Of the two loops over such a kernel, [inputs, neurons], LLVM unrolls the inner one before it vectorises, and so computes
one number after another. Over the same numbers as a flat array there is one long loop. XLA drops a mere reshaping; so
the array is what a `while` loop of one round carries. That the bits are the same is not taken on trust: every optimizer
and shape is tried on the processor at hand before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpcsweep.files import canonical_json
from hpcsweep.machine import zip_equal
from hpcsweep.training.keras_private import of_one_weight, place_among_weights, slots_of
from hpcsweep.training.on_tensorflow.faster.narrow_products import NARROW_PRODUCT
from hpcsweep.training.on_tensorflow.private import barrier

NEURONS = range(9, 32)  # measured: kernels of fewer, and of most other numbers, are vectorised as they are
LEAST_NUMBERS = 1000  # of a kernel: the loop of one round takes a microsecond
_ELEMENTWISE = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "Nadam", "Lion", "Ftrl")


@contextmanager
def flat_updates(optimizer: Any) -> Iterator[None]:
    """Trace the steps of a built Keras `optimizer` so that XLA computes them fast; only for XLA on a CPU."""
    own = optimizer.update_step

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        update = partial(update_flat, optimizer) if _gains(optimizer, gradient, variable) else own
        update(gradient, variable, learning_rate)

    with _stepping_by(optimizer, update_step):
        yield


@contextmanager
def _stepping_by(optimizer: Any, update_step: Any) -> Iterator[None]:
    optimizer.update_step = update_step
    try:
        yield
    finally:
        del optimizer.update_step


def _gains(optimizer: Any, gradient: Any, variable: Any) -> bool:
    shape = tuple(variable.shape)
    if len(shape) != 2 or shape[1] not in NEURONS or shape[0] * shape[1] < LEAST_NUMBERS:
        return False
    kind = type(optimizer).__name__
    if kind not in _ELEMENTWISE or type(optimizer) is not getattr(keras.optimizers, kind):
        return False
    if variable.dtype != tf.float32 or not _is_product(gradient) or not slots_of(optimizer):
        return False
    config = _config(optimizer)
    return not config["gradient_accumulation_steps"] and has_the_same_bits(kind, canonical_json(config), shape)


def _config(optimizer: Any) -> dict[str, Any]:
    """Return what a step depends on: a plain learning rate is a variable."""
    with tf.init_scope():  # the configuration holds values of variables, which are not known in what is being traced
        config = {**optimizer.get_config(), "name": "tried"}
    return {**config, "learning_rate": 0.01} if isinstance(config["learning_rate"], float) else config


def _is_product(gradient: Any) -> bool:
    """Whether a gradient is what a matrix product gave.

    That lies in memory anyway. Others XLA may compute within the update, where it rounds differently.
    """
    while gradient.op.type in ("Identity", "IdentityN"):
        gradient = gradient.op.inputs[gradient.value_index]
    return gradient.op.type == "MatMul" or NARROW_PRODUCT in gradient.op.name


class _FlatVariable:
    """Stands for a variable while an optimizer makes its step: a flat array that is assigned to."""

    def __init__(self, value: Any) -> None:
        self.value, self.dtype, self.shape = value, value.dtype, value.shape

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.value

    def assign(self, value: Any) -> None:
        self.value = value

    def assign_add(self, value: Any) -> None:
        self.value = self.value + value

    def assign_sub(self, value: Any) -> None:
        self.value = self.value - value


def update_flat(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Make the optimizer's step for one kernel, over its numbers and what is remembered of them as flat arrays."""
    index = place_among_weights(optimizer, variable)
    slots = {name: kept[index] for name, kept in slots_of(optimizer).items()}
    owners, flat_gradient = [variable, *slots.values()], tf.reshape(gradient, [-1])

    def step(done: Any, *values: Any) -> list[Any]:
        flat, *flat_slots = map(_FlatVariable, values)
        in_round = barrier(flat_gradient, done)  # or XLA computes a part before the loop
        single = of_one_weight(optimizer, dict(zip_equal(slots, flat_slots)))
        type(optimizer).update_step(single, in_round, flat, learning_rate)
        return [done + 1, *(each.value for each in (flat, *flat_slots))]

    once = 1 + tf.minimum(0, tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.int32))  # XLA cannot tell
    values = (tf.reshape(tf.convert_to_tensor(owner), [-1]) for owner in owners)
    _, *updated = tf.while_loop(lambda done, *_: done < once, step, [tf.constant(0), *values], parallel_iterations=1)
    for owner, value in zip_equal(owners, updated):
        owner.assign(tf.reshape(value, owner.shape))


@lru_cache(maxsize=256)
def has_the_same_bits(kind: str, config: str, shape: tuple[int, int]) -> bool:
    """Whether flat steps of Keras's optimizer `kind` with `config` (JSON) equal its own on this processor."""
    with tf.init_scope():
        try:
            return _three_steps(kind, config, shape, flat=False) == _three_steps(kind, config, shape, flat=True)
        except (AttributeError, TypeError, ValueError):  # a Keras whose optimizers keep other books than this one's
            return False


def _three_steps(kind: str, config: str, shape: tuple[int, int], *, flat: bool) -> list[bytes]:
    chance = np.random.default_rng(0)
    variable = keras.Variable(chance.normal(size=shape), dtype="float32")
    optimizer = getattr(keras.optimizers, kind).from_config(json.loads(config))
    optimizer.build([variable])
    for (slot,) in slots_of(optimizer).values():
        slot.assign(np.abs(chance.normal(size=shape)))

    @tf.function(jit_compile=True, autograph=False)
    def step(gradient: Any) -> None:
        update = partial(update_flat, optimizer) if flat else optimizer.update_step
        with _stepping_by(optimizer, update):
            optimizer.apply_gradients([(gradient, variable)])

    for _ in range(3):
        step(tf.constant(chance.normal(size=shape), tf.float32))
    return [np.asarray(each).tobytes() for each in (variable, *optimizer.variables)]
