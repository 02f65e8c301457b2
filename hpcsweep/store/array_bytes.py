"""Arrays and states as bytes, never pickled: what the store and its cache keep, read faster than NumPy reads it.

Arrays are an uncompressed npz (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; PKWARE APPNOTE
6.3.10, sections 4.3.7, 4.3.12 and 4.3.16). They are read as views of the bytes, whose hash must have been checked: the
CRCs inside the zip are ignored. Whatever is not a plain array in an uncompressed member is left to `numpy.load`.

A state is a nested dict of plain values and arrays. Its format: one line of JSON (`format`, `generation`, `epoch`,
`size`, `sha256` of what follows), then an npz whose member `tree` is JSON with each array replaced by a reference to
another member.
"""

from __future__ import annotations

import ast
import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.errors import StoreError, UsageError
from hpcsweep.files import sha256_hex
from hpcsweep.store.reader import parse_json, parse_record, require_format

Array = np.ndarray[Any, Any]
FORMAT = 1  # of a state
_ARRAY, _SCALAR = "__array__", "__scalar__"
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # bytes, as for NumPy
_MOST_COMPRESSED = 100  # times
_UNUSUAL = (struct.error, LookupError, ValueError, SyntaxError, TypeError, ArithmeticError, MemoryError, RecursionError)
_UNKNOWN = 0xFFFFFFFF  # means that a zip64 field holds the number


def pack_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Return an uncompressed npz of `arrays`; ValueError if one holds Python objects."""
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:  # `savez(allow_pickle=False)` is of NumPy 2; an older one takes that for an array of this name
        raise ValueError(f"{objects[0]}: holds Python objects, expected numbers or text")
    buffer, members = io.BytesIO(), dict[str, Any](arrays)
    np.savez(buffer, **members)
    return buffer.getvalue()


def unpack_arrays(data: bytes, *, writable: bool = False) -> dict[str, Array]:
    """Return the arrays of an npz by name; unless `writable`, some are views of `data`, which cannot be written to.

    ValueError if that is no npz, or one that takes much more memory than bytes.
    """
    try:
        arrays = {name: _array(data, start) for name, start in _members(data)}
    except _UNUSUAL:
        return _load(data)
    return {name: np.array(array) for name, array in arrays.items()} if writable else arrays


def _load(data: bytes) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            size = sum(member.file_size for member in members.infolist())
        if size > len(data) * _MOST_COMPRESSED + (1 << 20):
            raise ValueError(f"{len(data)} bytes that claim to hold {size}")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    # Whatever a damaged or forged file makes its readers raise is one line for the user. zipfile's NotImplementedError:
    # a member is compressed in a way that it cannot read and no npz has; its RuntimeError: a member has a password.
    except (*_UNUSUAL, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"no npz of plain arrays: {error}") from error


def pack_state(state: Any, *, generation: int, epoch: int) -> bytes:
    """Return `state` as a checkpoint's bytes; UsageError names the first value that cannot be kept."""
    arrays: dict[str, Array] = {}
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
    """Return the state that `pack_state` was given; StoreError if a byte is missing or changed.

    NewerFormatError if a later release wrote it.
    """
    line, newline, body = data.partition(b"\n")
    where = Path("the checkpoint")
    header = parse_record(line, where)
    require_format(header, FORMAT, where)
    if not newline or header.get("sha256") != sha256_hex(body):
        raise StoreError("the checkpoint is torn or damaged: its SHA-256 does not match; an older one is used")
    try:
        arrays = unpack_arrays(body, writable=True)
        return _rebuild(parse_json(arrays["tree"].tobytes(), where), arrays)
    except _UNUSUAL as error:
        raise StoreError(f"the checkpoint is damaged: {error}; an older one is used") from error


def _flatten(value: Any, arrays: dict[str, Array], where: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UsageError(f"checkpoint: {where} is an array of Python objects; expected numbers or strings")
        name = f"a{len(arrays)}"
        arrays[name] = array
        return {_SCALAR if isinstance(value, np.generic) else _ARRAY: name}
    if isinstance(value, (list, tuple)):
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


def _rebuild(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return [_rebuild(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    if _SCALAR in value:
        return arrays[value[_SCALAR]][()]
    return {key: _rebuild(item, arrays) for key, item in value.items()}


def _members(data: bytes) -> Iterator[tuple[str, int]]:
    end = _END.unpack_from(data, len(data) - _END.size)
    if end[0] != b"PK\x05\x06" or end[7]:
        raise ValueError("no end of a zip, or one with a comment")
    count, at = end[4], end[6]
    for _ in range(count):
        entry = _ENTRY.unpack_from(data, at)
        method, size, name_length, offset = entry[4], entry[9], entry[10], entry[16]
        if entry[0] != b"PK\x01\x02" or method or size == _UNKNOWN or offset == _UNKNOWN:
            raise ValueError("a compressed member, or one of more than 4 GB")
        name = data[at + _ENTRY.size : at + _ENTRY.size + name_length].decode()
        local = _LOCAL.unpack_from(data, offset)
        yield name.removesuffix(".npy"), offset + _LOCAL.size + local[9] + local[10]
        at += _ENTRY.size + name_length + entry[11] + entry[12]


def _array(data: bytes, start: int) -> Array:
    if data[start : start + 6] != _MAGIC or data[start + 6] not in (1, 2):
        raise ValueError("no array")
    wide = 2 if data[start + 6] == 1 else 4
    length = int.from_bytes(data[start + 8 : start + 8 + wide], "little")
    if length > _LONGEST_HEADER:
        raise ValueError("no header of a plain array")
    text = start + 8 + wide
    dtype, fortran, shape = _header(data[text : text + length])
    count = math.prod(shape)
    flat = np.frombuffer(data, dtype, count, text + length) if count else np.empty(0, dtype)
    aligned = flat if flat.flags.aligned else flat.copy()  # members may be unaligned, and arithmetic then slow
    return aligned.reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=4096)
def _header(text: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    header = ast.literal_eval(text.decode("latin1"))
    dtype = np.dtype(header["descr"])
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError("an array of objects")
    return dtype, header["fortran_order"], header["shape"]
