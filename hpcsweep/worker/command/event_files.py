"""TensorBoard's event files, read without TensorFlow: records with checksums, each a small protocol buffer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from hpcsweep.errors import JobError

Scalar = tuple[int, str, float]  # step, tag, value

_HEADER, _FOOTER = 12, 4  # bytes: length and its checksum, the checksum of the data
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_TENSOR_TYPES = {1: "f", 2: "d", 3: "i", 9: "q"}  # DT_FLOAT, DT_DOUBLE, DT_INT32, DT_INT64, as struct calls them
_TENSOR_VALUES = {5: "f", 6: "d"}  # fields of a tensor that hold its values: float_val, double_val


class EventFile:
    """One file, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new_scalars(self) -> Iterator[Scalar]:
        """Give the scalars of the records that are whole by now; JobError if a checksum is wrong."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:  # removed since it was found
            return
        at = 0
        while len(data) - at >= _HEADER:
            (length,) = struct.unpack_from("<Q", data, at)
            self._check(data[at : at + 8], data[at + 8 : at + _HEADER])
            end = at + _HEADER + length
            if end + _FOOTER > len(data):
                break
            record = data[at + _HEADER : end]
            self._check(record, data[end : end + _FOOTER])
            yield from _scalars(record)
            at = end + _FOOTER
        self._read += at

    def _check(self, data: bytes, checksum: bytes) -> None:
        if struct.pack("<I", masked_crc(data)) != checksum:
            raise JobError(f"{self._path}: found a damaged record, expected TensorBoard's event file")


def _scalars(event: bytes) -> Iterator[Scalar]:
    fields = list(_fields(event))
    step = next((_signed(value) for number, value in fields if number == 2 and isinstance(value, int)), 0)
    for number, summary in fields:
        if number == 5 and isinstance(summary, bytes):
            for inner, value in _fields(summary):
                if inner == 1 and isinstance(value, bytes) and (found := _value(value)):
                    yield step, *found


def _value(message: bytes) -> tuple[str, float] | None:
    """Return tag and number of a value, None if it is an image, a histogram or text."""
    fields = dict(_fields(message))
    tag = fields.get(1)
    if not isinstance(tag, bytes):
        return None
    simple, tensor = fields.get(2), fields.get(8)
    number = struct.unpack("<f", simple)[0] if isinstance(simple, bytes) else None
    if isinstance(tensor, bytes):
        number = _of_tensor(tensor)
    return None if number is None else (tag.decode(errors="replace"), number)


def _of_tensor(message: bytes) -> float | None:
    """Return the number of a tensor that is a single one."""
    fields = dict(_fields(message))
    kind, content = fields.get(1), fields.get(4)
    packed = [(code, fields[field]) for field, code in _TENSOR_VALUES.items() if field in fields]
    if isinstance(content, bytes) and isinstance(kind, int) and kind in _TENSOR_TYPES:
        packed.append((_TENSOR_TYPES[kind], content))
    for code, data in packed:
        if isinstance(data, bytes) and len(data) == struct.calcsize(code):
            return float(struct.unpack(f"<{code}", data)[0])
    return None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give (number, value) of each field of a protocol buffer: varints as int, all else as bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}[kind]
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # CRC-32C, Castagnoli's polynomial reversed
        table.append(byte)
    return table


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """Return the checksum of `data` as records have it: CRC-32C, rotated and shifted by a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
