"""IDX, the format in which MNIST and its relatives are published: a big-endian header, then the numbers.

Two zero bytes, one byte for the type of the numbers, one for the number of dimensions, each dimension as an
unsigned 32-bit number, then the numbers themselves; often compressed with gzip. Both are recognized by their
first bytes, never by the file's name.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_bytes(path: Path) -> bytes:
    """Return the bytes of `path`, unpacked if they are gzip; raises DataError if that fails."""
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; see `hpcsweep data list`") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not packed.startswith(GZIP_MAGIC):
        return packed
    try:
        return gzip.decompress(packed)
    except EOFError:
        raise DataError(f"{path}: the gzip file is truncated; fetch or copy it again") from None
    except (OSError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error}); fetch or copy it again") from error


def read_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX or IDX.gz file, in the machine's byte order and the file's type.

    Raises DataError for a wrong magic number, an unknown type, a truncated file and for too many bytes.
    """
    data = read_bytes(path)
    dtype, shape, start = _header(path, data)
    expected = start + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        problem = "is truncated" if len(data) < expected else "goes on too long"
        size = "x".join(str(n) for n in shape)
        raise DataError(
            f"{path}: {problem}: its header promises {size} numbers, {expected} bytes in all, "
            f"but there are {len(data)}; fetch or copy it again"
        )
    numbers = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return numbers.astype(dtype.newbyteorder("="), copy=False)


def idx_bytes(array: NDArray[Any]) -> bytes:
    """Return images or labels, whole numbers from 0 to 255, as the unpacked IDX file that they are published in."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def _header(path: Path, data: bytes) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise DataError(
            f"{path}: wrong magic number {data[:4].hex() or '(empty file)'}; an IDX file starts with 0000, "
            f"the type of its numbers (08 for bytes) and its dimensions (00000803 for images)"
        )
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path}: is truncated within its header; fetch or copy it again")
    return np.dtype(TYPES[data[2]]), struct.unpack(f">{dimensions}I", data[4:start]), start
