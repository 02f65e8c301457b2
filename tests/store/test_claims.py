"""Claims: one owner at a time, the dead are succeeded, a late twin is fenced."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time

from hpcsweep.store.claims import describe_owner, is_alive, try_claim
from hpcsweep.store.layout import TrajectoryFolder

OWNER = {"worker": "of another machine", "machine": "elsewhere", "pid": 1}


def _claim_in_a_process(folder: TrajectoryFolder, barrier: object, wins: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    if try_claim(folder, describe_owner("racer"), lease_s=60):
        with wins.get_lock():  # type: ignore[attr-defined]
            wins.value += 1  # type: ignore[attr-defined]
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
        "from hpcsweep.store.layout import TrajectoryFolder; "
        "assert try_claim(TrajectoryFolder(Path(sys.argv[1])), describe_owner('x'), 600); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False)
    assert ended.returncode == -9
    assert not is_alive(folder, 1, lease_s=600)
    assert try_claim(folder, OWNER, lease_s=600) is not None


def test_the_claim_of_a_living_process_of_this_host_holds(folder: TrajectoryFolder) -> None:
    """A claim of a process that runs is alive."""
    assert try_claim(folder, describe_owner("me"), lease_s=600)
    assert is_alive(folder, 1, lease_s=600)


def test_the_hosts_clock_does_not_matter(folder: TrajectoryFolder) -> None:
    """A lease is judged by the file server's clock, which wrote the claim's mtime, never by this host's."""
    claim = try_claim(folder, OWNER, lease_s=60)
    assert claim is not None
    code = (
        "import sys, time; from pathlib import Path; time.time = lambda: 4e9; from hpcsweep.store.claims import *; "
        "from hpcsweep.store.layout import TrajectoryFolder; "
        "sys.exit(0 if is_alive(TrajectoryFolder(Path(sys.argv[1])), 1, 60) else 1)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False).returncode == 0
