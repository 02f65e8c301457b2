"""Data sets written for the tests, in the formats that they are published in."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.formats import LABEL
from hpcsweep.data.idx import TYPES

CODES = {np.dtype(name): code for code, name in TYPES.items()}


def write_idx(path: Path, array: NDArray[Any]) -> None:
    """Write `array` as IDX, compressed where the name ends in .gz."""
    dtype = array.dtype.newbyteorder(">")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[dtype], array.ndim, *array.shape)
    data = header + array.astype(dtype, copy=False).tobytes()
    # mtime 0: the same array gives the same bytes, and so the same checksum
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_digit_csv(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> None:
    """Write images [examples, side, side] and labels [examples] as Kaggle does."""
    pixels = images.reshape(len(images), -1)
    header = ",".join([LABEL, *(f"pixel{number}" for number in range(pixels.shape[1]))])
    rows = np.column_stack([labels, pixels])
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=header, comments="")
