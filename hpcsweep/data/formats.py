"""Other files that hold digits: NumPy's .npz, as Keras and KMNIST's makers ship it, and Kaggle's CSV."""

from __future__ import annotations

import math
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import DataError

LABEL = "label"
ONE_ARRAY = ("arr_0",)  # what numpy.savez calls an array that was given no name


def read_npz(path: Path, names: Iterable[str] = ONE_ARRAY) -> dict[str, NDArray[Any]]:
    """Return the arrays called `names` in an .npz file; raises DataError if one is missing or damaged.

    Nothing is unpickled: an array of Python objects is refused.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: _member(path, archive, name) for name in names}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; see `hpcsweep data list`") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: truncated or damaged ({error}); fetch or copy it again") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not an .npz file of plain numbers ({error})") from error


def read_digit_csv(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Return images [examples, side, side] and labels [examples] of a CSV file of Kaggle's digit contests.

    It has one line per image: the label, then the pixels row by row, 0 to 255; the header is
    `label,pixel0,pixel1,...`. A file without the label column (the contest's test set) gives None as
    labels. Raises DataError for any other header, a line that is too short or too long, a number that
    is not a pixel, and images that are not square.
    """
    header = _first_line(path)
    labelled = header[0] == LABEL
    side = math.isqrt(len(header) - labelled)
    if side * side != len(header) - labelled or side == 0 or not header[-1].startswith("pixel"):
        raise DataError(
            f"{path}: found a header of {len(header)} columns, {header[0]!r} to {header[-1]!r}; expected "
            f"label,pixel0,pixel1,... with a square number of pixels (784 for 28x28)"
        )
    numbers = _numbers(path, len(header))
    pixels = numbers[:, labelled:]
    if pixels.size and (pixels.min() < 0 or pixels.max() > 255):
        raise DataError(f"{path}: found pixels from {pixels.min()} to {pixels.max()}; expected 0 to 255")
    images = pixels.astype(np.uint8).reshape(len(numbers), side, side)
    return images, numbers[:, 0].astype(np.int64) if labelled else None


def _member(path: Path, archive: Mapping[str, Any], name: str) -> NDArray[Any]:
    if name not in archive:
        found = ", ".join(archive) or "no array"
        raise DataError(f"{path}: found {found}; expected an array called {name}")
    array: NDArray[Any] = archive[name]
    return array


def _first_line(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            line = file.readline()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; see `hpcsweep data list`") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a text file; expected a CSV") from None
    if not line.strip():
        raise DataError(f"{path}: is empty; expected a CSV with a header line")
    return [name.strip().strip('"') for name in line.strip().split(",")]


def _numbers(path: Path, columns: int) -> NDArray[np.int16]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no lines: refused below
            numbers = np.loadtxt(path, np.int16, delimiter=",", skiprows=1, ndmin=2, encoding="utf-8-sig")
    except (ValueError, OverflowError) as error:
        reason = str(error).split(";")[0]
        raise DataError(f"{path}: {reason}; expected {columns} whole numbers per line") from error
    if not numbers.size:
        raise DataError(f"{path}: a header and no images; fetch or copy it again")
    if numbers.shape[1] != columns:
        raise DataError(f"{path}: found {numbers.shape[1]} numbers per line; its header names {columns} columns")
    return numbers
