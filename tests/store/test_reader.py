"""One safe way to open what lies in a store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.errors import NewerFormatError, StoreError
from hpcsweep.store.reader import read_bytes, read_end, read_record
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.worker.process.output import output_to

STRANGE: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "sparse": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 1 << 42),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_only_regular_files_are_read(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """Links, pipes, devices, folders and files of holes are refused at once, in one line."""
    path = tmp_path / "planted"
    make(path)
    with pytest.raises(StoreError) as caught:
        read_bytes(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_not_strange(tmp_path: Path) -> None:
    """It raises FileNotFoundError, as anywhere."""
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"a":' * 99, '{"a": ' + "[" * 201 + "]" * 201 + "}", "\xff"])
def test_what_is_no_record_is_damaged(tmp_path: Path, text: str) -> None:
    """A record is one JSON object of bounded depth."""
    path = tmp_path / "record.json"
    path.write_text(text, encoding="latin1")
    with pytest.raises(StoreError, match="damaged") as caught:
        read_record(path)
    assert not isinstance(caught.value, NewerFormatError)


def test_brackets_in_texts_are_not_deep(tmp_path: Path) -> None:
    """Depth counts brackets outside texts only."""
    path = tmp_path / "record.json"
    path.write_text('{"traceback": "' + '[\\"' * 500 + '"}')
    assert len(read_record(path)["traceback"]) == 1000


def test_newer_is_not_damaged(tmp_path: Path) -> None:
    """A record of a later format is told as that, with the advice to update; one without a format is of the first."""
    path = tmp_path / "record.json"
    path.write_text('{"format": 2}')
    with pytest.raises(NewerFormatError, match="newer hpcsweep; this one reads up to 1; nothing is wrong"):
        read_record(path)
    assert read_record(path, 2) == {"format": 2}
    for odd in ("true", '"2"', "0", "null"):
        path.write_text(f'{{"format": {odd}}}')
        with pytest.raises(StoreError, match="damaged"):
            read_record(path)


def test_the_end_of_a_file(tmp_path: Path) -> None:
    """Of a long log only the end is read."""
    path = tmp_path / "log"
    path.write_bytes(b"0123456789")
    assert read_end(path, 3) == b"789"
    assert read_end(path, 30) == b"0123456789"


def test_nothing_is_appended_through_a_link_that_was_planted_as_a_log(folder: TrajectoryFolder, tmp_path: Path) -> None:
    """A worker opens its log as a file of its own, or not at all."""
    (tmp_path / "precious").write_text("mine")
    folder.log(1).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), output_to(folder.log(1)):
        pass
    assert (tmp_path / "precious").read_text() == "mine"
