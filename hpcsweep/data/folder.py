"""The data folder: where it is, what it holds of a published data set, and reading and checking that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.catalogue import OTHER_CHECKSUMS, Published
from hpcsweep.data.dataset import Data
from hpcsweep.data.formats import ONE_ARRAY, read_digit_csv, read_npz
from hpcsweep.data.idx import read_idx
from hpcsweep.errors import DataError, to_type

VARIABLE = "HPCSWEEP_DATA"
DEFAULT = "data"
KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
NPZ_PARTS = ("train-imgs", "train-labels", "test-imgs", "test-labels")
HELD_OUT = 7  # the last seventh of a CSV without a labelled test file, as of MNIST's 70,000

Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Found:
    """Files of a data set in one of its forms; `read` gives training and test images and labels."""

    form: str
    paths: tuple[Path, ...]
    read: Callable[[tuple[Path, ...]], Arrays]


def data_folder(given: Path | str | None = None) -> Path:
    """Return the data folder, the first that is given: `given`, the variable HPCSWEEP_DATA; or `data` here."""
    return Path(given or os.environ.get(VARIABLE) or DEFAULT).expanduser().absolute()


def find(published: Published, folder: Path) -> Found | None:
    """Return the files of `published` in `folder`/<its name>, in the first form that is complete."""
    return next((found for found in _forms(published, folder / published.name) if found.paths), None)


def read(published: Published, folder: Path) -> Data:
    """Return `published`, images uint8 [examples, 28, 28, 1]; raises DataError, saying what to type."""
    found = find(published, folder)
    if found is None:
        raise DataError(
            f"{published.name}: not in {folder / published.name}; on a machine with a network type: "
            f"{to_type('data', 'fetch', published.name, '--data', folder)}"
        )
    images, labels, test_images, test_labels = found.read(found.paths)
    _check_counts(found.paths[0], images, labels)
    _check_counts(found.paths[-1], test_images, test_labels)
    return Data(
        x=_with_channel(found.paths[0], images),
        y=labels.astype(np.int64),
        x_val=_with_channel(found.paths[-1], test_images),
        y_val=test_labels.astype(np.int64),
        classes=published.classes,
        name=published.name,
        white=255.0,
    )


def check(published: Published, folder: Path) -> list[str]:
    """Return what is wrong with the files of `published` in `folder`, one line each; an empty list if nothing is.

    Checksums are compared if they are published (the four IDX.gz files, Keras's mnist.npz). Then the files
    are read, which checks headers, sizes, counts and labels.
    """
    found = find(published, folder)
    try:
        if found is not None:
            known = {file.name: file.checksum for file in published.files} | OTHER_CHECKSUMS
            wrong = [line for path in found.paths if (line := _checksum_problem(path, known.get(path.name)))]
            if wrong:
                return wrong
        read(published, folder)
    except (DataError, ValueError) as error:
        return [str(error)]
    return []


def checksum(path: Path, algorithm: str) -> str:
    """Return `path`'s checksum as the catalogue writes it: `sha256:...`."""
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _forms(published: Published, folder: Path) -> list[Found]:
    idx = [_either(folder, file.name, file.name.removesuffix(".gz")) for file in published.files]
    four = [_either(folder, f"{published.name}-{part}.npz") for part in NPZ_PARTS]
    train_csv = _either(folder, f"{published.name}_train.csv", "train.csv")
    test_csv = _either(folder, f"{published.name}_test.csv")
    return [
        Found("IDX", _all(idx), lambda paths: _four(paths, read_idx)),
        Found("npz", _all([_either(folder, f"{published.name}.npz")]), _read_keras_npz),
        Found("npz", _all(four), lambda paths: _four(paths, lambda path: read_npz(path)[ONE_ARRAY[0]])),
        Found("CSV", _all([train_csv, test_csv]) or _all([train_csv]), _read_csv),
    ]


def _either(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _all(paths: list[Path | None]) -> tuple[Path, ...]:
    there = tuple(path for path in paths if path is not None)
    return there if len(there) == len(paths) else ()


def _four(paths: tuple[Path, ...], reader: Callable[[Path], NDArray[Any]]) -> Arrays:
    images, labels, test_images, test_labels = (reader(path) for path in paths)
    return images, labels, test_images, test_labels


def _read_keras_npz(paths: tuple[Path, ...]) -> Arrays:
    arrays = read_npz(paths[0], KERAS_NAMES)
    x_train, y_train, x_test, y_test = (arrays[name] for name in KERAS_NAMES)
    return x_train, y_train, x_test, y_test


def _read_csv(paths: tuple[Path, ...]) -> Arrays:
    train = _labelled(paths[0])
    if len(paths) == 2:
        return *train, *_labelled(paths[1])
    images, labels = train
    cut = len(images) - len(images) // HELD_OUT
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def _labelled(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    images, labels = read_digit_csv(path)
    if labels is None:
        raise DataError(f"{path}: has no label column; expected label,pixel0,... (a contest's test set has none)")
    return images, labels


def _check_counts(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> None:
    if len(images) != len(labels):
        raise DataError(
            f"{path.parent}: {len(images)} images but {len(labels)} labels in {path.name} and its partner; "
            f"expected as many of each; fetch or copy both again"
        )


def _with_channel(path: Path, images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(
            f"{path}: holds {images.dtype} of shape {images.shape}; expected images, uint8 [examples, rows, columns]"
        )
    return images[..., None]


def _checksum_problem(path: Path, expected: str | None) -> str | None:
    if expected is None:
        return None
    found = checksum(path, expected.split(":")[0])
    if found == expected:
        return None
    return f"{path}: checksum {found}, expected {expected}; delete it and fetch it again"
