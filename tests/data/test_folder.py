"""The data folder: the forms a published data set comes in, and what is told when files are wrong."""

from __future__ import annotations

import gzip
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.data import Data, load
from hpcsweep.data import folder as folder_module
from hpcsweep.data.catalogue import CATALOGUE, IDX_NAMES, MNIST, DataFile, Published
from hpcsweep.data.folder import NPZ_PARTS, Verdict, check, checksum, data_folder, find, judge, read
from hpcsweep.data.idx import idx_bytes
from hpcsweep.data.used import entry_now, noting
from hpcsweep.errors import DataError
from hpcsweep.files import sha256_hex
from tests.data.writing import write_digit_csv, write_idx

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.integers(0, 256, (21, 28, 28), np.uint8), np.arange(21, dtype=np.uint8) % 10
X_TEST, Y_TEST = RANDOM.integers(0, 256, (7, 28, 28), np.uint8), np.arange(7, dtype=np.uint8)
ARRAYS = dict(zip(IDX_NAMES, (X, Y, X_TEST, Y_TEST), strict=True))


def small_mnist(folder: Path) -> Published:
    """Write a small data set in MNIST's four files and return it with the checksums these have."""
    (folder / "mnist").mkdir(parents=True)
    for name, array in ARRAYS.items():
        write_idx(folder / "mnist" / name, array)
    files = tuple(
        DataFile(name, checksum(folder / "mnist" / name, "md5"), (), sha256_hex(idx_bytes(array)))
        for name, array in ARRAYS.items()
    )
    return replace(MNIST, files=files)


def assert_all_there(data: Data, train: int = 21) -> None:
    """Check the arrays of a data set that was read against those written."""
    np.testing.assert_array_equal(data.x[..., 0], X[:train])
    np.testing.assert_array_equal(data.y, Y[:train])
    assert data.x.dtype == np.uint8
    assert (data.classes[3], data.white, data.input_shape) == ("3", 255.0, (28, 28, 1))


def test_idx_gz_files_are_read_and_checked(tmp_path: Path) -> None:
    """The published four files are found, read and found well."""
    published = small_mnist(tmp_path)
    assert_all_there(read(published, tmp_path))
    assert check(published, tmp_path) == []


def test_the_published_test_part_can_be_kept_for_a_test(tmp_path: Path) -> None:
    """`validate` takes examples from the training part; what is recorded of that is found again; else it is marked."""
    small_mnist(tmp_path)
    whole = load("mnist", data=tmp_path)
    noted: dict[str, Any] = {}
    assert whole.validates_on_test
    assert whole.flat().limited(train=3).validates_on_test
    with noting(noted):
        split = load("mnist", data=tmp_path, validate=4)
    assert not split.validates_on_test
    assert_all_there(split, train=17)
    np.testing.assert_array_equal(split.x_val[..., 0], X[17:])
    np.testing.assert_array_equal(split.x_test, whole.x_val)
    later = {**noted["mnist"], "files": [[*noted["mnist"]["files"][0][:1], 0, 0], *noted["mnist"]["files"][1:]]}
    now = entry_now("mnist", later, tmp_path)
    assert now is not None
    assert now["sha256"] == noted["mnist"]["sha256"]


def test_unpacked_idx_files_are_read_and_judged_by_their_content(tmp_path: Path) -> None:
    """Files that someone unpacked are as right as packed ones while they hold the same, and wrong when zeroed."""
    published = small_mnist(tmp_path)
    for name, array in ARRAYS.items():
        (tmp_path / "mnist" / name).unlink()
        write_idx(tmp_path / "mnist" / name.removesuffix(".gz"), array)
    assert_all_there(read(published, tmp_path))
    assert judge(published, tmp_path) == Verdict([], compared=True)
    write_idx(tmp_path / "mnist" / IDX_NAMES[0].removesuffix(".gz"), X * (np.arange(21) < 10)[:, None, None])
    assert "holds 21 training images that are not those of mnist" in check(published, tmp_path)[0]


@pytest.mark.parametrize("form", ["gzipped anew", "npz", "KMNIST's npz", "torchvision's", "dotted names"])
def test_what_a_data_set_is_packed_in_does_not_matter(tmp_path: Path, form: str) -> None:
    """The content is compared whatever the container; the first images alone are another set."""
    published = small_mnist(tmp_path / "packed")

    def put(count: int) -> Path:
        folder = tmp_path / f"{form} {count}"
        arrays = {name: array[:count] for name, array in ARRAYS.items()}
        inside = folder / ("MNIST/raw" if form == "torchvision's" else "mnist")
        inside.mkdir(parents=True)
        if form == "npz":
            x, y, x_test, y_test = arrays.values()
            np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
        for part, (name, array) in zip(NPZ_PARTS, arrays.items(), strict=True):
            if form == "KMNIST's npz":
                np.savez(inside / f"mnist-{part}.npz", array)
            elif form == "dotted names":
                write_idx(inside / name.replace("-idx", ".idx").removesuffix(".gz"), array)
            elif form != "npz":
                write_idx(inside / name, array)
                if form == "gzipped anew":
                    content = gzip.decompress((inside / name).read_bytes())
                    (inside / name).write_bytes(gzip.compress(content, compresslevel=1, mtime=1))
        return folder

    assert judge(published, put(60)) == Verdict([], compared=True)
    assert "holds 5 training images that are not those" in check(published, put(5))[0]


def test_content_that_nobody_published_is_not_called_well(tmp_path: Path) -> None:
    """Of unpacked files of a set that is known by its packed ones alone, it is said that they were not compared."""
    published = small_mnist(tmp_path)
    published = replace(published, files=tuple(replace(file, content="") for file in published.files))
    assert judge(published, tmp_path).compared
    for name, array in ARRAYS.items():
        (tmp_path / "mnist" / name).unlink()
        write_idx(tmp_path / "mnist" / name.removesuffix(".gz"), array)
    assert judge(published, tmp_path) == Verdict([])


