"""Creating all variables of a model before it is trained, so that its fresh state is whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any

import keras

from hpcsweep.errors import JobError
from hpcsweep.training.examples import symbols_of
from hpcsweep.training.keras_private import build_symbolically
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.state.reachable import settings_of


def build(model: Any, batch: Any) -> None:
    """Create what a compiled model, its optimizer and its own training step lack, from a `batch` as a step gets it."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    own_step = type(model).train_step is not keras.Model.train_step
    if own_step and not model.run_eagerly:
        before = settings_of(model)
        backend().trace_step(model, batch)
        _require_no_count(before, settings_of(model))
    if can_be_called(model):
        with suppress(Exception) if own_step else nullcontext():  # such a step need not call the model on x
            build_symbolically(model, symbols_of((x, y, None)))
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _require_no_count(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise JobError if a number changed when the step was traced: how often it is, nobody says beforehand."""
    counted = [path for path, value in before.items() if _is_number(value) and after.get(path, value) != value]
    if counted:
        owner, _, attribute = counted[0].rpartition(".")
        raise JobError(
            f"attribute `{attribute}` of `{owner}` changes when the training step is traced, not when it runs; make it "
            "a keras.Variable, or compile the model with run_eagerly=True"
        )


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return False


def can_be_called(model: Any) -> bool:
    """Whether the model has a `call`: one with a training step of its own need not."""
    return type(model).call is not keras.Model.call


def can_be_evaluated(model: Any) -> bool:
    """Whether Keras could evaluate the model: by a test step of its own, or by its call and a loss."""
    if type(model).test_step is not keras.Model.test_step:
        return True
    has_loss = model.loss is not None or type(model).compute_loss is not keras.Model.compute_loss
    return can_be_called(model) and (has_loss or bool(model.losses))
