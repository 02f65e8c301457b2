"""The kinds of values that a checkpoint can hold for an object of the user's, and how each is given back.

A kept value is a dict: its `kind`, the name of its `class` where it can only be given back to one that the job has made
anew, what it `is`, and its `parts`, kept values too, by their names. A new kind is a row of KINDS; the first that fits
counts.
"""

from __future__ import annotations

import collections
import datetime
import enum
import functools
import logging
import pathlib
import random
import types
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpcsweep.machine import zip_equal
from hpcsweep.training.state.owned import attributes_of, data_around, set_around, set_attribute
from hpcsweep.training.state.reachable import is_variable
from hpcsweep.training.state.variables import load_state, read_state

_CONSTANT = (
    *(types.MethodType, types.BuiltinFunctionType, types.ModuleType, type, functools.partial, np.ufunc),
    *(keras.KerasTensor, logging.Logger, random.SystemRandom),
)
_HOLDS_VARIABLES = (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric)
_SEQUENCES: tuple[type, ...] = (list, tuple, set, frozenset, collections.deque)
_MAPPINGS: tuple[type, ...] = (dict, collections.OrderedDict, collections.Counter)
_FACTORIES: dict[str, Any] = {"int": int, "float": float, "list": list, "dict": dict, "set": set}
_NO_OBJECTS = ("io", "_io", "threading", "_thread", "tensorflow", "socket", "subprocess", "multiprocessing")
_OURS = "hpcsweep"


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    `keep` returns what a checkpoint holds of it besides its `parts`; `give` makes it again from that, from what the job
    has made anew (`now`), and from its parts, given already. Where `only_anew` says so of a value, one of its class
    must be there to be given to.
    """

    is_one: Callable[[Any], bool]
    keep: Callable[[Any], Any] = lambda value: None
    give: Callable[[Any, Any, dict[str, Any]], Any] = lambda kept, now, parts: kept
    parts: Callable[[Any], dict[str, Any]] = lambda value: {}
    only_anew: Callable[[Any], bool] = lambda value: False


def _always(value: Any) -> bool:
    return True


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


# -- single values ------------------------------------------------------------------------------------------------


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and not np.asarray(value).dtype.hasobject


def _copied(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _is_operation(value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return isinstance(name, str) and getattr(keras.ops, name, None) is value


def _is_constant(value: Any) -> bool:
    return isinstance(value, _CONSTANT) or type(value).__module__.partition(".")[0] == _OURS


# -- random generators --------------------------------------------------------------------------------------------


def _random_state(value: random.Random) -> Any:
    version, words, gauss = value.getstate()
    return {"version": version, "words": np.array(words, dtype=np.uint32), "gauss": gauss}


def _set_random(kept: Any, now: random.Random, parts: Any) -> Any:
    now.setstate((kept["version"], tuple(kept["words"].tolist()), kept["gauss"]))
    return now


def _bits_of(value: Any) -> Any:
    return value.get_state(legacy=False) if isinstance(value, np.random.RandomState) else value.bit_generator.state


def _set_bits(kept: Any, now: Any, parts: dict[str, Any]) -> Any:
    if isinstance(now, np.random.RandomState):
        now.set_state(parts["state"])
    else:
        now.bit_generator.state = parts["state"]
    return now


# -- what holds variables -----------------------------------------------------------------------------------------


def _assign(kept: Any, now: Any, parts: Any) -> Any:
    now.assign(kept)
    return now


def _assign_all(kept: list[Any], now: Any, parts: Any) -> Any:
    for variable, value in zip_equal(now.variables, kept):
        variable.assign(value)
    return now


def _load(kept: Any, now: Any, parts: Any) -> Any:
    load_state(now, kept)
    return now


# -- containers and objects ---------------------------------------------------------------------------------------


def _numbered(value: Any) -> dict[str, Any]:
    return {str(index): item for index, item in enumerate(value)}


def _sequence(kept: Any, now: Any, parts: dict[str, Any]) -> Any:
    made: Any = next((one for one in _SEQUENCES if one.__name__ == kept["class"]), type(now))
    if type(now) is made and isinstance(now, (list, set, collections.deque)):  # something else may hold it too
        now.clear()
        (now.update if isinstance(now, set) else now.extend)(parts.values())
        return now
    if issubclass(made, collections.deque):
        return collections.deque(parts.values(), kept["maxlen"])
    return made(*parts.values()) if hasattr(made, "_fields") else made(parts.values())


def _mapping_class(value: Any) -> str:
    factory = getattr(value, "default_factory", None)
    known = next((name for name, made in _FACTORIES.items() if made is factory), "")
    return f"defaultdict of {known}" if type(value) is collections.defaultdict and known else type(value).__name__


def _is_strange_mapping(value: Any) -> bool:
    return type(value) not in _MAPPINGS and not _mapping_class(value).startswith("defaultdict of ")


def _mapping(kept: Any, now: Any, parts: dict[str, Any]) -> Any:
    content: dict[Any, Any] = {key: parts[repr(key)] for key in _keys(kept["keys"])}
    if isinstance(now, MutableMapping) and type(now).__name__ == kept["class"].partition(" ")[0]:
        now.clear()
        now.update(content)
        return now
    made, _, factory = kept["class"].partition(" of ")
    if factory:
        return collections.defaultdict(_FACTORIES[factory], content)
    return next(one for one in _MAPPINGS if one.__name__ == made)(content)


def _keys(kept: list[Any]) -> list[Any]:
    return [tuple(_keys(key)) if isinstance(key, list) else key for key in kept]


def _is_plain_key(key: Any) -> bool:
    plain = key is None or type(key) in (bool, int, float, str) or isinstance(key, np.integer)
    return plain or (type(key) is tuple and all(map(_is_plain_key, key)))


def _plain_key(key: Any) -> Any:
    return [_plain_key(one) for one in key] if isinstance(key, tuple) else key


def _is_object(value: Any) -> bool:
    own = hasattr(value, "__dict__") or hasattr(type(value), "__slots__")
    return own and type(value).__module__.partition(".")[0] not in (*_NO_OBJECTS, "builtins", "itertools", "datetime")


def _set_attributes(kept: Any, now: Any, parts: dict[str, Any]) -> Any:
    for name, new in parts.items():
        set_attribute(now, name, new)
    return now


def _set_data_around(kept: Any, now: Any, parts: dict[str, Any]) -> Any:
    for name, new in parts.items():
        set_around(now, name, new)
    return now


KINDS: dict[str, Kind] = {
    "plain": Kind(lambda value: value is None or type(value) in (bool, int, str), lambda value: value),
    "float": Kind(lambda value: type(value) is float, np.float64, lambda kept, now, parts: float(kept)),
    "enum": Kind(_of(enum.Enum), lambda value: value.name, lambda kept, now, parts: type(now)[kept], only_anew=_always),
    "bytes": Kind(
        lambda value: type(value) is bytes,
        lambda value: np.frombuffer(value, dtype=np.uint8),
        lambda kept, now, parts: kept.tobytes(),
    ),
    "complex": Kind(lambda value: type(value) is complex, np.complex128, lambda kept, now, parts: complex(kept)),
    "path": Kind(_of(pathlib.PurePath), str, lambda kept, now, parts: pathlib.Path(kept)),
    "time": Kind(
        lambda value: type(value) is datetime.datetime,
        lambda value: value.isoformat(),
        lambda kept, now, parts: datetime.datetime.fromisoformat(kept),
    ),
    "array": Kind(_is_array, _copied, lambda kept, now, parts: _copied(kept)),
    "constant": Kind(_is_constant, give=lambda kept, now, parts: now),
    "random": Kind(_of(random.Random), _random_state, _set_random, only_anew=_always),
    "bits": Kind(
        _of(np.random.Generator, np.random.RandomState),
        give=_set_bits,
        parts=lambda value: {"state": _bits_of(value)},
        only_anew=_always,
    ),
    "variable": Kind(is_variable, lambda value: np.array(value.numpy()), _assign, only_anew=_always),
    "operation": Kind(_is_operation, lambda value: value.__name__, lambda kept, now, parts: getattr(keras.ops, kept)),
    "function": Kind(_of(types.FunctionType), give=_set_data_around, parts=data_around, only_anew=_always),
    "model": Kind(_of(keras.Model), read_state, _load, only_anew=_always),
    "variables": Kind(
        _of(*_HOLDS_VARIABLES),
        lambda value: [np.array(variable.numpy()) for variable in value.variables],
        _assign_all,
        only_anew=_always,
    ),
    "tensor": Kind(
        keras.ops.is_tensor,
        lambda value: np.array(keras.ops.convert_to_numpy(value)),
        lambda kept, now, parts: keras.ops.convert_to_tensor(kept),
    ),
    "sequence": Kind(
        _of(*_SEQUENCES),
        lambda value: {"class": type(value).__name__, "maxlen": getattr(value, "maxlen", None)},
        _sequence,
        _numbered,
        lambda value: type(value) not in _SEQUENCES,
    ),
    "mapping": Kind(
        lambda value: isinstance(value, MutableMapping) and all(map(_is_plain_key, value)),
        lambda value: {"class": _mapping_class(value), "keys": [_plain_key(key) for key in value]},
        _mapping,
        lambda value: {repr(key): item for key, item in value.items()},
        _is_strange_mapping,
    ),
    "object": Kind(
        lambda value: _is_object(value) and not isinstance(value, Mapping),
        give=_set_attributes,
        parts=attributes_of,
        only_anew=_always,
    ),
}
