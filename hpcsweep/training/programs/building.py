"""Creating all variables of a model before it is trained, so that its fresh state is whole."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import keras

from hpcsweep.training.examples import symbols_of
from hpcsweep.training.keras_private import build_symbolically
from hpcsweep.training.programs.backend import backend


def build(model: Any, batch: Any) -> None:
    """Create what a compiled model, its optimizer and its own training step lack, from a `batch` as a step gets it."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    own_step = type(model).train_step is not keras.Model.train_step
    if own_step and not model.run_eagerly:
        backend().trace_step(model, batch)
    if can_be_called(model):
        with suppress(Exception) if own_step else nullcontext():  # such a step need not call the model on x
            build_symbolically(model, symbols_of((x, y, None)))
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def can_be_called(model: Any) -> bool:
    """Whether the model has a `call`: one with a training step of its own need not."""
    return type(model).call is not keras.Model.call


def can_be_evaluated(model: Any) -> bool:
    """Whether Keras could evaluate the model: by its call, or a test step of its own."""
    return can_be_called(model) or type(model).test_step is not keras.Model.test_step
