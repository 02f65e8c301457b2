"""A checkpoint's content as bytes: a nested state of plain values and NumPy arrays, without pickle.

Format: one line of JSON (`format`, `generation`, `epoch`, `size`, `sha256` of what follows), then an uncompressed npz
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) whose member `tree` is JSON with each array
replaced by a reference to another member.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpcsweep.errors import StoreError, UsageError
from hpcsweep.files import sha256_hex

FORMAT = 1
_ARRAY, _SCALAR = "__array__", "__scalar__"


def pack_arrays(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return an uncompressed npz of `arrays`."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_arrays(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an npz; never unpickles."""
    with np.load(io.BytesIO(data), allow_pickle=False) as members:
        return {name: members[name] for name in members.files}


def pack_state(state: Any, *, generation: int, epoch: int) -> bytes:
    """Return `state` as a checkpoint's bytes; UsageError names the first value that cannot be kept."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = json.dumps(_flatten(state, arrays, "state"))
    body = pack_arrays({"tree": np.frombuffer(tree.encode(), dtype=np.uint8), **arrays})
    header = {
        "format": FORMAT,
        "generation": generation,
        "epoch": epoch,
        "size": len(body),
        "sha256": sha256_hex(body),
    }
    return json.dumps(header).encode() + b"\n" + body


def unpack_state(data: bytes) -> Any:
    """Return the state that `pack_state` was given; StoreError if a byte is missing or changed."""
    line, newline, body = data.partition(b"\n")
    try:
        header = json.loads(line)
        intact = bool(newline) and header["format"] == FORMAT and header["sha256"] == sha256_hex(body)
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise StoreError("the checkpoint is torn or damaged: its SHA-256 does not match; an older one is used")
    arrays = unpack_arrays(body)
    return _rebuild(json.loads(arrays["tree"].tobytes()), arrays)


def _flatten(value: Any, arrays: dict[str, np.ndarray[Any, Any]], where: str) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UsageError(f"checkpoint: {where} is an array of Python objects; expected numbers or strings")
        name = f"a{len(arrays)}"
        arrays[name] = array
        return {_SCALAR if isinstance(value, np.generic) else _ARRAY: name}
    if isinstance(value, list | tuple):
        return [_flatten(item, arrays, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, where): _flatten(item, arrays, f"{where}[{key!r}]") for key, item in value.items()}
    raise UsageError(
        f"checkpoint: {where} is a {type(value).__name__}; expected numbers, strings, lists, dicts and NumPy arrays "
        "(or give run.checkpoint a function that writes files)"
    )


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str) or key in (_ARRAY, _SCALAR):
        raise UsageError(f"checkpoint: {where} has the key {key!r}; expected a string")
    return key


def _rebuild(value: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, list):
        return [_rebuild(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    if _SCALAR in value:
        return arrays[value[_SCALAR]][()]
    return {key: _rebuild(item, arrays) for key, item in value.items()}