def test_sets_are_found_where_people_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --data the places of Debian, Keras and clusters are looked at after the data folder; with it none."""
    small_mnist(tmp_path / "elsewhere")
    monkeypatch.setattr(folder_module, "ELSEWHERE", (str(tmp_path / "elsewhere"),))
    monkeypatch.setenv("HPCSWEEP_DATA", str(tmp_path / "empty"))
    assert len(load("mnist").x) == 21
    with pytest.raises(DataError, match="not in"):
        load("mnist", data=tmp_path / "empty")


def test_keras_npz_is_read_and_its_checksum_known(tmp_path: Path) -> None:
    """One npz with x_train, y_train, x_test, y_test is read; mnist.npz has a published checksum to fail."""
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", x_train=X, y_train=Y, x_test=X_TEST, y_test=Y_TEST)
    assert_all_there(read(MNIST, tmp_path))
    assert "expected sha256:731c5ac6" in check(MNIST, tmp_path)[0]


def test_kmnist_npz_files_are_read(tmp_path: Path) -> None:
    """KMNIST's makers ship four npz files with one unnamed array each: these are read."""
    (tmp_path / "kmnist").mkdir()
    for part, array in zip(("train-imgs", "train-labels", "test-imgs", "test-labels"), ARRAYS.values(), strict=True):
        np.savez(tmp_path / "kmnist" / f"kmnist-{part}.npz", array)
    data = read(CATALOGUE["kmnist"], tmp_path)
    np.testing.assert_array_equal(data.x_val[..., 0], X_TEST)
    assert data.classes[0] == "o"


def test_kaggle_csv_holds_out_its_last_seventh(tmp_path: Path) -> None:
    """A contest gives labels for its training file alone; its last seventh becomes the validation part."""
    (tmp_path / "mnist").mkdir()
    write_digit_csv(tmp_path / "mnist" / "train.csv", X, Y)
    data = read(MNIST, tmp_path)
    assert_all_there(data, train=18)
    assert len(data.x_val) == 3
    write_digit_csv(tmp_path / "mnist" / "mnist_test.csv", X_TEST, Y_TEST)
    assert_all_there(read(MNIST, tmp_path))


def test_absent_says_what_to_type_and_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without files load names the folder and the fetch command, and touches no network and no pooch."""
    monkeypatch.setenv("HPCSWEEP_DATA", str(tmp_path))
    monkeypatch.setattr("socket.socket", None)
    with pytest.raises(DataError, match=rf"hpcsweep data fetch mnist --data {tmp_path}"):
        load("mnist")
    code = f"""
import sys
from hpcsweep.data import folder as folder_module
from hpcsweep.data import load
try:
    load("kmnist", data={str(tmp_path)!r})
except OSError:
    sys.exit("pooch" in sys.modules or "keras" in sys.modules or "pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_folder_is_option_then_variable_then_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An explicit folder wins over HPCSWEEP_DATA, which wins over ./data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPCSWEEP_DATA", raising=False)
    assert data_folder() == tmp_path / "data"
    monkeypatch.setenv("HPCSWEEP_DATA", str(tmp_path / "there"))
    assert data_folder() == tmp_path / "there"
    assert data_folder(tmp_path / "here") == tmp_path / "here"


def test_a_missing_fourth_file_means_not_there(tmp_path: Path) -> None:
    """Three of four files are no data set."""
    published = small_mnist(tmp_path)
    (tmp_path / "mnist" / IDX_NAMES[3]).unlink()
    assert find(published, tmp_path) is None
    assert "data fetch mnist" in check(published, tmp_path)[0]


def test_checksum_mismatch_is_told_with_both_sums(tmp_path: Path) -> None:
    """A file that is not the published one is told so, with what to do."""
    small_mnist(tmp_path)
    problems = check(MNIST, tmp_path)
    assert len(problems) == 4
    assert "expected sha256:440fcabf" in problems[0]
    assert "delete it and fetch it again" in problems[0]


def test_unequal_counts_are_told(tmp_path: Path) -> None:
    """Labels and images of unequal length are refused with both counts."""
    published = small_mnist(tmp_path)
    write_idx(tmp_path / "mnist" / IDX_NAMES[1], Y[:20])
    with pytest.raises(DataError, match="21 images but 20 labels"):
        read(published, tmp_path)


def test_images_and_labels_in_the_wrong_places_are_told(tmp_path: Path) -> None:
    """Files under each other's names are refused for their shape, labels out of range for their range."""
    published = small_mnist(tmp_path)
    folder = tmp_path / "mnist"
    write_idx(folder / IDX_NAMES[1], Y + 100)
    with pytest.raises(ValueError, match="y goes from 100 to 109"):
        read(published, tmp_path)
    write_idx(folder / IDX_NAMES[0], Y)
    write_idx(folder / IDX_NAMES[1], Y)
    with pytest.raises(DataError, match=r"holds uint8 of shape \(21,\); expected images"):
        read(published, tmp_path)


def test_the_catalogue_is_complete() -> None:
    """Each published set has four files with a checksum of the length of its kind, mirrors and ten classes."""
    lengths = {"sha256": 64, "md5": 32}
    sums = [file.checksum for published in CATALOGUE.values() for file in published.files]
    assert len(set(sums)) == 12
    for published in CATALOGUE.values():
        assert len(published.classes) == 10
        for file in published.files:
            kind, digits = file.checksum.split(":")
            assert len(digits) == lengths[kind]
            assert all(url.endswith("/" + file.name) and url.startswith("http") for url in file.urls)
            assert file.urls
