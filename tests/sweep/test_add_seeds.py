"""More seeds are written into a sweep file, and nothing else in it changes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hpcsweep.errors import UsageError
from hpcsweep.sweep.add_seeds import add_seeds

HEAD = """# a question
name = "s"   # its name
job = "jobs/a.py:train"
"""
TAIL = """
[grid]       # every combination
rate = [0.1, # a comment in a list
  0.01]
"""


@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        ("repeats = 3   # seeds 0, 1, 2\n", "repeats = 5   # seeds 0, 1, 2\n", [3, 4]),
        ("seeds = [7, 4] # mine\n", "seeds = [7, 4, 8, 9] # mine\n", [8, 9]),
        ("seeds = [\n  7, # lucky\n  4,\n]\n", None, [8, 9]),
        ("", None, [1, 2]),
    ],
)
def test_only_the_seeds_change(tmp_path: Path, before: str, after: str | None, added: list[int]) -> None:
    """`repeats` or `seeds` grow in place; comments, order and layout of the rest stay."""
    path = tmp_path / "s.toml"
    path.write_text(HEAD + before + TAIL)
    assert add_seeds(path, 2) == added
    text = path.read_text()
    if after is not None:
        assert text == HEAD + after + TAIL
    for line in (*HEAD.splitlines(), *TAIL.splitlines()):
        assert line in text.splitlines()
    read = tomllib.loads(text)
    assert read.get("seeds", list(range(read.get("repeats", 1))))[-2:] == added


def test_line_ends_stay_and_a_link_stays_a_link(tmp_path: Path) -> None:
    """A file from Windows keeps its line ends; a link still leads to the file, which is the one that changes."""
    path, link = tmp_path / "s.toml", tmp_path / "link.toml"
    path.write_bytes((HEAD + "repeats = 1\n" + TAIL).replace("\n", "\r\n").encode())
    link.symlink_to(path)
    add_seeds(link, 1)
    assert link.is_symlink()
    assert path.read_bytes() == (HEAD + "repeats = 2\n" + TAIL).replace("\n", "\r\n").encode()


def test_no_seeds_are_refused(tmp_path: Path) -> None:
    """Less than one seed is refused, and the file stays."""
    path = tmp_path / "s.toml"
    path.write_text(HEAD)
    with pytest.raises(UsageError, match="expected at least 1"):
        add_seeds(path, 0)
    assert path.read_text() == HEAD
