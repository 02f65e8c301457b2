"""Kernels of few neurons on many inputs, with XLA: their gradients fast, and with the same bits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.training import seed_everything
from hpcsweep.training.programs import cache as programs
from tests.training import nets
from tests.training.test_equality import keras_alone, through_fit

pytestmark = nets.tensorflow_only
DATA = nets.images(192, 45)  # whole batches to train on: XLA compiles a step per size of batch, which takes the time
tf = pytest.importorskip("tensorflow", reason="products of Keras on TensorFlow")


def swaps(build: nets.Build, engine: str, batch_size: int = 32) -> int:
    """Count the products that a program for `build` computes swapped."""
    seed_everything(0)
    program: Any = programs.Setup(build(), nets.images(), batch_size, (), None).program(engine)
    data = program.put(nets.images())
    orders = tf.zeros((program.longest_call_epochs, 203), tf.int32)
    spans = ((tf.constant(0), tf.constant(203)), (tf.constant(0), tf.constant(45)))
    traced = program.traced.get_concrete_function(data.train, data.validation, orders, tf.constant(1), spans)
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return sum(node.op == "XlaOptimizationBarrier" for node in nodes)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch):
    """The module of narrow products, for which the 64 inputs of the tests' nets are many."""
    from hpcsweep.training.on_tensorflow.faster import narrow_products

    monkeypatch.setattr(narrow_products, "LEAST_INPUTS", 64)
    monkeypatch.setattr(programs, "shared_programs", programs.Programs())  # none that was traced without
    return narrow_products


def plain() -> keras.Model:
    """The dense net with the plainest of optimizers, whose update is easily merged with other things."""
    return nets.dense("sgd")


BUILDS = [nets.dense, plain, nets.normalised, nets.regularised, nets.functional, nets.averaged, nets.batch_norm]


@pytest.mark.parametrize("build", BUILDS)
def test_swapped_products_have_the_bits_of_model_fit_with_xla(build, products):
    """With its first kernel's gradient computed swapped, a net has the bits of `model.fit` with XLA all the same."""
    assert swaps(build, "compiled-xla") > 0
    expected = keras_alone(build, DATA, 32, jit=True)
    assert through_fit(build, DATA, 32, "compiled-xla") == expected


@pytest.mark.parametrize(("examples", "inputs", "neurons"), [(1, 784, 8), (32, 784, 1), (11, 144, 3), (128, 3072, 32)])
def test_shapes_are_tried_on_this_processor(examples, inputs, neurons, products):
    """A shape is said to have the same bits exactly if the swapped product equals XLA's own on other numbers too."""
    chance = np.random.default_rng(7)
    x, upstream = (tf.constant(chance.normal(size=(examples, n)).astype("float32")) for n in (inputs, neurons))
    own = tf.function(lambda x, y: tf.matmul(x, y, transpose_a=True), jit_compile=True)(x, upstream)
    swapped = tf.function(products.swapped_product, jit_compile=True)(x, upstream)
    assert products.has_the_same_bits(examples, inputs, neurons) == np.array_equal(own.numpy(), swapped.numpy())


def test_only_what_xla_compiles_is_swapped(products, monkeypatch):
    """Without XLA, with few inputs, and on a processor where the bits would differ, Keras's own product is taken."""
    assert swaps(nets.dense, "compiled") == 0
    monkeypatch.setattr(products, "LEAST_INPUTS", 65)
    assert swaps(nets.dense, "compiled-xla") == 0
    monkeypatch.setattr(products, "LEAST_INPUTS", 64)
    assert swaps(nets.dense, "compiled-xla") > 0
    monkeypatch.setattr(products, "has_the_same_bits", lambda *shape: False)
    assert swaps(nets.dense, "compiled-xla") == 0
