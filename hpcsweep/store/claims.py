"""Who may train a trajectory: claims with generations, safe on NFS.

Claim n of a trajectory is the file `claim.g<n>`, created by link(2) with its owner's data already inside. A heartbeat
renews its mtime. The claim is alive while that is younger than the lease, by the file server's own clock. A claim that
is dead or given back is succeeded by claim n+1, and is never deleted. So a late twin of the old owner always sees that
it has a successor, and that nothing it writes counts any more. A claim is not flushed to disk: whoever holds it does
not outlive a power cut either.

The results of runs that take milliseconds are held in memory for a moment (`commits`). Their claims name the ticket
with which their owner may still write them; who succeeds such a claim removes the ticket first.

The server's clock is read from a probe file. Whoever only reads a store writes none, goes by the clock of this machine,
and lives with not knowing whether a silent owner still works.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpcsweep.errors import NewerFormatError, StoreError
from hpcsweep.files import publish, server_now
from hpcsweep.machine import process_has_ended, process_started
from hpcsweep.store.events import Event, read_events
from hpcsweep.store.layout import TICKET, Layout
from hpcsweep.store.trajectory_folder import CLAIM, TrajectoryFolder

FORMAT = 1
_TRIES = 5
_LOOK_S = 0.5


class Life(Enum):
    """Whether the owner of a claim is at work."""

    ALIVE = "alive"  # it has given a sign within the lease
    DEAD = "dead"  # it has given the claim back, was seen to end, or is silent by the file server's clock
    UNKNOWN = "unknown"  # it is silent, or its signs lie in the future, by the clock of a machine that only reads


@dataclass
class Claim:
    """The right to train one trajectory, held by this process."""

    folder: TrajectoryFolder
    generation: int
    ticket: str | None = None  # with which its results may be written together with others', by its name

    @property
    def path(self) -> Path:
        return self.folder.claim(self.generation)

    def superseded(self) -> bool:
        """Whether somebody has taken the trajectory over."""
        return self.folder.has(self.folder.claim(self.generation + 1))

    def beat(self) -> None:
        """Show that the owner is alive; the time is the file server's."""
        os.utime(self.path)

    def give_back(self) -> None:
        """Let anybody claim the trajectory at once."""
        os.utime(self.path, (0, 0))


def try_claim(folder: TrajectoryFolder, owner: dict[str, Any], lease_s: float) -> Claim | None:
    """Claim the trajectory, or return None if somebody else is at work on it or was quicker.

    Only a first claim has the ticket that its owner names. OSError if that cannot be found out or written.
    """
    newest = newest_generation(folder.names())
    life = life_of(folder, newest, lease_s, probe=True) if newest else Life.DEAD
    if life is not Life.DEAD:
        if life is Life.UNKNOWN:
            server_now(folder.path)  # raises what keeps us from knowing
        return None
    if newest:
        shut_out(folder, newest)
        owner = {**owner, "ticket": None}
    claim = Claim(folder, newest + 1, owner.get("ticket"))
    if not _publish(claim, json.dumps(owner).encode()):
        return None
    if folder.is_packed(claim.path):  # another was first with it, and all has been packed in between
        claim.path.unlink(missing_ok=True)
        return None
    return claim


def shut_out(folder: TrajectoryFolder, generation: int) -> None:
    """See to it that the owner of a claim that is dead, or only seems so, writes no result of it by its ticket.

    What it has written before is in a pack when this returns. OSError if that cannot be found out.
    """
    if was_given_back(folder, generation):
        return
    try:
        ticket = folder.record(folder.claim(generation)).get("ticket")
    except (FileNotFoundError, NewerFormatError):
        return  # it was packed in between; no later release lets this one train in its store
    except StoreError:  # cut short by a power cut, which its owner did not outlive
        return
    if isinstance(ticket, str) and TICKET.fullmatch(ticket):
        Layout(folder.path.parents[2]).ticket(ticket).unlink(missing_ok=True)


@contextmanager
def holding(folder: TrajectoryFolder, what: str, lease_s: float) -> Iterator[Claim | None]:
    """Hold a claim on what only one may do at a time in a folder; it is given as None if somebody else holds it."""
    claim = try_claim(folder, describe_owner(what), lease_s)
    try:
        yield claim
    finally:
        if claim:
            with suppress(OSError):  # it then expires
                claim.give_back()
                for generation in range(newest_generation(folder.names()) - 1, 0, -1):
                    folder.claim(generation).unlink()


