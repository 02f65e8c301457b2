"""All that we use of Keras behind its public face: the only file that may, so that one place follows its releases.

Each function has a test of what it does (tests/training/test_keras_private.py), which names the release that breaks
it. All names here are in Keras 3.3 to 3.15, except where a function says since when. What TensorFlow keeps private is
in on_tensorflow/private.py, since nothing of TensorFlow may be imported where Keras runs on JAX.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.src.backend.common import global_state
from keras.src.losses.losses import LossFunctionWrapper
from keras.src.models.functional import Functional
from keras.src.random.seed_generator import global_seed_generator
from keras.src.utils import module_utils

_NAMES_SO_FAR, _DTYPE_POLICY = "object_name_uids", "dtype_policy"
_SEED, _SHARED_SEEDS = "global_random_seed", "global_seed_generator"  # have constants since 3.10 and 3.13

OF_CALLBACKS = frozenset({"_model", "params"})
"""Attributes that Keras gives to a callback, which are no state of it."""
OF_TENSORBOARD = frozenset({"_writers", "_summary_module", "_prev_summary_state", "_batch_trace_context"})
"""Attributes of the TensorBoard callback that it makes anew."""
OF_DATASETS = frozenset({"_workers", "_use_multiprocessing", "_max_queue_size"})
"""Attributes that Keras gives to a PyDataset, which are no state of it."""
SET_BEHIND_METHODS = frozenset({"_tracker", "_auto_config", "_parent_path", "_lock", "_obj_type"})
"""Attributes that Keras keeps in objects of the user's classes, and sets elsewhere than in its classes' methods."""


# -- the state of Keras as a whole --------------------------------------------------------------------------------


def expect_no_tensorflow() -> None:
    """Have Keras never import TensorFlow, as it does only to see whether an object is one of TensorFlow's."""
    module_utils.tensorflow._available = False


def restart_names() -> None:
    """Start Keras's automatic names afresh: the next AUC metric is called "auc" again, not "auc_1"."""
    global_state.set_global_attribute(_NAMES_SO_FAR, None)


def restart_seeds(seed: int) -> None:
    """Do what keras.utils.set_random_seed does to Keras itself: since 3.10 and, for the shared seeds, 3.13."""
    global_state.set_global_attribute(_SEED, seed)
    global_state.set_global_attribute(_SHARED_SEEDS, None)


def shared_seeds() -> Any | None:
    """Return the seed generator of what calls keras.random without one of its own; None if nothing has yet."""
    return global_state.get_global_attribute(_SHARED_SEEDS)


def make_shared_seeds() -> Any:
    """Return that generator, made now if there is none."""
    return global_seed_generator()


def dtype_policy_of_this_thread() -> Any | None:
    """Return the policy that was set in this thread, None if none was."""
    return global_state.get_global_attribute(_DTYPE_POLICY)


# -- models, and what they are made of ----------------------------------------------------------------------------


def is_functional(model: Any) -> bool:
    """Whether `model` is a plain functional model, not one of a class that inherits from it."""
    return type(model) is Functional


def layers_of(model: Any) -> list[Any]:
    """Return all layers inside `model`, those inside layers and the model itself included."""
    return list(model._flatten_layers())


def build_symbolically(model: Any, batch: Any) -> None:
    """Create the variables of a compiled model, its metrics and its optimizer that are not there yet.

    Of the `batch` (inputs, truth, weights) only the shapes and types count.
    """
    model._symbolic_build(data_batch=batch)


def draws_its_seed(value: Any) -> bool:
    """Whether `value` is an initializer whose seed was drawn at random, because none was given."""
    return isinstance(value, keras.initializers.Initializer) and getattr(value, "_init_seed", 0) is None


def compiled_metrics(model: Any) -> list[Any]:
    """Return the metrics that a built model was compiled with; not the one of its loss."""
    return [] if model._compile_metrics is None else list(model._compile_metrics.metrics)


def function_of_loss(loss: Any) -> tuple[Any, dict[str, Any]] | None:
    """Return the function that a loss averages, and its options; None for a loss that is not Keras's."""
    return (loss.fn, loss._fn_kwargs) if isinstance(loss, LossFunctionWrapper) else None


def function_of_metric(metric: Any) -> tuple[Any, dict[str, Any]] | None:
    """Return the function that a metric averages, and its options; None for a metric that is no plain average."""
    return (metric._fn, metric._fn_kwargs) if isinstance(metric, keras.metrics.MeanMetricWrapper) else None


# -- optimizers ---------------------------------------------------------------------------------------------------


def learning_rate_of(optimizer: Any) -> Any:
    """Return the variable that holds the learning rate, or the schedule that it follows."""
    return getattr(optimizer, "inner_optimizer", optimizer)._learning_rate  # the inner one of a loss scale's


def set_learning_rate_variable(optimizer: Any, variable: Any) -> None:
    """Have `optimizer` take its learning rate from another variable."""
    optimizer._learning_rate = variable


def excludes_from_weight_decay(optimizer: Any) -> bool:
    """Whether exclude_from_weight_decay was called, of which an optimizer's configuration tells nothing."""
    return hasattr(optimizer, "_exclude_from_weight_decay")


def slots_of(optimizer: Any) -> dict[str, list[Any]]:
    """Return what a built optimizer remembers of each weight, by the names of its attributes."""
    weights, everything = (getattr(optimizer, name, []) for name in ("_trainable_variables", "_variables"))
    shapes = [weight.shape for weight in weights]
    return {
        name: kept
        for name, kept in vars(optimizer).items()
        if isinstance(kept, list)
        and kept
        and kept is not weights
        and kept is not everything
        and [getattr(slot, "shape", None) for slot in kept] == shapes
    }


def place_among_weights(optimizer: Any, variable: Any) -> int:
    """Return the index that `variable` has in each list of slots."""
    return int(optimizer._get_variable_index(variable))


def of_one_weight(optimizer: Any, slots: dict[str, Any]) -> Any:
    """Return `optimizer` as one of a single weight, of which it remembers `slots`."""
    single = object.__new__(type(optimizer))
    vars(single).update(vars(optimizer), **{name: [slot] for name, slot in slots.items()})
    vars(single)["_get_variable_index"] = lambda _: 0
    return single
