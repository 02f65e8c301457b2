"""What a model holds beyond its own lists of variables: found by walking all that its user's parts can reach.

`model.variables` and `model.optimizer.variables` do not list a second optimizer, a variable of the backend, a metric
left out of `metrics`, or what a loss function refers to. Training changes them all the same.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import types
import weakref
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from hpcsweep.training.keras_private import SET_BEHIND_METHODS, compiled_metrics, layers_of

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.ndarray)
_CONTAINERS = (list, tuple, set, frozenset)
_KERAS = ("keras", "keras_hub")
_LIBRARIES = (*_KERAS, "tensorflow", "jax", "jaxlib", "torch", "numpy", "hpcsweep")
_DEEPEST = 12


def variables_elsewhere(model: Any) -> dict[str, Any]:
    """Return the variables that training may change and the model's own lists leave out, by their paths."""
    listed = {id(variable) for group in _listed(model) for variable in group}
    found: dict[str, Any] = {}
    for path, leaf in _walk_model(model):
        if is_variable(leaf) and id(leaf) not in listed:
            listed.add(id(leaf))
            while path in found:  # layers of two nets may have one name
                path += "'"
            found[path] = leaf
    return found


def settings_of(model: Any) -> dict[str, str]:
    """Return what the plain attributes of the user's own classes are, by their paths, to see whether they change."""
    return {path: _print_of(leaf) for path, leaf in _walk_model(model) if isinstance(leaf, _PLAIN)}


def is_variable(thing: Any) -> bool:
    """Whether `thing` is a variable of Keras or of its backend."""
    return isinstance(thing, keras.Variable) or (hasattr(thing, "assign") and hasattr(thing, "numpy"))


def _listed(model: Any) -> Iterator[list[Any]]:
    yield model.variables
    yield [variable for metric in _metrics_in(model) if not _resets_itself(metric) for variable in metric.variables]
    yield getattr(getattr(model, "optimizer", None), "variables", [])


def _metrics_in(model: Any) -> list[Any]:
    return [*model.metrics, *compiled_metrics(model)]


def _resets_itself(metric: Any) -> bool:
    """Whether a metric of the user's says what is left of it at the end of an epoch; Keras's own start from nothing."""
    inner = [one for one in getattr(metric, "metrics", []) if one is not metric]
    return not _of(type(metric).reset_state, _KERAS) or any(map(_resets_itself, inner))


def _walk_model(model: Any) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    yield from _walk(model, type(model).__name__, seen, 0)
    for layer in layers_of(model)[1:]:  # after the model itself
        yield from _walk(layer, layer.name, seen, 0)
    for layer in layers_of(model):  # Keras itself leaves out the states of a recurrent layer with stateful=True
        for name, value in vars(layer).items():
            leaves = enumerate(keras.tree.flatten(value) if isinstance(value, _CONTAINERS) else [value])
            yield from (
                (f"{layer.name}.{name}[{index}]", leaf) for index, leaf in leaves if isinstance(leaf, keras.Variable)
            )
    for name in ("optimizer", "loss", "metrics"):
        if not isinstance(part := getattr(model, name, None), _PLAIN):
            yield from _walk(part, f"{type(model).__name__}.{name}", seen, 0)


def _walk(thing: Any, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    """Give variables and plain values that `thing` holds, each with its path."""
    if isinstance(thing, _PLAIN):
        yield path, thing
        return
    if id(thing) in seen or depth > _DEEPEST:
        return
    seen.add(id(thing))
    if is_variable(thing):
        yield path, thing
        return
    for name, part in _parts(thing):
        yield from _walk(part, f"{path}{name}", seen, depth + 1)


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        yield from ((f"[{key!r}]", item) for key, item in list(thing.items()))
    elif isinstance(thing, _CONTAINERS):
        yield from ((f"[{index}]", item) for index, item in enumerate(thing))
    elif isinstance(thing, (types.FunctionType, types.MethodType, functools.partial)):
        yield from _referred(thing)
    elif isinstance(thing, (type, types.ModuleType)):
        return
    elif _is_of_keras_kind(thing):
        variables = getattr(thing, "variables", None)
        yield from ((f".variables[{index}]", variable) for index, variable in enumerate(variables or []))
        if isinstance(thing, keras.random.SeedGenerator):
            yield ".state", thing.state
        yield from _own_attributes(thing)
    elif hasattr(thing, "python_function"):  # a tf.function
        yield "", thing.python_function
    elif not _of(type(thing), _LIBRARIES):
        yield from ((f".{name}", value) for name, value in vars(thing).items()) if hasattr(thing, "__dict__") else ()


def _is_of_keras_kind(thing: Any) -> bool:
    return any(_of(base, _KERAS) for base in type(thing).__mro__)


def _of(thing: Any, packages: tuple[str, ...]) -> bool:
    return (getattr(thing, "__module__", None) or "").partition(".")[0] in packages


def _own_attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Give what the user's class keeps in an object of a Keras kind, and what its methods refer to."""
    if _of(type(thing), _KERAS):
        return
    not_own = frozenset().union(*(_stored_names(base) for base in type(thing).__mro__ if _of(base, _LIBRARIES)))
    for name, value in list(vars(thing).items()):
        if name not in not_own and not name.startswith("_self_"):  # how TensorFlow calls what it keeps in others
            yield f".{name}", value
    for base in type(thing).__mro__:
        if not _of(base, _LIBRARIES):
            for name, method in vars(base).items():
                if isinstance(method, types.FunctionType):
                    yield f".{name}", method


@lru_cache(maxsize=256)
def _stored_names(owner: type) -> frozenset[str]:
    """Return the attributes that the methods of a library's class set."""
    names = set()
    for member in vars(owner).values():
        for function in (
            getattr(member, "fget", None),
            getattr(member, "fset", None),
            getattr(member, "__func__", member),
        ):
            function = getattr(function, "__wrapped__", function)
            if isinstance(function, types.FunctionType):
                names |= {one.argval for one in dis.get_instructions(function) if one.opname == "STORE_ATTR"}
    return frozenset(names) | SET_BEHIND_METHODS


def _referred(function: Any) -> Iterator[tuple[str, Any]]:
    """Give what a function of the user's refers to around it, so far as that holds variables."""
    if isinstance(function, functools.partial):
        yield from ((f"({name})", part) for name, part in [("", function.func), *enumerate(function.args)])
        yield from ((f"({name})", part) for name, part in function.keywords.items())
        return
    if isinstance(function, types.MethodType):
        yield "", function.__self__
        return
    if _of(function, _LIBRARIES):
        return
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        value = _content(cell)
        if _holds_variables(value):
            yield f"({name})", value
    for name in code.co_names:
        if _holds_variables(value := function.__globals__.get(name)):
            yield f"({name})", value


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty so far
        return None


def _holds_variables(value: Any) -> bool:
    kinds = (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric, keras.random.SeedGenerator)
    return is_variable(value) or isinstance(value, kinds)


def _print_of(value: Any) -> str:
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"{value.dtype}{value.shape}{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    return repr(value)


_known: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


def known_elsewhere(model: Any) -> dict[str, Any]:
    """Return what `variables_elsewhere` found when it was asked first: it takes a while, and checkpoints are many."""
    if model not in _known:
        _known[model] = variables_elsewhere(model)
    return _known[model]
