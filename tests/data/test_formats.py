"""IDX, npz and CSV: round trips in the real formats, and what damaged files are told."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hpcsweep.data.formats import read_digit_csv, read_npz
from hpcsweep.data.idx import read_idx
from hpcsweep.errors import DataError
from tests.data.writing import write_digit_csv, write_idx

SHARED_FOLDER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
IDX_TYPES = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"])
ARRAYS = IDX_TYPES.flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
)


@SHARED_FOLDER
@given(array=ARRAYS, packed=st.booleans())
def test_idx_gives_back_what_was_written(tmp_path: Path, array: np.ndarray, packed: bool) -> None:
    """Any array of an IDX type survives the file, compressed or not, bit for bit and in native byte order."""
    path = tmp_path / ("array.gz" if packed else "array")
    write_idx(path, array)
    back = read_idx(path)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_idx_reads_the_bytes_that_mnist_has(tmp_path: Path) -> None:
    """The header is big-endian: 00000803, then examples, rows and columns, as in the published files."""
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(bytes.fromhex("00000803000000020000000200000003") + bytes(range(12))))
    images = read_idx(path)
    assert images.shape == (2, 2, 3)
    assert images[1, 0, 2] == 8
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(struct.pack(">II", 0x801, 3) + bytes([5, 0, 4]))
    assert read_idx(labels).tolist() == [5, 0, 4]


@SHARED_FOLDER
@given(array=ARRAYS, cut=st.integers(1, 1000))
def test_truncated_idx_is_refused(tmp_path: Path, array: np.ndarray, cut: int) -> None:
    """An IDX file that ends early, anywhere, is refused and never read as fewer images."""
    path = tmp_path / "array"
    write_idx(path, array)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(len(whole) - cut, 0)])
    with pytest.raises(DataError, match=r"truncated|wrong magic"):
        read_idx(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"wrong magic number \(empty file\)"),
        (b"<!DOCTYPE html>", "wrong magic number 3c21444f"),
        (bytes.fromhex("00000a01") + bytes(8), "wrong magic number 00000a01"),
        (bytes.fromhex("0000080100000001") + b"ab", "goes on too long"),
        (bytes.fromhex("0000080300000001"), "truncated within its header"),
        (gzip.compress(bytes(100), mtime=0)[:-9], "gzip file is truncated"),
        (b"\x1f\x8b" + bytes(20), "gzip file is damaged"),
    ],
)
def test_what_is_no_idx_is_told_what_is_wrong(tmp_path: Path, data: bytes, message: str) -> None:
    """A web page saved as a data file, a half download and a wrong type are each named for what they are."""
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_missing_files_say_what_to_type(tmp_path: Path) -> None:
    """Every reader names the missing file and the verb that lists the data sets."""
    for reader in (read_idx, read_npz, read_digit_csv):
        with pytest.raises(DataError, match="no such file; see `hpcsweep data list`"):
            reader(tmp_path / "absent")


@SHARED_FOLDER
@given(images=npst.arrays("u1", st.sampled_from([(1, 1, 1), (3, 2, 2), (2, 5, 5)])), seed=st.integers(0, 99))
def test_csv_gives_back_what_was_written(tmp_path: Path, images: np.ndarray, seed: int) -> None:
    """Images and labels survive the CSV of digit contests."""
    labels = np.random.default_rng(seed).integers(0, 10, len(images))
    path = tmp_path / "train.csv"
    write_digit_csv(path, images, labels)
    back, back_labels = read_digit_csv(path)
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)


def test_csv_without_labels_and_with_one_based_pixels(tmp_path: Path) -> None:
    """The contest's test set has no label column, and some makers count pixels from 1: both are read."""
    path = tmp_path / "test.csv"
    path.write_text("pixel1,pixel2,pixel3,pixel4\n0,1,2,255\n")
    images, labels = read_digit_csv(path)
    assert images.tolist() == [[[0, 1], [2, 255]]]
    assert labels is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("label,pixel0,pixel1\n1,2,3\n", "square number of pixels"),
        ("species,length\n1,2\n", "header of 2 columns, 'species' to 'length'"),
        ("label,pixel0\n", "a header and no images"),
        ("label,pixel0\n1,256\n", "pixels from 256 to 256; expected 0 to 255"),
        ("label,pixel0\n1,99999\n", "expected 2 whole numbers per line"),
        ("label,pixel0\n1,x\n", "expected 2 whole numbers per line"),
        ("label,pixel0\n1,2\n1,2,3\n", "expected 2 whole numbers per line"),
        ("label,pixel0\n1,2,3\n", "found 3 numbers per line"),
    ],
)
def test_csv_errors_say_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    """A CSV that is empty, of another kind, cut in a line or with numbers that are no pixels is refused."""
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_digit_csv(path)


def test_npz_reads_names_and_refuses_the_rest(tmp_path: Path) -> None:
    """An .npz gives the arrays asked for; a missing name, pickles, damage and other files are refused."""
    path = tmp_path / "kmnist-train-imgs.npz"
    np.savez_compressed(path, np.arange(4, dtype=np.uint8))
    assert read_npz(path)["arr_0"].tolist() == [0, 1, 2, 3]
    with pytest.raises(DataError, match="found arr_0; expected an array called x_train"):
        read_npz(path, ["x_train"])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="truncated or damaged"):
        read_npz(path)
    np.savez(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"not an .npz file of plain numbers"):
        read_npz(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"not an .npz"):
        read_npz(path)
