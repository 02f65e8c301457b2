"""The attributes of Python objects (callbacks, data sets) as a checkpoint keeps them, and back."""

from __future__ import annotations

import collections
import random
import types
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import keras
import numpy as np

from hpcsweep.errors import JobError
from hpcsweep.machine import zip_equal
from hpcsweep.training.state.reachable import is_variable

_SAME = {"kind": "same"}
"""Stands for what the object that the job has made anew holds already."""
_CONSTANT = (types.MethodType, types.BuiltinFunctionType, types.ModuleType, type, keras.Model, keras.KerasTensor)
_SEQUENCES: dict[type, str] = {
    list: "list",
    tuple: "tuple",
    set: "set",
    frozenset: "frozenset",
    collections.deque: "deque",
}
_MAKE: dict[str, Any] = {name: made for made, name in _SEQUENCES.items()}
_DEEPEST = 8


class NotKeptError(JobError):
    """An attribute cannot be kept in a checkpoint."""


def keep_attributes(thing: Any, path: str, *, leave: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the attributes of `thing` as a checkpoint holds them; NotKeptError names the first that cannot be kept.

    `leave`: attributes that are not looked at. A model, functions and classes are as the job makes them anew, but for
    what functions of the user's keep in the variables around them.
    """
    return {name: _kept(value, f"{path}.{name}", 0) for name, value in vars(thing).items() if name not in leave}


def give_attributes(thing: Any, kept: Mapping[str, Any]) -> None:
    """Put back what `keep_attributes` returned."""
    for name, value in kept.items():
        now = getattr(thing, name, None)
        new = _given(value, now)
        if new is not now:
            setattr(thing, name, new)


def _kept(value: Any, path: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return {"kind": "value", "value": value}
    if isinstance(value, float):
        return {"kind": "float", "value": np.float64(value)}
    if isinstance(value, (np.generic, np.ndarray)) and not np.asarray(value).dtype.hasobject:
        return {"kind": "value", "value": value}
    if isinstance(value, random.Random):
        version, words, gauss = value.getstate()
        return {"kind": "random", "version": version, "words": np.array(words, dtype=np.uint32), "gauss": gauss}
    if isinstance(value, np.random.Generator):
        return {"kind": "generator", "state": _kept(value.bit_generator.state, path, depth + 1)}
    if is_variable(value):
        return {"kind": "variable", "value": np.array(value.numpy())}
    name = getattr(value, "__name__", None)
    if isinstance(name, str) and getattr(keras.ops, name, None) is value:
        return {"kind": "operation", "name": name}
    if isinstance(value, types.FunctionType):
        return {"kind": "function", "around": _around(value, path, depth)}
    if isinstance(value, _CONSTANT):
        return _SAME
    if depth > _DEEPEST:
        raise NotKeptError(f"{path} lies too deep to be kept in a checkpoint")
    if type(value) in _SEQUENCES:
        return {
            "kind": _SEQUENCES[type(value)],
            "items": [_kept(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)],
        }
    if isinstance(value, Mapping) and hasattr(value, "update"):
        pairs = [[_kept(k, path, depth + 1), _kept(v, f"{path}[{k!r}]", depth + 1)] for k, v in value.items()]
        return {"kind": "dict", "pairs": pairs}
    if isinstance(value, (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric)):
        return {"kind": "variables", "values": [np.array(variable.numpy()) for variable in value.variables]}
    if hasattr(value, "numpy") and hasattr(value, "dtype"):  # a tensor
        return {"kind": "value", "value": np.asarray(value)}
    module = type(value).__module__.partition(".")[0]
    if hasattr(value, "__dict__") and module not in ("io", "_io", "threading", "_thread", "tensorflow", "logging"):
        return {"kind": "object", "attributes": keep_attributes(value, path)}
    raise NotKeptError(f"{path} is a {type(value).__name__}, which cannot be kept in a checkpoint")


def _around(function: types.FunctionType, path: str, depth: int) -> dict[str, Any]:
    """Return what a function of the user's keeps in plain variables around it."""
    kept = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:  # empty so far
            continue
        if value is None or isinstance(value, (bool, int, float, str, list, dict, set)):
            try:
                kept[name] = _kept(value, f"{path}({name})", depth + 1)
            except NotKeptError:
                continue
    return kept


def _given(kept: Any, now: Any) -> Any:
    """Return what was kept; changed in place where something else may hold it too."""
    give = _GIVE.get(kept["kind"])
    if give is not None:
        return give(kept, now)
    items = [_given(item, _item(now, index)) for index, item in enumerate(kept["items"])]
    return _refilled(now, items) if type(now) is list and kept["kind"] == "list" else _MAKE[kept["kind"]](items)


def _give_random(kept: Any, now: Any) -> Any:
    now.setstate((kept["version"], tuple(kept["words"].tolist()), kept["gauss"]))
    return now


def _give_generator(kept: Any, now: Any) -> Any:
    now.bit_generator.state = _given(kept["state"], None)
    return now


def _give_variable(kept: Any, now: Any) -> Any:
    now.assign(kept["value"])
    return now


def _give_variables(kept: Any, now: Any) -> Any:
    for variable, value in zip_equal(now.variables, kept["values"]):
        variable.assign(value)
    return now


def _give_function(kept: Any, now: Any) -> Any:
    if not isinstance(now, types.FunctionType):
        raise NotKeptError("a function was made in training, and cannot be made again when a run goes on")
    for name, cell in zip(now.__code__.co_freevars, now.__closure__ or ()):
        if name in kept["around"]:
            cell.cell_contents = _given(kept["around"][name], cell.cell_contents)
    return now


def _give_object(kept: Any, now: Any) -> Any:
    if now is None:
        raise NotKeptError(
            f"an object with the attributes {', '.join(kept['attributes'])} was made in training, and cannot "
            "be made again when a run goes on; expected it to be made in __init__"
        )
    give_attributes(now, kept["attributes"])
    return now


def _give_dict(kept: Any, now: Any) -> Any:
    pairs = {_given(k, None): v for k, v in kept["pairs"]}
    old = now if isinstance(now, Mapping) else {}
    new = {key: _given(value, old.get(key)) for key, value in pairs.items()}
    return _refilled(now, new) if isinstance(now, MutableMapping) else new


_GIVE: dict[str, Callable[[Any, Any], Any]] = {
    "same": lambda kept, now: now,
    "operation": lambda kept, now: getattr(keras.ops, kept["name"]),
    "value": lambda kept, now: kept["value"],
    "float": lambda kept, now: float(kept["value"]),
    "random": _give_random,
    "generator": _give_generator,
    "variable": _give_variable,
    "variables": _give_variables,
    "function": _give_function,
    "object": _give_object,
    "dict": _give_dict,
}
"""How each kind of thing is given back, from what was kept and what is there now; sequences go item by item."""


def _item(sequence: Any, index: int) -> Any:
    return sequence[index] if isinstance(sequence, (list, tuple)) and index < len(sequence) else None


def _refilled(container: Any, content: Any) -> Any:
    container.clear()
    container.extend(content) if isinstance(container, list) else container.update(content)
    return container
