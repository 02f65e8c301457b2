"""Who may write into a store."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

import pytest

import hpcsweep
from hpcsweep.errors import StoreError, UsageError
from hpcsweep.store.sharing import require_own, share
from tests.conftest import Study

JOB = """
def walk(run, *, step: float):
    run.log(epoch=1, loss=step)
    run.checkpoint({"epoch": 1})
    (run.folder / "kept.txt").write_text("kept")
"""
SWEEP = 'name = "walk"\njob = "jobs/walk.py:walk"\n[grid]\nstep = [0.1, 0.2]\n'


def test_a_shared_store_is_the_groups_whatever_the_umask(study: Study) -> None:
    """All in it can be read and written by the group, but for submissions, which only their owner can write."""
    study.job("walk", JOB)
    group = grp.getgrgid(os.getgid()).gr_name
    before = os.umask(0o077)
    try:
        ended = study.run("run", study.sweep("walk", SWEEP), "--shared", group, "--quiet")
    finally:
        os.umask(before)
    assert ended.returncode == 0, ended.stderr
    seen = 0
    for path in (study.store, *study.store.rglob("*")):
        mode, place = path.stat().st_mode, path.relative_to(study.store).parts
        of_submission = place[:1] == ("sweeps",) and len(place) > 2
        if of_submission and len(place) == 3:
            assert not mode & (stat.S_IWGRP | stat.S_IWOTH), path
        elif not of_submission:
            assert mode & stat.S_IRGRP, path
            assert mode & stat.S_IWGRP, path
            assert not path.is_dir() or mode & stat.S_ISGID, path
            seen += 1
    assert seen > 10


def test_a_script_can_share_a_store_too(study: Study) -> None:
    """`hpcsweep.run(sweep, shared=GROUP)` does what the option does."""
    study.job("walk", JOB)
    group = grp.getgrgid(os.getgid()).gr_name
    hpcsweep.run(study.sweep("walk", SWEEP), shared=group, workers=1)
    assert study.store.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP


def test_a_store_that_everybody_can_write_is_refused_for_running(study: Study) -> None:
    """Anybody could have put code into it; nothing is trained, and the line says what to type. Reading it is safe."""
    study.job("walk", JOB)
    sweep = study.sweep("walk", SWEEP)
    study.store.mkdir()
    study.store.chmod(0o777)
    ended = study.run("run", sweep)
    assert ended.returncode == 2
    assert "can be written by everybody" in ended.stderr
    assert "chmod o-w" in ended.stderr
    assert list(study.store.iterdir()) == []
    assert study.run("status", sweep).returncode == 0


def test_a_worker_takes_orders_only_from_its_own_user(tmp_path: Path) -> None:
    """A submission that everybody can write, or that belongs to another user, is refused."""
    require_own(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="submission of your own"):
        require_own(tmp_path)
    if os.geteuid() == 0:
        tmp_path.chmod(0o700)
        os.chown(tmp_path, 65534, 65534)
        with pytest.raises(StoreError, match="belongs to another user"):
            require_own(tmp_path)


def test_a_group_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """One line names the option and the group."""
    with pytest.raises(UsageError, match="--shared no-such-group"):
        share(tmp_path / "store", "no-such-group")
