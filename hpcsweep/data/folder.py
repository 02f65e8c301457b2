"""The data folder: where it is, what it holds of a published data set, and reading and checking that."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.catalogue import OTHER_CHECKSUMS, Published
from hpcsweep.data.dataset import Data
from hpcsweep.data.formats import ONE_ARRAY, read_digit_csv, read_npz
from hpcsweep.data.idx import idx_bytes, read_idx
from hpcsweep.errors import DataError, to_type
from hpcsweep.files import digest_of_file, sha256_hex

VARIABLE = "HPCSWEEP_DATA"
DEFAULT = "data"
KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
NPZ_PARTS = ("train-imgs", "train-labels", "test-imgs", "test-labels")
HELD_OUT = 7  # the last seventh of a CSV without a labelled test file, as of MNIST's 70,000

ELSEWHERE = ("/data", "/usr/share/datasets", "~/.keras/datasets")
"""Where people have data sets besides the data folder: of a cluster, of Debian's packages, of Keras."""
PARTS = ("training images", "training labels", "test images", "test labels")
COUNTS = (60_000, 60_000, 10_000, 10_000)

Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Found:
    """Files of a data set in one of its forms; `read` gives training and test images and labels."""

    form: str
    paths: tuple[Path, ...]
    read: Callable[[tuple[Path, ...]], Arrays]


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a data set, and whether its content could be compared with what was published."""

    problems: list[str]
    compared: bool = False


def data_folder(given: Path | str | None = None) -> Path:
    """Return the data folder, the first that is given: `given`, the variable HPCSWEEP_DATA; or `data` here."""
    return Path(given or os.environ.get(VARIABLE) or DEFAULT).expanduser().absolute()


def data_folders(given: Path | str | None = None) -> list[Path]:
    """Return where to look for data sets, in this order: in `given` alone, or in the data folder and then ELSEWHERE."""
    return [data_folder(given)] if given else [data_folder(), *(Path(place).expanduser() for place in ELSEWHERE)]


def find(published: Published, *folders: Path) -> Found | None:
    """Return the files of `published` in the first of `folders` and the first form of which all are there.

    In a folder they are in one of its name, in torchvision's, or one .npz file.
    """
    return next((found for folder in folders for found in _all_forms(published, folder) if found.paths), None)


def read(published: Published, *folders: Path) -> Data:
    """Return `published`, images uint8 [examples, 28, 28, 1]; raises DataError, saying what to type."""
    found = find(published, *folders)
    if found is None:
        others = f" nor in {', '.join(map(str, folders[1:]))}" if len(folders) > 1 else ""
        raise DataError(
            f"{published.name}: not in {folders[0] / published.name}{others}; on a machine with a network type: "
            f"{to_type('data', 'fetch', published.name, '--data', folders[0])}"
        )
    return _data(published, found, found.read(found.paths))


def _data(published: Published, found: Found, arrays: Arrays) -> Data:
    images, labels, test_images, test_labels = arrays
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
        validates_on_test=True,
    )


def check(published: Published, *folders: Path) -> list[str]:
    """Return what is wrong with the files of `published`, one line each; none: nothing that can be seen."""
    return judge(published, *folders).problems


def judge(published: Published, *folders: Path) -> Verdict:
    """Read the files of `published` and say whether they hold what was published, whatever they are packed in.

    A file is right if its checksum is the published one, or else what is in it.
    """
    found = find(published, *folders)
    try:
        if found is None:
            read(published, *folders)  # which says where it looked
            return Verdict([])
        arrays = found.read(found.paths)
        _data(published, found, arrays)
    except (DataError, ValueError) as error:
        return Verdict([str(error)])
    whole = {file.name: file.checksum for file in published.files} | OTHER_CHECKSUMS
    right = [checksum(path, known.split(":")[0]) == known for path in found.paths if (known := whole.get(path.name))]
    if len(right) == len(found.paths) and all(right):
        return Verdict([], compared=True)
    contents = [file.content for file in published.files]
    if all(contents):
        wrong = [number for number, known in enumerate(contents) if sha256_hex(idx_bytes(arrays[number])) != known]
        return Verdict([_wrong(published, found, arrays, number, whole) for number in wrong], compared=True)
    altered = [path for path in found.paths if path.name in whole]  # packed anew, or damaged: nobody can tell
    return Verdict([_altered(path, whole[path.name]) for path in altered if not _is(path, whole[path.name])])


def _wrong(published: Published, found: Found, arrays: Arrays, number: int, whole: dict[str, str]) -> str:
    path = found.paths[number] if len(found.paths) == len(arrays) else found.paths[-1 if number > 1 else 0]
    known = whole.get(path.name)
    sums = f", checksum {checksum(path, known.split(':')[0])}, expected {known}" if known else ""
    return (
        f"{path}: holds {len(arrays[number])} {PARTS[number]} that are not those of {published.name} as published "
        f"({COUNTS[number]}){sums}; delete it and fetch it again, or keep it under another name than "
        f"{published.name}"
    )


def _altered(path: Path, expected: str) -> str:
    found = checksum(path, expected.split(":")[0])
    return f"{path}: checksum {found}, expected {expected}; delete it and fetch it again"


def _is(path: Path, expected: str) -> bool:
    return checksum(path, expected.split(":")[0]) == expected


def checksum(path: Path, algorithm: str) -> str:
    """Return `path`'s checksum as the catalogue writes it: `sha256:...`."""
    return f"{algorithm}:{digest_of_file(path, algorithm)}"


def _all_forms(published: Published, folder: Path) -> Iterator[Found]:
    for inside in (folder / published.name, folder / published.torchvision / "raw"):
        yield from _forms(published, inside)
    yield Found("npz", _all([_either(folder, f"{published.name}.npz")]), _read_keras_npz)


def _forms(published: Published, folder: Path) -> list[Found]:
    idx = [_either(folder, *_idx_names(file.name)) for file in published.files]
    four = [_either(folder, f"{published.name}-{part}.npz") for part in NPZ_PARTS]
    train_csv = _either(folder, f"{published.name}_train.csv", "train.csv")
    test_csv = _either(folder, f"{published.name}_test.csv")
    return [
        Found("IDX", _all(idx), lambda paths: _four(paths, read_idx)),
        Found("npz", _all([_either(folder, f"{published.name}.npz")]), _read_keras_npz),
        Found("npz", _all(four), lambda paths: _four(paths, lambda path: read_npz(path)[ONE_ARRAY[0]])),
        Found("CSV", _all([train_csv, test_csv]) or _all([train_csv]), _read_csv),
    ]


def _idx_names(name: str) -> list[str]:
    """Return what a published file is called, packed, unpacked, and with a dot, as some unpackers have it."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return [name, plain, f"{dotted}.gz", dotted]


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
