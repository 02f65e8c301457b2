"""Claims: one owner at a time, the dead are succeeded, a late twin is fenced."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

import pytest

from hpcsweep.store.claims import Life, describe_owner, life_of, try_claim
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from tests.conftest import REPOSITORY

OWNER = {"worker": "of another machine", "machine": "elsewhere", "pid": 1}


def _claim_in_a_process(folder: TrajectoryFolder, barrier: Barrier, wins: Synchronized[int]) -> None:
    barrier.wait()
    if try_claim(folder, describe_owner("racer"), lease_s=60):
        with wins.get_lock():
            wins.value += 1
        time.sleep(2)  # an owner that ends at once could rightly be succeeded


def test_exactly_one_of_many_racers_wins(folder: TrajectoryFolder) -> None:
    """When many processes claim a trajectory at the same moment, one gets it."""
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(8), context.Value("i", 0)
    racers = [context.Process(target=_claim_in_a_process, args=(folder, barrier, wins)) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert wins.value == 1


def test_a_living_claim_is_not_taken_over(folder: TrajectoryFolder) -> None:
    """While the heartbeat is younger than the lease, nobody else gets the trajectory."""
    assert try_claim(folder, OWNER, lease_s=60)
    assert try_claim(folder, OWNER, lease_s=60) is None


def test_a_silent_claim_is_taken_over_and_its_owner_sees_it(folder: TrajectoryFolder) -> None:
    """A claim without a heartbeat for a lease is succeeded by the next generation; the old owner can tell."""
    old = try_claim(folder, OWNER, lease_s=60)
    assert old is not None
    os.utime(old.path, (time.time() - 61, time.time() - 61))
    new = try_claim(folder, OWNER, lease_s=60)
    assert new is not None
    assert (old.generation, new.generation) == (1, 2)
    assert old.superseded()
    assert not new.superseded()


def test_a_claim_given_back_is_free_at_once(folder: TrajectoryFolder) -> None:
    """Giving a claim back lets the next worker in without waiting for the lease."""
    old = try_claim(folder, OWNER, lease_s=60)
    assert old is not None
    old.give_back()
    assert try_claim(folder, OWNER, lease_s=60) is not None


def test_the_claim_of_a_killed_process_of_this_host_is_free_at_once(folder: TrajectoryFolder) -> None:
    """Where the owner's process can be seen to be gone, its lease is not waited for."""
    code = (
        "import sys, os, signal; from pathlib import Path; from hpcsweep.store.claims import *; "
        "from hpcsweep.store.trajectory_folder import TrajectoryFolder; "
        "assert try_claim(TrajectoryFolder(Path(sys.argv[1])), describe_owner('x'), 600); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False)
    assert ended.returncode == -9
    assert life_of(folder, 1, 600, probe=False) is Life.DEAD
    assert try_claim(folder, OWNER, lease_s=600) is not None


def test_the_claim_of_a_living_process_of_this_host_holds(folder: TrajectoryFolder) -> None:
    """A claim of a process that runs is alive."""
    assert try_claim(folder, describe_owner("me"), lease_s=600)
    assert life_of(folder, 1, 600, probe=False) is Life.ALIVE


def test_the_hosts_clock_does_not_matter(folder: TrajectoryFolder) -> None:
    """A lease is judged by the file server's clock, which wrote the claim's mtime, never by this host's."""
    claim = try_claim(folder, OWNER, lease_s=60)
    assert claim is not None
    code = (
        "import sys, time; from pathlib import Path; time.time = lambda: 4e9; from hpcsweep.store.claims import *; "
        "from hpcsweep.store.trajectory_folder import TrajectoryFolder; "
        "sys.exit(life_of(TrajectoryFolder(Path(sys.argv[1])), 1, 60, probe=True) is not Life.ALIVE)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False).returncode == 0


@pytest.mark.parametrize("ago_s", [61, -1e6])
def test_a_reader_does_not_judge_a_silent_owner(folder: TrajectoryFolder, ago_s: float) -> None:
    """By another clock than the file server's, an old or a future heartbeat says nothing; a fresh one says alive."""
    claim = try_claim(folder, OWNER, lease_s=60)
    assert claim is not None
    before = folder.path.stat().st_mtime_ns
    assert life_of(folder, 1, 60, probe=False) is Life.ALIVE
    os.utime(claim.path, (time.time() - ago_s, time.time() - ago_s))
    assert life_of(folder, 1, 60, probe=False) is Life.UNKNOWN
    assert folder.path.stat().st_mtime_ns == before  # no probe was written


def test_a_heartbeat_in_the_future_is_waited_for_no_longer_than_a_lease(folder: TrajectoryFolder) -> None:
    """Whoever wants the trajectory sets such a heartbeat to now, and takes over when no other has come in a lease."""
    claim = try_claim(folder, OWNER, lease_s=0.5)
    assert claim is not None
    os.utime(claim.path, (time.time() + 1e6, time.time() + 1e6))
    assert try_claim(folder, OWNER, lease_s=0.5) is None
    time.sleep(0.6)
    assert try_claim(folder, OWNER, lease_s=0.5) is not None


HIDDEN = """
import os, sys
from hpcsweep.machine import process_has_ended, process_started
started, ended = process_started(os.getpid()), os.fork()
if not ended:
    os._exit(0)
os.waitpid(ended, 0)
if not (child := os.fork()):
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    seen = process_started(os.getppid())
    os._exit(4 if seen else 2 * process_has_ended(os.getppid(), started) + (not process_has_ended(ended, started)))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_process_that_this_user_may_not_see_is_not_taken_for_dead() -> None:
    """Where /proc hides the processes of others (hidepid=2), one that runs is not seen to have ended, a gone one is."""
    script = f"mount -t proc -o hidepid=2 proc /proc || exit 77; exec {sys.executable} -c '{HIDDEN}'"
    command = ["unshare", "--mount", "sh", "-c", script]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if ended.returncode in (1, 77, 127) and not ended.stderr.startswith("Traceback"):
        pytest.skip(f"/proc cannot be mounted here: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr
