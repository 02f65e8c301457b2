"""Where an object or a function of the user's keeps what it remembers: attributes, its classes, variables around it."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

_LIBRARIES = frozenset({"keras", "tensorflow", "jax", "torch", "numpy", "hpcsweep"}) | getattr(
    sys, "stdlib_module_names", frozenset()
)
_DATA = (bool, int, float, str, list, dict, set)
_GLOBAL = "global "


def attributes_of(thing: Any) -> dict[str, Any]:
    """Return the attributes of an object, then those of its classes and the global variables that its methods use.

    Of these two, what is plain data; they go by names that no attribute has: `Class.name` and `global name`.
    """
    own = dict(getattr(thing, "__dict__", {}))
    for base in type(thing).__mro__:
        names = vars(base).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(thing, name) and not name.startswith("__"):
                own[name] = getattr(thing, name)
    return {**own, **dict(_of_classes(thing))}


def is_around(name: str) -> bool:
    """Whether `attributes_of` gave a name to what is not the object's own, and so outlives it."""
    return name.startswith(_GLOBAL) or "." in name


def set_attribute(thing: Any, name: str, value: Any) -> None:
    """Set what `attributes_of` gave `name`."""
    kind: Any = type(thing)
    if name.startswith(_GLOBAL):
        for function in _methods(kind):
            if name.removeprefix(_GLOBAL) in function.__code__.co_names:
                function.__globals__[name.removeprefix(_GLOBAL)] = value
    elif "." in name:
        owner, _, attribute = name.partition(".")
        setattr(next(base for base in kind.__mro__ if base.__name__ == owner), attribute, value)
    elif getattr(thing, name, None) is not value:
        setattr(thing, name, value)


def data_around(function: types.FunctionType) -> dict[str, Any]:
    """Return the plain data in the variables around a function of the user's."""
    kept = dict(_globals_of(function))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:  # empty so far
            continue
        if value is None or isinstance(value, (*_DATA, np.ndarray)):
            kept[name] = value
    return kept


def set_around(function: types.FunctionType, name: str, value: Any) -> None:
    """Set what `data_around` gave `name`."""
    if name.startswith(_GLOBAL):
        function.__globals__[name.removeprefix(_GLOBAL)] = value
        return
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    cells[name].cell_contents = value


def _of_classes(thing: Any) -> Iterator[tuple[str, Any]]:
    kind: Any = type(thing)
    for base in _own_classes(kind):
        for name, value in vars(base).items():
            if not name.startswith("__") and type(value) in (*_DATA, type(None)):
                yield f"{base.__name__}.{name}", value
    for function in _methods(kind):
        yield from _globals_of(function)


def _globals_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    if function.__module__.partition(".")[0] in _LIBRARIES:
        return
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if not name.startswith("__") and type(value) in _DATA and _is_data(value):
            yield f"{_GLOBAL}{name}", value


def _is_data(value: Any) -> bool:
    """Whether a value is plain throughout: what a module keeps for the whole study, such as its models, is no state."""
    if isinstance(value, Mapping):
        return all(map(_is_data, value.values()))
    return all(map(_is_data, value)) if isinstance(value, (list, set)) else isinstance(value, (*_DATA, np.generic))


@lru_cache(maxsize=256)
def _own_classes(kind: Any) -> tuple[type, ...]:
    return tuple(base for base in kind.__mro__ if base.__module__.partition(".")[0] not in _LIBRARIES)


@lru_cache(maxsize=256)
def _methods(kind: Any) -> tuple[types.FunctionType, ...]:
    members = [member for base in _own_classes(kind) for member in vars(base).values()]
    return tuple(member for member in members if isinstance(member, types.FunctionType))
