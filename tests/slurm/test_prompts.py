"""`hpcsweep profile new` at a terminal asks once for what the cluster has several of, and takes what is answered."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.slurm.study import SlurmStudy

NEW = [sys.executable, "-c", "from hpcsweep.cli import main; main()", "profile", "new"]


def at_a_terminal(study: SlurmStudy, words: list[str], typed: str) -> str:
    """Return what a command says at a terminal at which these lines are typed."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    ended = subprocess.run(
        [*NEW, *words], cwd=study.root, env=study.environment, stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


@pytest.fixture
def own(study: SlurmStudy, tmp_path: Path) -> SlurmStudy:
    """A study without profiles of this cluster."""
    return SlurmStudy.create(tmp_path / "study", study.cluster)


def test_what_is_answered_is_written(own: SlurmStudy) -> None:
    """A partition by name, right the second time, the likely account by an empty line, and a QOS."""
    said = at_a_terminal(own, ["mine"], "nowhere\ndgx\n\ninteractive\n")
    assert said.count("partition (") == 2
    assert "'nowhere' is not one of" in said
    found = tomllib.loads((own.root / "jobs" / "profiles" / "mine.toml").read_text())
    assert (found["partition"], found["qos"], found["max_workers"]) == ("dgx", "interactive", 4)


def test_what_is_given_is_not_asked(own: SlurmStudy) -> None:
    """Options and --yes leave no question."""
    options = ["--partition", "dgx", "--account", "students", "--qos", "normal"]
    assert "(" not in at_a_terminal(own, ["given", *options], "").partition("wrote")[0]
    assert "(" not in at_a_terminal(own, ["likely", "--yes"], "").partition("wrote")[0]
