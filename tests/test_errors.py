"""Commands that messages tell people to type: a shell reads them as the very words that were meant."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpcsweep.errors import shell, to_type

WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), min_size=1)
HOSTILE = [
    "a b",
    "it's",
    'say "no"',
    "$HOME",
    "`id`",
    "a&b",
    "a;b",
    "ü 中",
    "*",
    "~",
    "{sweep}",
    "#",
    "!!",
    "a\\",
    "-x",
]


@given(WORDS)
@example(HOSTILE)
def test_a_command_is_split_into_its_words(words: list[str]) -> None:
    """Whatever the words hold, a POSIX shell's rules give them back."""
    assert shlex.split(to_type("status", *words)) == ["hpcsweep", "status", *words]


@settings(max_examples=25)
@given(WORDS)
@example(HOSTILE)
def test_a_real_shell_reads_the_same_words(words: list[str]) -> None:
    """bash hands the words of a command to the program as they were meant."""
    script = f"show() {{ printf '%s\\0' \"$@\"; }}; {shell('show', *words)}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


def test_a_path_is_never_taken_for_an_option() -> None:
    """A path that begins with a dash is written as a path; other words, such as options, are left alone."""
    assert to_type("run", "--failed", Path("-x.toml")) == "hpcsweep run --failed ./-x.toml"
    assert to_type("run", Path("sweeps/a.toml")) == "hpcsweep run sweeps/a.toml"
