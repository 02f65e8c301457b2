"""Two people, one store: each sees the other's workers, and neither sends what the other's will do."""

from __future__ import annotations

import grp
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.slurm.private_cluster import Cluster
from tests.slurm.study import PROFILE, SlurmStudy

BODY = "repeats = 6\n[fixed]\nepochs = 16\npace = {pace}\n[resources]\ntime = 10\nworkers = 2\n"
PYTHONS = (sys.executable, "/usr/bin/python3")


@dataclass(frozen=True)
class Person:
    """A Unix user who types commands in a study."""

    name: str
    study: SlurmStudy
    python: str
    path: str

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid

    @property
    def gid(self) -> int:
        return pwd.getpwnam(self.name).pw_gid

    def run(self, verb: str, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `hpcsweep VERB WORDS sweeps/both.toml`."""
        command = [self.python, "-c", "from hpcsweep.cli import main; main()", verb, *words, "sweeps/both.toml"]
        environment = self.study.environment | {"PYTHONPATH": self.path, "USER": self.name, "LOGNAME": self.name}
        done = subprocess.run(
            command, cwd=self.study.root, env=environment, text=True, capture_output=True, check=False, umask=0o077,
            user=self.uid, group=self.gid, extra_groups=os.getgrouplist(self.name, self.gid),
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{self.name}: {command}\n{done.stdout}{done.stderr}"
        return done

    def queued(self) -> list[str]:
        """Return the user's tasks that wait or run."""
        return self.study.cluster.ask("squeue", "-h", "-r", "-t", "PD,R", "-u", self.name, "-o", "%i").split()

    def running(self) -> list[str]:
        """Return the tasks that the user is told are running, none of them dead."""
        seen = json.loads(self.run("status", "--json").stdout)["workers"]
        assert not seen["deaths"], seen
        assert not seen["notes"], seen
        return [task["task"] for task in seen["running"]]

    def table(self) -> list[dict[str, object]]:
        cells: list[dict[str, object]] = json.loads(
            self.run("table", "--value", "last_loss", "--format", "json").stdout
        )
        return cells


@pytest.fixture
def people(cluster: Cluster) -> Iterator[tuple[Person, Person, str]]:
    """Two new users, with a study that both may read, and the name of their new group; only root makes users."""
    if os.geteuid() != 0 or not shutil.which("useradd"):
        pytest.skip("users can be made by root only, with useradd")
    mark = secrets.token_hex(3)
    names, group = [f"sweep-{mark}-{letter}" for letter in "ab"], f"sweep-{mark}"
    folder = Path(tempfile.mkdtemp(prefix="two-users-"))
    _type("groupadd", group)
    try:
        for name in names:
            _type("useradd", "--user-group", "--groups", group, "--no-create-home", name)
            cluster.ask("sacctmgr", "-i", "add", "user", name, "Account=students")
        first, second = _people(folder, cluster, names)
        yield first, second, group
    finally:
        for name in names:
            cluster.ask("scancel", "-u", name)
        cluster.wait_until(lambda: not cluster.ask("squeue", "-h", "-u", ",".join(names)))
        for name in names:
            _type("userdel", name)
        _type("groupdel", group)
        shutil.rmtree(folder)


def _people(folder: Path, cluster: Cluster, names: list[str]) -> list[Person]:
    """Return the users in a study of the first one."""
    study = SlurmStudy.create(folder / "study", cluster)
    path = f"{REPOSITORY}:{sysconfig.get_paths()['purelib']}"
    # each run of the test has runs of its own, so that a result cannot be that of an earlier one
    study.sweep("both", BODY.format(pace=0.5 + time.time_ns() % 1000 / 1e6))
    people = [Person(name, study, _python_for(name, path), path) for name in names]
    study.profile("cluster", f"{PROFILE}setup = [\"export PYTHONPATH='{path}'\"]\n")
    for one in (folder, *folder.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)
        os.chown(one, people[0].uid, people[0].gid)
    return people


def _python_for(name: str, path: str) -> str:
    """Return a Python that a user may run and that has what we need; skips if none is: the checkout may be private."""
    uid = pwd.getpwnam(name).pw_uid
    for python in PYTHONS:
        try:
            done = subprocess.run(
                [python, "-c", "import hpcsweep.cli, numpy, submitit, pandas"], cwd="/", user=uid, group=uid,
                extra_groups=[], env={"PYTHONPATH": path}, capture_output=True, check=False,
            )  # fmt: skip
        except PermissionError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip(f"other users may run none of {', '.join(PYTHONS)} with what is in {path}")


def _type(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def test_each_sees_the_workers_of_the_other_and_both_the_same_table(people: tuple[Person, Person, str]) -> None:
    """What one has sent is running for the other too, who sends nothing more; when it has died, he sends what lacks."""
    first, second, group = people
    first.run("submit", "--shared", group)
    cluster = first.study.cluster
    cluster.wait_until(lambda: "running" in first.study.states(first.study.root / "sweeps" / "both.toml"))
    sent = first.queued()
    assert len(sent) == 2
    _wait(lambda: sorted(second.running()) == sorted(first.running()) == sorted(sent))

    for verb in ("submit", "resume"):
        assert "have workers already" in second.run(verb).stderr
        assert second.queued() == []
    assert len(first.queued()) == 2

    cluster.ask("scancel", "--signal=KILL", "--full", "-u", first.name)
    cluster.ask("scancel", "-u", first.name)
    cluster.wait_until(lambda: not first.queued())
    _wait(lambda: "array" in second.run("resume").stdout)  # whose claims have not aged is not sent again
    assert 1 <= len(second.queued()) <= 2
    assert "have workers already" in first.run("resume").stderr
    assert first.queued() == []
    cluster.wait_until(lambda: set(first.study.states(first.study.root / "sweeps" / "both.toml")) == {"done"})

    assert first.table() == second.table()
    assert {cell["n"] for cell in first.table()} == {6}
    owners = {path.stat().st_uid for path in first.study.store.glob("trajectories/*/*/run-*.json")}
    assert owners <= {first.uid, second.uid}
    _assert_shared(first.study.store, group)


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def _assert_shared(store: Path, group: str) -> None:
    """All that lies in a store belongs to the group, which can read it."""
    group_id = grp.getgrnam(group).gr_gid
    alone = [path for path in store.rglob("*") if path.stat().st_gid != group_id or not path.stat().st_mode & 0o040]
    assert alone == []
