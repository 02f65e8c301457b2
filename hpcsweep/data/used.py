"""Which data a run used: how many examples, and a digest of their content, each array digested once per process.

A worker notes what `load` and `fit` use by themselves; other jobs say it with `run.uses`. The shape counts only by the
number of examples: images as rows are the same data.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.catalogue import CATALOGUE
from hpcsweep.data.dataset import ARRAY_NAMES, Data
from hpcsweep.data.folder import data_folders, find, read
from hpcsweep.errors import DataError, UsageError
from hpcsweep.files import Look, digest_of_file, looks_of

Entry = dict[str, Any]
"""`examples` of each array (or None of files), `sha256`, and `files` with path, size and time where there are some."""
TRAINED_ON, TESTED_ON = "trained on", "tested on"

_noted: ContextVar[dict[str, Entry] | None] = ContextVar("hpcsweep_used_data", default=None)
_digests: dict[tuple[Any, ...], str] = {}


@contextmanager
def noting(found: dict[str, Entry]) -> Iterator[None]:
    """Note in `found` what is used within the block, in this thread."""
    token = _noted.set(found)
    try:
        yield
    finally:
        _noted.reset(token)


def note(name: str, data: Any, looks: Sequence[Look] = (), *, given: bool = False) -> None:
    """Note that `data` is used, read from files that looked so; nothing is done where nobody notes.

    `given`: the job itself says in which folder they are.
    """
    noted = _noted.get()
    if noted is not None:
        entry = entry_of_arrays(arrays_of(data), looks) | ({"given": True} if given else {})
        entry |= {"validates_on_test": True} if getattr(data, "validates_on_test", False) else {}
        if all(entry["sha256"] != known["sha256"] for known in noted.values()):
            noted[name] = entry


def freeze(data: Data) -> Data:
    """Return `data` with memory that nobody can write to, so that its digest holds for as long as it lives."""
    for array in arrays_of(data).values():
        owner = _owner(array)
        owner.flags.writeable = False
    return data


def arrays_of(data: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `Data`, or of whatever has attributes of those names, trees of arrays among them."""
    return dict(leaf for name in ARRAY_NAMES for leaf in _leaves(name, getattr(data, name)))


def _leaves(name: str, tree: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(tree, Mapping):
        tree = tuple(tree.items())
        yield from (leaf for key, item in tree for leaf in _leaves(f"{name}.{key}", item))
    elif isinstance(tree, (tuple, list)):
        yield from (leaf for index, item in enumerate(tree) for leaf in _leaves(f"{name}.{index}", item))
    elif tree is not None:
        yield name, np.asarray(tree)


def entry_of(thing: Any) -> Entry:
    """Return what is recorded of a path, a `Data`, an array, or a mapping or sequence of arrays.

    Raises DataError for a path that is not there, UsageError for anything else.
    """
    if isinstance(thing, (str, Path)):
        return entry_of_files(Path(thing))
    if isinstance(thing, Data):
        return entry_of_arrays(arrays_of(thing))
    if isinstance(thing, Mapping):
        return entry_of_arrays({str(name): np.asarray(array) for name, array in thing.items()})
    parts = {str(n): np.asarray(a) for n, a in enumerate(thing)} if isinstance(thing, (tuple, list)) else {}
    parts = parts or {"0": np.asarray(thing)}
    if any(array.dtype.hasobject for array in parts.values()):
        raise UsageError(f"run.uses: found a {type(thing).__name__}, expected a path, Data or arrays of numbers")
    return entry_of_arrays(parts)


def entry_of_arrays(arrays: Mapping[str, NDArray[Any]], looks: Sequence[Look] = ()) -> Entry:
    """Return the number of examples and the digest of `arrays`, and how the files looked that they were read from."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {len(array) if array.ndim else 1} {_digest(array)};".encode())
    examples = {name: len(array) if array.ndim else 1 for name, array in arrays.items()}
    entry: Entry = {"examples": examples, "sha256": digest.hexdigest()}
    return {**entry, "files": list(looks)} if looks else entry


def entry_of_files(path: Path) -> Entry:
    """Return the digest of a file's bytes, or of all files in a folder; DataError if there is none."""
    path = path.absolute()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for file in files:
            digest.update(f"{file.relative_to(path).as_posix()} {digest_of_file(file)};".encode())
        return {"examples": None, "sha256": digest.hexdigest(), "files": looks_of(files), "path": str(path)}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected the data that the run uses") from error


def entry_now(name: str, entry: Entry, folder: Path) -> Entry | None:
    """Return what would be recorded today of data of which `entry` was recorded; None if they are not to be seen here.

    Published data sets are looked for in the data folder of today, and where they were.
    """
    try:
        if "path" in entry:
            return entry_of_files(Path(entry["path"]))
        known = CATALOGUE.get(name)
        if known is None:
            return None
        looked = Path(entry["files"][0][0]).parents
        folders = [*([] if entry.get("given") else [folder, *data_folders()[1:]]), *looked[1:3]]
        found = find(known, *folders)
        if found is None or (looks := looks_of(found.paths)) == entry["files"]:
            return None if found is None else entry
        whole, examples = read(known, *folders), entry["examples"]
        return entry_of_arrays(arrays_of(whole.with_test(examples["x_val"]) if "x_test" in examples else whole), looks)
    except (DataError, UsageError, OSError):
        return None


def _digest(array: NDArray[Any]) -> str:
    """Return the digest of type and bytes, computed once for the same memory."""
    owner = _owner(array)
    place = array.__array_interface__
    key = (id(owner), place["data"], array.nbytes, array.dtype.str, place["strides"])
    fixed = not owner.flags.writeable  # else the same memory may hold other numbers by now
    if fixed and key in _digests:
        return _digests[key]
    digest = hashlib.sha256(array.dtype.str.encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    if fixed:
        _digests[key] = digest.hexdigest()
        weakref.finalize(owner, _digests.pop, key, None)
    return digest.hexdigest()


def _owner(array: NDArray[Any]) -> Any:
    """Return the array whose memory this is a view of."""
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner
