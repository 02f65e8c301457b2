"""How many examples are evaluated at once: what a net's largest output has room for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep.training import seed_everything
from hpcsweep.training.programs import evaluation_batch
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.evaluation_batch import MOST_EVALUATED, OUTPUT_BYTES, UNTOLD_EVALUATED
from hpcsweep.training.state.variables import read_state
from tests.training import nets

L = keras.layers
BATCH = 32


class OwnModel(keras.Model):
    """A model whose layers say nothing of their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = L.Dense(3)

    def call(self, x):
        return self.dense(x)


@settings(max_examples=30, deadline=None)
@given(side=st.integers(3, 64), filters=st.integers(1, 64), batch_size=st.sampled_from([1, 8, 32, 300]))
def test_the_largest_output_of_a_step_keeps_below_the_bound(side, filters, batch_size):
    """As many examples as fit, by powers of two, but always as many as are trained on at once."""
    image = (side, side, 1)
    model = keras.Sequential([keras.Input(image), L.Conv2D(filters, 3, padding="same"), L.Flatten(), L.Dense(2)])
    size = evaluation_batch.evaluation_batch(model, np.zeros((1, *image)), batch_size)
    example_bytes = 4 * side * side * filters
    assert size == batch_size or (batch_size < size <= MOST_EVALUATED and size * example_bytes <= OUTPUT_BYTES)
    assert size == MOST_EVALUATED or 2 * size * example_bytes > OUTPUT_BYTES


def test_a_wide_input_counts_as_an_output():
    """Pixels of large images are floats before the first layer is computed."""
    model = keras.Sequential([keras.Input((256, 256, 3)), L.Flatten(), L.Dense(2)])
    assert evaluation_batch.evaluation_batch(model, np.zeros((1, 256, 256, 3), np.uint8), 1) == 8


@pytest.mark.parametrize("nested", [False, True])
def test_a_model_of_a_class_of_its_own_is_evaluated_by_a_middling_number(nested):
    """Its layers were called by it, and so cannot be asked for their outputs."""
    inputs = keras.Input((5,))
    own = OwnModel()
    outputs = own(inputs)
    model = keras.Model(inputs, outputs) if nested else own
    assert evaluation_batch.evaluation_batch(model, np.zeros((1, 5)), BATCH) == UNTOLD_EVALUATED


@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_numbers_do_not_depend_on_how_many_are_evaluated_at_once(engine, monkeypatch):
    """Loss, metrics and predictions of all examples in one step are those of several steps, the last one smaller."""
    data = nets.images()

    def evaluated():
        seed_everything(0)
        program = Setup(nets.conv(), data, BATCH, (), None).program(engine)
        seed_everything(0)
        model = nets.conv()
        model.optimizer.build(model.trainable_variables)
        program.load(read_state(model))
        placed = program.put(data)
        return program.evaluate(placed), program.predict(placed)

    at_once, outputs_at_once = evaluated()
    monkeypatch.setattr(evaluation_batch, "OUTPUT_BYTES", 1)
    in_steps, outputs_in_steps = evaluated()
    assert {name: pytest.approx(column, rel=1e-5) for name, column in at_once.items()} == in_steps
    assert np.allclose(outputs_at_once, outputs_in_steps, rtol=1e-5)
