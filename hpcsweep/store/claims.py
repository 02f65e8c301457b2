"""Who may train a trajectory: claims with generations, safe on NFS.

Claim n of a trajectory is the file `claim.g<n>`, created by link(2) with its owner's data already inside. A heartbeat
renews its mtime. The claim is alive while that is younger than the lease, by the file server's own clock. A claim that
is dead or given back is succeeded by claim n+1, and is never deleted. So a late twin of the old owner always sees that
it has a successor, and that nothing it writes counts any more.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpcsweep.files import publish, server_now
from hpcsweep.machine import process_started
from hpcsweep.store.layout import CLAIM, TrajectoryFolder
from hpcsweep.store.task_files import Event, read_events


@dataclass
class Claim:
    """The right to train one trajectory, held by this process."""

    folder: TrajectoryFolder
    generation: int

    @property
    def path(self) -> Path:
        return self.folder.claim(self.generation)

    def superseded(self) -> bool:
        """Whether somebody has taken the trajectory over."""
        return self.folder.claim(self.generation + 1).exists()

    def beat(self) -> None:
        """Show that the owner is alive; the time is the file server's."""
        os.utime(self.path)

    def give_back(self) -> None:
        """Let anybody claim the trajectory at once."""
        os.utime(self.path, (0, 0))


def try_claim(folder: TrajectoryFolder, owner: dict[str, Any], lease_s: float) -> Claim | None:
    """Claim the trajectory, or return None if somebody else is at work on it or was quicker."""
    newest = newest_generation(folder.names())
    if newest and is_alive(folder, newest, lease_s):
        return None
    claim = Claim(folder, newest + 1)
    return claim if publish(claim.path, json.dumps(owner).encode()) else None


def newest_generation(names: list[str]) -> int:
    """Return the highest claim generation among a folder's `names`, 0 if there is none."""
    matches = (CLAIM.fullmatch(name) for name in names)
    return max((int(match[1]) for match in matches if match), default=0)


def is_alive(folder: TrajectoryFolder, generation: int, lease_s: float) -> bool:
    """Whether the owner of a claim may still be at work."""
    try:
        beat = folder.claim(generation).stat().st_mtime
    except FileNotFoundError:
        return False
    owner = read_owner(folder, generation)
    if beat == 0 or _owner_process_is_gone(owner) or _owner_task_has_ended(owner):
        return False
    return server_now(folder.path) - beat < lease_s


def was_given_back(folder: TrajectoryFolder, generation: int) -> bool:
    """Whether the owner of a claim ended it on purpose."""
    try:
        return folder.claim(generation).stat().st_mtime == 0
    except FileNotFoundError:
        return False


def read_owner(folder: TrajectoryFolder, generation: int) -> dict[str, Any]:
    """Return what the owner of a claim said about itself; empty if that cannot be read."""
    try:
        owner = json.loads(folder.claim(generation).read_bytes())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def describe_owner(worker: str) -> dict[str, Any]:
    """Return what a claim says about this process: enough for others on its host to see whether it still runs."""
    return {
        "worker": worker,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "pid_started": process_started(os.getpid()),
        "since": time.time(),
        "events": os.environ.get("HPCSWEEP_EVENTS"),
        "restart": int(os.environ.get("SLURM_RESTART_COUNT") or 0),
    }


def _owner_process_is_gone(owner: dict[str, Any]) -> bool:
    """True only when this host can see for itself that the owner's process has ended."""
    if not owner or owner.get("machine") != _machine():
        return False
    return process_started(int(owner["pid"])) != owner.get("pid_started")


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
