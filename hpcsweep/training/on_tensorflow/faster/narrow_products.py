"""Dense layers of few neurons on many inputs: their kernels' gradients, two to five times as fast with XLA on a CPU.

The gradient of a kernel [inputs, neurons] is the product of the transposed inputs, [inputs, examples], with what comes
back from the loss, [examples, neurons]. The library that XLA calls for it first packs the large matrix, which takes
longer than the product itself. Of the swapped product, [neurons, examples] with [examples, inputs], it packs the small
one; transposed, that is the same sums over the examples in the same order. That the bits are the same is not taken on
trust: every shape is tried on the processor at hand before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpcsweep.training.on_tensorflow.private import barrier, keras_matmul, multiplying_with

LEAST_INPUTS, MOST_NEURONS = 200, 32  # there is little to gain with others
NARROW_PRODUCT = "narrow_product"  # in the name of the operation whose result it is


@contextmanager
def fast_narrow_products(batch_sizes: tuple[int, ...]) -> Iterator[None]:
    """Trace Keras's products with narrow kernels so that XLA computes their gradients fast, for batches of these sizes.

    Only for what XLA compiles for a CPU.
    """

    def matmul(x1: Any, x2: Any) -> Any:
        x1, x2 = (keras.ops.convert_to_tensor(x) for x in (x1, x2))
        return (_product if _is_narrow(x1, x2, batch_sizes) else keras_matmul)(x1, x2)

    with multiplying_with(matmul):
        yield


def _is_narrow(x: Any, kernel: Any, batch_sizes: tuple[int, ...]) -> bool:
    matrices = all(each.shape.rank == 2 and each.dtype == tf.float32 for each in (x, kernel))
    if not matrices or isinstance(x, tf.SparseTensor) or None in kernel.shape:
        return False
    inputs, neurons = kernel.shape
    if inputs < LEAST_INPUTS or neurons > MOST_NEURONS:
        return False
    rows = batch_sizes if x.shape[0] is None else (x.shape[0],)  # a layer may have put other things than examples there
    return all(has_the_same_bits(size, inputs, neurons) for size in rows)


@tf.custom_gradient
def _product(x: Any, kernel: Any) -> Any:
    def gradients(upstream: Any) -> tuple[Any, Any]:
        return tf.matmul(upstream, kernel, transpose_b=True), swapped_product(x, upstream)

    return keras_matmul(x, kernel), gradients


def swapped_product(x: Any, upstream: Any) -> Any:
    """Return the product of the transposed x with `upstream`, by way of its transpose.

    What comes before and after must be compiled as it is around a product, since XLA rounds differently where it merges
    other operations. So it may see through nothing here: hence the barriers; the condition, of which both branches are
    the same, with a result that lies in memory; and the flat array, which lies there in the order of a product.
    """
    product = barrier(tf.matmul(upstream, x, transpose_a=True))

    def in_order() -> Any:
        flat = barrier(tf.reshape(tf.transpose(product), [-1]))
        return tf.reshape(flat, [x.shape[1], upstream.shape[1]])

    return tf.cond(upstream[0, 0] < 0, in_order, in_order, name=NARROW_PRODUCT)


@lru_cache(maxsize=256)
def has_the_same_bits(examples: int, inputs: int, neurons: int) -> bool:
    """Whether on this processor the swapped product of such matrices equals XLA's own, bit for bit."""
    chance = np.random.default_rng(examples)
    x, upstream = (chance.normal(size=(examples, width)).astype(np.float32) for width in (inputs, neurons))

    def both(x: Any, upstream: Any) -> tuple[Any, Any]:
        return tf.matmul(x, upstream, transpose_a=True), swapped_product(x, upstream)

    with tf.init_scope():  # outside of what is being traced
        own, swapped = tf.function(both, jit_compile=True, autograph=False)(tf.constant(x), tf.constant(upstream))
        return bool(np.array_equal(own.numpy(), swapped.numpy()))
