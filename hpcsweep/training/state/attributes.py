"""The attributes of Python objects (callbacks, data sets) as a checkpoint keeps them, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.training.state.kinds import KINDS
from hpcsweep.training.state.owned import attributes_of, is_around, set_attribute

Kept = dict[str, Any]
_AS_MADE_ANEW: Kept = {"kind": "constant", "is": None, "parts": {}}
"""Stands for what the object that the job has made anew holds already."""
_DEEPEST = 8


class NotKeptError(JobError):
    """An attribute cannot be kept in a checkpoint."""


def keep_attributes(thing: Any, path: str, *, leave: frozenset[str] = frozenset()) -> dict[str, Kept]:
    """Return the attributes of `thing` as a checkpoint holds them; NotKeptError names the first that cannot be kept.

    `leave`: attributes that are not looked at. Functions and classes are as the job makes them anew, but for plain data
    of the user's in the variables around them.
    """
    own = {name: value for name, value in attributes_of(thing).items() if name not in leave}
    return {name: _kept(value, f"{path}.{name}", (id(thing),)) for name, value in own.items()}


def changes_since(fresh: Mapping[str, Kept], kept: Mapping[str, Kept], path: str) -> dict[str, Kept]:
    """Return what of `kept` a checkpoint needs, where a run that goes on has `fresh` again.

    NotKeptError names the first object that was made in training: a run that goes on could not make it again.
    """
    return {name: _change(fresh.get(name), one, f"{path}.{name}") for name, one in kept.items()}


def give_attributes(thing: Any, kept: Mapping[str, Kept]) -> None:
    """Put back what `keep_attributes` returned."""
    now = attributes_of(thing)
    for name, value in kept.items():
        set_attribute(thing, name, _given(value, now.get(name)))


def numbers_in(kept: Mapping[str, Kept], path: str) -> Iterator[tuple[str, str]]:
    """Yield the numbers among kept attributes, as text, by their paths; not those that outlive their object."""
    for name, value in kept.items():
        if is_around(name):
            continue
        if value["kind"] == "plain" and not isinstance(value["is"], (str, type(None))):
            yield f"{path}.{name}", repr(value["is"])
        elif value["kind"] in ("float", "complex", "enum"):
            yield f"{path}.{name}", str(value["is"])
        yield from numbers_in(value["parts"], f"{path}.{name}")


def _kept(value: Any, path: str, above: tuple[int, ...]) -> Kept:
    if id(value) in above:  # holds what holds it
        return _AS_MADE_ANEW
    name = next((name for name, kind in KINDS.items() if kind.is_one(value)), None)
    if name is None:
        raise NotKeptError(f"{path} is a {type(value).__name__}, which cannot be kept in a checkpoint")
    if len(above) > _DEEPEST:
        raise NotKeptError(f"{path} lies too deep to be kept in a checkpoint")
    kind = KINDS[name]
    inside = (*above, id(value))
    parts = {part: _kept(item, _place(path, name, part), inside) for part, item in kind.parts(value).items()}
    kept: Kept = {"kind": name, "is": kind.keep(value), "parts": parts}
    return {**kept, "class": type(value).__qualname__} if kind.only_anew(value) else kept


def _place(path: str, kind: str, part: str) -> str:
    return f"{path}[{part}]" if kind in ("sequence", "mapping") else f"{path}.{part}"


def _change(fresh: Kept | None, kept: Kept, path: str) -> Kept:
    if fresh is not None and isinstance(kept["is"], str) and (fresh["kind"], fresh["is"]) == (kept["kind"], kept["is"]):
        return _AS_MADE_ANEW  # such as the folder of a run, which is another one in every attempt
    if "class" in kept and not _may_be_given(fresh, kept):
        raise NotKeptError(
            f"{path} is a {kept['class']} that was made in training, and could not be made again when the run goes on; "
            "expected it to be made in __init__, or numbers, strings, arrays, and lists and dicts of them"
        )
    of_fresh = {} if fresh is None or fresh["kind"] != kept["kind"] else fresh["parts"]
    parts = {
        name: _change(of_fresh.get(name), part, _place(path, kept["kind"], name))
        for name, part in kept["parts"].items()
    }
    return {**kept, "parts": parts}


def _may_be_given(fresh: Kept | None, kept: Kept) -> bool:
    if fresh is None or (fresh["kind"], fresh.get("class")) != (kept["kind"], kept["class"]):
        return False
    shapes = [
        _shapes(one["is"]) if one["kind"] in ("variable", "variables", "model") else None for one in (fresh, kept)
    ]
    return shapes[0] == shapes[1]


def _shapes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shapes(one) for name, one in value.items()}
    return [one.shape for one in value] if isinstance(value, list) else value.shape


def _given(kept: Kept, now: Any) -> Any:
    """Return what was kept; changed in place where something else may hold it too."""
    kind = KINDS[kept["kind"]]
    around = kind.parts(now) if kind.is_one(now) else {}
    parts = {name: _given(part, around.get(name)) for name, part in kept["parts"].items()}
    if "class" in kept and type(now).__qualname__ != kept["class"]:
        raise NotKeptError(
            f"a {kept['class']} is in the checkpoint, and a {type(now).__qualname__} was made now; expected the same "
            "(was the job changed?)"
        )
    return kind.give(kept["is"], now, parts)
