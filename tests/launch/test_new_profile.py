"""`hpcsweep profile new`: what it cannot know, it does not write."""

from __future__ import annotations

from tests.conftest import Study


def test_without_slurm_nothing_is_written(study: Study) -> None:
    """On a machine without SLURM's commands it is one line, exit code 2, and no file; a bad name is, too."""
    ended = study.run("profile", "new", "mine", env={"PATH": "/nowhere"})
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "expected a login node" in ended.stderr
    ended = study.run("profile", "new", "../mine", env={"PATH": "/nowhere"})
    assert (ended.returncode, "expected at most 64 letters" in ended.stderr) == (2, True)
    assert not list(study.root.rglob("*mine*"))
