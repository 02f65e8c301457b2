"""Where the results of a sweep lie: every command agrees on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Study

JOB = "def train(run, *, size: int):\n    run.log(epoch=1, loss=float(size))\n"
SWEEP = 'name = "placed"\njob = "jobs/one.py:train"\nprofile = "here"\n[fixed]\nsize = 3\n'


@pytest.mark.parametrize("verb", ["run", "status", "table", "plan", "export", "verify"])
def test_commands_find_the_store_that_the_profile_names(study: Study, verb: str) -> None:
    """What is trained into the profile's store is read from there: no command looks into an empty results/."""
    study.job("one", JOB)
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "here.toml").write_text('store = "shelf"\n')
    sweep = study.sweep("placed", SWEEP)
    assert study.run("run", "-q", sweep).returncode == 0
    assert (study.root / "shelf" / "store.json").exists()
    words: list[str | Path] = ["--out", study.root / "out"] if verb == "export" else []
    done = study.run(verb, sweep, *words)
    assert done.returncode == 0, done.stderr
    assert verb not in ("status", "plan") or "1 done" in done.stdout
    assert not (study.root / "results").exists()


def test_what_the_user_names_comes_before_the_profile(study: Study) -> None:
    """--store is stronger than `store` in the profile."""
    study.job("one", JOB)
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "here.toml").write_text('store = "shelf"\n')
    assert study.run("run", "-q", study.sweep("placed", SWEEP), "--store", study.root / "mine").returncode == 0
    assert (study.root / "mine" / "store.json").exists()
    assert not (study.root / "shelf").exists()
