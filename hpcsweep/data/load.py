"""`load`: a data set by its name, read once per worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Union

from hpcsweep.data.builtin import digits, sine, synthetic
from hpcsweep.data.catalogue import CATALOGUE, published
from hpcsweep.data.dataset import Data
from hpcsweep.data.folder import data_folders, find, read
from hpcsweep.data.shapes import shapes
from hpcsweep.data.used import freeze, note
from hpcsweep.errors import UsageError, nearest
from hpcsweep.files import Look, looks_of

BUILTIN: dict[str, Callable[..., Data]] = {
    "digits": digits,
    "shapes": shapes,
    "sine": sine,
    "synthetic": synthetic,
}
Option = Union[int, float, bool, str]


def load(name: str, *, data: Path | str | None = None, **options: Option) -> Data:
    """Return the data set called `name`; the same call in one process returns the same object, read once.

    Bundled and generated: digits, shapes, sine, synthetic, with the options of the functions of those
    names. Published: mnist, kmnist, fashion-mnist, which validate on their test part; with `validate=10_000` on
    so many of the last training examples, so that the test part is looked at once. They are read from `data`, or from
    the data folder (the variable HPCSWEEP_DATA, else `data` in the working folder) and then from where people have
    them (/data, /usr/share/datasets, ~/.keras/datasets), and never downloaded here. Raises UsageError for an
    unknown name or option, DataError for files that are missing or damaged.
    """
    if name in BUILTIN:
        _check_options(name, options)
        built = _build(name, tuple(sorted(options.items())))
        note(name, built)
        return built
    if name not in CATALOGUE:
        known = [*BUILTIN, *CATALOGUE]
        raise UsageError(f"{name}: no such data set{nearest(name, known)}; known: {', '.join(known)}")
    _check_options(name, options)
    read_now, looks = _read(name, tuple(data_folders(data)), options.get("validate", 0))
    note(name, read_now, looks, given=data is not None)
    return read_now


@lru_cache(maxsize=8)
def _build(name: str, options: tuple[tuple[str, Option], ...]) -> Data:
    return freeze(BUILTIN[name](**dict(options)))


@lru_cache(maxsize=4)
def _read(name: str, folders: tuple[Path, ...], validate: Any) -> tuple[Data, list[Look]]:
    """Return the data, and how their files looked before they were read."""
    found = find(published(name), *folders)
    looks = looks_of(found.paths) if found else []
    whole = read(published(name), *folders)
    return freeze(whole.with_test(validate) if validate else whole), looks


def _check_options(name: str, options: dict[str, Option]) -> None:
    known = inspect.signature(BUILTIN[name]).parameters if name in BUILTIN else ["validate"]
    for option in options:
        if option not in known:
            raise UsageError(f"{name}: no option {option!r}{nearest(option, known)}; it takes {', '.join(known)}")
