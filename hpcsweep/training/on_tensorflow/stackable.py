"""What can be stacked: plain dense nets, whose members differ in their numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from hpcsweep.errors import UsageError
from hpcsweep.training.examples import TrainingData, is_one_array
from hpcsweep.training.keras_private import (
    compiled_metrics,
    excludes_from_weight_decay,
    function_of_loss,
    function_of_metric,
)

_ELEMENTWISE = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam")
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")  # of losses: alike where no example has a weight


class NotStackableError(UsageError):
    """This net has to be trained alone."""


@dataclass(frozen=True)
class Recipe:
    """A net as the stacked program needs it: what to do to an input, one step after another, and how it is judged."""

    steps: tuple[Any, ...]
    loss: Any
    metrics: tuple[tuple[str, Any], ...]


def recipe(model: Any, data: TrainingData) -> Recipe:
    """Return the recipe of a built and compiled model; NotStackableError names the first thing that is in the way."""
    if not isinstance(model, keras.Sequential):
        raise NotStackableError(f"a {type(model).__name__} model cannot be stacked; expected keras.Sequential")
    for layer in model.layers:
        _check_layer(layer)
    _check_optimizer(model.optimizer)
    if data.sample_weight is not None or data.val_sample_weight is not None:
        raise NotStackableError("data with sample weights cannot be stacked")
    if not all(map(is_one_array, (data.x, data.y, data.x_val, data.y_val))):
        raise NotStackableError("data that are not one array each of inputs and truth, to train and to validate on")
    return Recipe(tuple(model.layers), _loss(model), tuple(_metrics(model)))


def _check_layer(layer: Any) -> None:
    known = (keras.layers.Dense, keras.layers.Rescaling, keras.layers.Flatten, keras.layers.Activation)
    if type(layer) not in known:
        raise NotStackableError(f"layer {layer.name} ({type(layer).__name__}) cannot be stacked")
    if layer.compute_dtype != "float32":
        raise NotStackableError(f"layer {layer.name} cannot be stacked: it computes in {layer.compute_dtype}")
    if layer.losses or getattr(layer, "activity_regularizer", None) or not layer.trainable:
        raise NotStackableError(f"layer {layer.name} cannot be stacked: it is regularised or frozen")
    for part in ("kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint"):
        if getattr(layer, part, None) is not None:
            raise NotStackableError(f"layer {layer.name} cannot be stacked: it has a {part}")


def _check_optimizer(optimizer: Any) -> None:
    name = type(optimizer).__name__
    if name not in _ELEMENTWISE:
        raise NotStackableError(f"optimizer {name} cannot be stacked; expected one of {', '.join(_ELEMENTWISE)}")
    for option in ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps"):
        if getattr(optimizer, option, None):
            raise NotStackableError(f"optimizer option {option} cannot be stacked: it would mix or miscount members")
    if excludes_from_weight_decay(optimizer):
        raise NotStackableError("an optimizer that excludes weights from its decay cannot be stacked")


def _loss(model: Any) -> Any:
    """Return the loss as a function of (truth, outputs), one number per example, whatever axes stand before it."""
    if model.loss is None or isinstance(model.loss, (list, tuple, dict)):
        raise NotStackableError("a net without a loss, or with several, cannot be stacked")
    loss = keras.losses.get(model.loss)
    found = function_of_loss(loss) if isinstance(loss, keras.losses.Loss) else (loss, {})
    if found is None:
        raise NotStackableError(f"loss {loss.name} cannot be stacked; expected one of Keras's own")
    function, options = found
    if getattr(loss, "reduction", _MEANS[0]) not in _MEANS or options.get("ignore_class") is not None:
        raise NotStackableError("a loss that is not the mean over all examples cannot be stacked")
    if (model.get_compile_config() or {}).get("loss_weights"):
        raise NotStackableError("a loss with loss_weights cannot be stacked")
    return partial(function, **options)


def _metrics(model: Any) -> list[tuple[str, Any]]:
    found = []
    for metric in compiled_metrics(model):
        averaged = function_of_metric(metric)
        if averaged is None:
            raise NotStackableError(f"metric {metric.name} cannot be stacked; expected a mean over examples")
        function, options = averaged
        found.append((metric.name, partial(function, **options)))
    return found
