"""`clean`: what it says, what it removes, and what it never touches."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hpcsweep.launch.clean import clean
from hpcsweep.store import Store
from tests.conftest import Study

JOB = """
def train(run, *, size: int = 1, epochs: int):
    state = run.restore() or {"epoch": 0}
    run.record(began_at=state["epoch"])
    for epoch in range(state["epoch"] + 1, epochs + 1):
        run.log(epoch=epoch, loss=1.0 / epoch)
        run.checkpoint({"epoch": epoch})
        if epoch == 3 and size == 2:
            raise ValueError("no further")
"""
SWEEP = 'name = "kept"\njob = "jobs/keeps.py:train"\n[grid]\nsize = [1, 2]\n[fixed]\nepochs = {epochs}\n'


@pytest.fixture
def kept(study: Study) -> Path:
    """A sweep of one run that is done, and one that failed on its way, both with checkpoints."""
    study.job("keeps", JOB)
    sweep = study.sweep("kept", SWEEP.format(epochs=5))
    assert study.run("run", "-q", sweep).returncode == 1
    return sweep


def _checkpoints(study: Study) -> set[str]:
    return {path.name for path in (study.store / "trajectories").glob("*/*/checkpoint*")}


def test_checkpoints_go_only_when_asked_for_and_only_of_what_is_done(study: Study, kept: Path) -> None:
    """`--checkpoints` takes those of trainings that are done, says so first, and leaves those that are on their way."""
    before = _checkpoints(study)
    table = study.run("table", kept).stdout
    study.run("clean", "--yes")
    assert _checkpoints(study) == before
    said = study.run("clean", "--checkpoints", "--dry-run").stdout
    assert "1 x checkpoint of a training that is done, such as " in said
    assert _checkpoints(study) == before
    study.run("clean", "--checkpoints", "--yes")
    assert len(_checkpoints(study)) == len(before) - 1
    assert study.run("table", kept).stdout == table
    assert "nothing to remove" in study.run("clean", "--checkpoints", "--yes").stderr


def test_what_cannot_be_removed_is_not_called_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that refuses it, `clean` says which file it is, and what is wrong."""
    store = Store(tmp_path)
    store.create()
    store.layout.cache.mkdir()

    def refuse(path: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(OSError, match=r"Read-only file system.*cache"):
        clean(store)


def test_without_its_checkpoint_a_longer_training_begins_anew(study: Study, kept: Path) -> None:
    """What was removed is made again: a longer run starts at epoch 0 and has every epoch once."""
    study.run("clean", "--checkpoints", "--yes")
    study.sweep("kept", SWEEP.format(epochs=7).replace("[1, 2]", "[1]"))
    assert study.run("run", "-q", kept).returncode == 0
    shown = study.run("export", kept, "--out", study.root / "out", "--csv")
    assert shown.returncode == 0, shown.stderr
    history = (study.root / "out" / "history.csv").read_text().splitlines()[1:]
    assert [line.split(",")[1] for line in history] == [str(epoch) for epoch in range(1, 8)]