@contextmanager
def hold_patiently(folder: TrajectoryFolder, what: str, lease_s: float, patience_s: float) -> Iterator[Claim | None]:
    """Hold such a claim, after waiting for at most `patience_s` for whoever holds it."""
    end = time.monotonic() + patience_s
    while True:
        with holding(folder, what, lease_s) as claim:
            if claim or time.monotonic() >= end:
                yield claim
                return
        time.sleep(_LOOK_S)


def _publish(claim: Claim, owner: bytes) -> bool:
    for _ in range(_TRIES):
        try:
            claim.folder.path.mkdir(parents=True, exist_ok=True)
            return publish(claim.path, owner, durable=False)
        except FileNotFoundError:  # whoever packs has removed the folder, which was empty
            continue
    return False


def newest_generation(names: list[str]) -> int:
    """Return the highest claim generation among a folder's `names`, 0 if there is none."""
    matches = (CLAIM.fullmatch(name) for name in names)
    return max((int(match[1]) for match in matches if match), default=0)


def life_of(folder: TrajectoryFolder, generation: int, lease_s: float, *, probe: bool) -> Life:
    """Return whether the owner of a claim is at work; `probe` if a probe file may be written to find out.

    A probe also ends any wait for a heartbeat that lies far in the future, as after a clock was set back: it is set to
    now, and the owner has one lease to give another.
    """
    try:
        beat = last_beat(folder, generation)
    except FileNotFoundError:
        return Life.DEAD
    owner = read_owner(folder, generation)
    if beat == 0 or _owner_process_is_gone(owner) or _owner_task_has_ended(owner):
        return Life.DEAD
    if not probe:
        return Life.ALIVE if abs(time.time() - beat) < lease_s else Life.UNKNOWN
    try:
        age_s = server_now(folder.path) - beat
        if age_s < -lease_s:
            os.utime(folder.claim(generation))
    except OSError:  # a full disk, or a store that may only be read
        return Life.UNKNOWN
    return Life.ALIVE if age_s < lease_s else Life.DEAD


def last_beat(folder: TrajectoryFolder, generation: int) -> float:
    """Return when the owner of a claim last gave a sign, in seconds since 1970; 0 once it is given back."""
    return folder.time_of(folder.claim(generation))


def was_given_back(folder: TrajectoryFolder, generation: int) -> bool:
    """Whether the owner of a claim ended it on purpose."""
    try:
        return last_beat(folder, generation) == 0
    except FileNotFoundError:
        return False


def read_owner(folder: TrajectoryFolder, generation: int) -> dict[str, Any]:
    """Return what the owner of a claim said about itself; empty if that cannot be read."""
    try:
        return folder.record(folder.claim(generation))
    except OSError:
        return {}


def owner_in_words(folder: TrajectoryFolder, generation: int) -> str:
    """Say who claims a trajectory, and when it last gave a sign, by the clock of this machine."""
    owner, age_s = read_owner(folder, generation), time.time() - last_beat(folder, generation)
    sign = f"last sign {age_s:.0f} s ago" if age_s >= 0 else f"its last sign lies {-age_s:.0f} s in the future"
    return f"{owner.get('worker', 'somebody')} on {owner.get('host', 'an unknown host')} ({sign})"


def describe_owner(worker: str) -> dict[str, Any]:
    """Return what a claim says about this process: enough for others on its host to see whether it still runs."""
    return {
        "format": FORMAT,
        "worker": worker,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "pid_started": _started(os.getpid()),
        "since": time.time(),
        "events": os.environ.get("HPCSWEEP_EVENTS"),
        "restart": int(os.environ.get("SLURM_RESTART_COUNT") or 0),
    }


@lru_cache(maxsize=1)
def _started(own_id: int) -> int | None:
    return process_started(own_id)


def _owner_process_is_gone(owner: dict[str, Any]) -> bool:
    """True only when this host can see for itself that the owner's process has ended."""
    if not owner or owner.get("machine") != _machine():
        return False
    return process_has_ended(int(owner["pid"]), owner.get("pid_started"))


def _owner_task_has_ended(owner: dict[str, Any]) -> bool:
    """True only when the batch script around the owner has written down that this very attempt has ended."""
    if not owner.get("events"):
        return False
    events = read_events(Path(owner["events"]))
    return any(event["event"] == Event.EXIT and event.get("restart") == owner.get("restart") for event in events)


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return a name for where process ids mean the same: one boot of one kernel, one pid namespace (containers)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{socket.gethostname()} unknown {os.getpid()}"
