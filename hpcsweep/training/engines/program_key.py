"""Which runs may share a traced program: the key of an architecture, optimizer, batch size and shape of data."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import keras

from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.training.examples import TrainingData, Tree, is_one_array
from hpcsweep.training.keras_private import excludes_from_weight_decay, is_functional, layers_of

_OURS = ("keras", "keras_hub")
_HARMLESS = (type(None), bool, int, float, str, bytes)


def architecture_key(model: Any, data: TrainingData, batch_size: int) -> str | None:
    """Return the SHA-256 of all that a traced program depends on, or None if that cannot be told for sure.

    Two models with the same key compute the same function of their variables and the data; seeds (the state holds
    them) and a plain learning rate (a variable) are left out of it. It can be told only for a Sequential or functional
    model all of whose parts come from Keras itself, none of them a Lambda layer or a function of the user's.
    """
    compiled = _told_config(model)
    if compiled is None:
        return None
    optimizer = compiled["optimizer"].get("config", {})
    if isinstance(optimizer.get("learning_rate"), float):
        optimizer = {**optimizer, "learning_rate": "a variable"}
    compiled = {**compiled, "optimizer": {**compiled["optimizer"], "config": optimizer}}
    return _key(model, data, compiled, batch_size)


def evaluation_key(model: Any, data: TrainingData) -> str | None:
    """Return the SHA-256 of all that an evaluation depends on besides weights and data: the same without optimizer."""
    compiled = _told_config(model)
    return None if compiled is None else _key(model, data, {**compiled, "optimizer": None}, None)


def is_all_of_keras(model: Any) -> bool:
    """Whether every part of a compiled model is Keras's own."""
    return _told_config(model) is not None


def _told_config(model: Any) -> dict[str, Any] | None:
    """Return what a model was compiled with, or None if what it computes cannot be told from its configuration."""
    is_keras_own = type(model) in (keras.Sequential, keras.Model) or is_functional(model)
    if not is_keras_own or _has_foreign_parts(model):
        return None
    compiled: dict[str, Any] = model.get_compile_config()
    return None if not compiled or _has_foreign_config(compiled) else compiled


def _key(model: Any, data: TrainingData, compiled: dict[str, Any], batch_size: int | None) -> str | None:
    trees = (data.x, data.y, data.sample_weight, data.x_val, data.y_val, data.val_sample_weight)
    shapes = [None if tree is None else _shapes(tree) for tree in trees]
    settings = [keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon()]
    kind = "sequential" if type(model) is keras.Sequential else "functional"
    return _sha256(kind, settings, _without_seeds(model.get_config()), _without_seeds(compiled), batch_size, shapes)


def _shapes(tree: Tree) -> Any:
    """Return the type and shape of an array; of a tree, that of each array with its path."""
    if is_one_array(tree):
        return [tree.dtype.str, list(tree.shape)]
    leaves = keras.tree.flatten_with_path(tree)
    return [[list(map(str, path)), None if leaf is None else _shapes(leaf)] for path, leaf in leaves]


def _sha256(*parts: Any) -> str | None:
    try:
        return sha256_hex(canonical_json(parts).encode())
    except (TypeError, ValueError):
        return None


def _has_foreign_parts(model: Any) -> bool:
    """Whether the model holds what its configuration may not tell: the user's functions, or baked-in arrays."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if excludes_from_weight_decay(optimizer):
        return True
    parts = (*layers_of(model), optimizer)
    return any(isinstance(part, keras.layers.Lambda) or not _from_keras(type(part)) for part in parts) or any(
        _is_foreign(item) for part in parts for value in vars(part).values() for item in _flat(value)
    )


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _flat(item)
    else:
        yield value


def _is_foreign(value: Any) -> bool:
    if isinstance(value, _HARMLESS):
        return False
    if isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)):
        return not _from_keras(value)
    return (hasattr(value, "__array__") and not isinstance(value, (keras.Variable, keras.KerasTensor))) or (
        isinstance(value, (keras.layers.Layer, keras.initializers.Initializer, keras.regularizers.Regularizer))
        and not _from_keras(type(value))
    )


def _from_keras(thing: Any) -> bool:
    return (getattr(thing, "__module__", None) or "").split(".")[0] in _OURS


def _has_foreign_config(config: Any) -> bool:
    """Whether a serialized configuration names a class or function that is not Keras's."""
    if isinstance(config, dict):
        named = "class_name" in config and "module" in config
        if named and (config.get("registered_name") or not str(config["module"]).startswith("keras")):
            return True
        return any(_has_foreign_config(value) for value in config.values())
    return isinstance(config, (list, tuple)) and any(_has_foreign_config(value) for value in config)


def _without_seeds(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _without_seeds(value) for key, value in config.items() if key != "seed"}
    return [_without_seeds(item) for item in config] if isinstance(config, (list, tuple)) else config
