"""From a run's parameters to the arguments of its job: the types that its annotations ask for, and `run` if it asks."""

from __future__ import annotations

import enum
import inspect
import os
import types
import typing
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePath
from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.machine import zip_equal
from hpcsweep.sweep.choices import RUN, SEED
from hpcsweep.worker.run.handle import RunHandle

_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))
_WRAPPERS = tuple(getattr(typing, name, None) for name in ("Annotated", "Required", "NotRequired", "Final"))


def arguments_of(job: Callable[..., Any], handle: RunHandle) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional arguments and those by name to call `job` with.

    Parameters are what the sweep gives, made what their annotations say: `Path`, tuples, sets, members of an Enum, and
    classes of fields. Raises JobError if such a class cannot be found or refuses its fields.
    """
    signature = inspect.signature(job).parameters
    nested = _nested(handle.params)
    if any(one.kind is one.VAR_POSITIONAL for one in signature.values()):  # a decorator that tells nothing of the job
        return [handle], dict(handle.params)
    run = _name_of_run(signature, nested)
    given = {name: _argument(job, name, nested[name], handle.seed) for name in signature if name in nested}
    given |= {run: handle} if run else {}
    if SEED in signature:
        given[SEED] = handle.seed
    positional = [name for name, one in signature.items() if one.kind is one.POSITIONAL_ONLY and name in given]
    rest = {**{name: value for name, value in nested.items() if name not in signature}, **given}
    return [given[name] for name in positional], {name: rest[name] for name in rest if name not in positional}


def _nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters such as `config.lr` as `{"config": {"lr": ...}}`."""
    nested: dict[str, Any] = {}
    for name, value in params.items():
        *outer, last = name.split(".")
        table = nested
        for part in outer:
            table = table.setdefault(part, _Fields())
        table[last] = value
    return nested


class _Fields(dict[str, Any]):
    """The fields of a class, as against a parameter that is itself a table."""


def _name_of_run(signature: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> str | None:
    """Return the parameter that is the run: the one of this name, else the one that the sweep does not give."""
    if RUN in signature:
        return RUN
    needed = (name for name, one in signature.items() if one.default is one.empty)
    return next((name for name in needed if name not in given and name != SEED), None)


def _argument(job: Callable[..., Any], name: str, value: Any, seed: int) -> Any:
    function = inspect.unwrap(job)
    annotation = getattr(function, "__annotations__", {}).get(name, Any)
    try:
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        hint = typing.get_type_hints(holder, vars(inspect.getmodule(function) or holder))[name]
    except (NameError, AttributeError, TypeError) as error:
        if not isinstance(value, _Fields):
            return value
        raise JobError(f"{name}: its class {annotation} cannot be found when the job runs ({error})") from None
    try:
        return _made(hint, value, seed)
    except (TypeError, ValueError, KeyError) as error:
        found = dict(value) if isinstance(value, dict) else repr(value)
        text = " ".join(str(error).split())
        raise JobError(f"{name}: {getattr(hint, '__name__', hint)} refuses {found}: {text}") from error


def _made(hint: Any, value: Any, seed: int) -> Any:
    """Return a plain value as what an annotation asks for; what it does not ask for stays as it is."""
    if isinstance(value, _Fields):
        return _instance(hint, value, seed)
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in _WRAPPERS:
        return _made(inner[0], value, seed)
    if origin in _UNIONS:
        return _one_of(inner, value, seed)
    if not isinstance(origin, type):
        return value
    if issubclass(origin, enum.Enum):
        return origin[value] if value in origin.__members__ and value not in _values(origin) else origin(value)
    if issubclass(origin, os.PathLike) and isinstance(value, str):
        return origin(value) if issubclass(origin, PurePath) else Path(value)
    if isinstance(value, dict):
        return {key: _made(inner[1], item, seed) for key, item in value.items()} if len(inner) == 2 else value
    return _items(origin, inner, value, seed) if isinstance(value, list) else value


def _values(members: type[enum.Enum]) -> list[Any]:
    return [member.value for member in members]


def _one_of(hints: tuple[Any, ...], value: Any, seed: int) -> Any:
    """Return the value as it is if one alternative is its type, else as the first that it can be."""
    for hint in hints:
        if (typing.get_origin(hint) or hint) is type(value):
            return _made(hint, value, seed)
    for hint in hints:
        try:
            made = _made(hint, value, seed)
        except (TypeError, ValueError, KeyError):
            continue
        if type(made) is not type(value):
            return made
    return value


def _items(origin: type, inner: tuple[Any, ...], value: list[Any], seed: int) -> Any:
    if issubclass(origin, tuple):
        hints = inner if inner and inner[-1] is not ... else inner[:1] * len(value)
        return tuple(_made(hint, item, seed) for hint, item in zip_equal(hints or [Any] * len(value), value))
    made = [_made(inner[0], item, seed) for item in value] if inner else value
    if issubclass(origin, AbstractSet):
        return frozenset(made) if origin is frozenset else set(made)
    return made


def _instance(cls: Any, fields: _Fields, seed: int) -> Any:
    hints = typing.get_type_hints(cls, include_extras=True)
    given = {name: _made(hints.get(name, Any), value, seed) for name, value in fields.items()}
    return cls(**given, **({SEED: seed} if SEED in hints else {}))
