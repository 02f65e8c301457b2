"""What this machine offers to workers: cores and GPUs, found without importing anything heavy.

Also what an old Python lacks: workers run with Python 3.9 or newer, since they run in what containers a cluster has.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    from enum import StrEnum as StrEnum  # novermin
else:

    class StrEnum(str, Enum):
        """An enum whose members are their words, as in Python 3.11."""

        __str__ = str.__str__
        __format__ = str.__format__


def zip_equal(*iterables: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Do as `zip(..., strict=True)`, which is new in Python 3.10: ValueError if one has more items than another."""
    if sys.version_info >= (3, 10):
        return zip(*iterables, strict=True)  # novermin
    columns = [list(one) for one in iterables]
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"found {[len(column) for column in columns]} items, expected as many in each")
    return zip(*columns)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def visible_gpus() -> list[int]:
    """Return the numbers of the NVIDIA GPUs that this process may use."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [int(number) for number in given.split(",") if number.strip().isdigit()]
    return sorted(int(path.name[6:]) for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit())


OLDEST_KERAS = (3, 3)


def is_old_keras(version: str, oldest: tuple[int, int] = OLDEST_KERAS) -> bool:
    """Whether this release of Keras, such as "2.15.0", is older than those that `fit` trains with."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < oldest


def old_keras() -> str:
    """Return the version of the Keras that is installed here if it is an old one; empty if it is not, or none is."""
    try:
        version = metadata.version("keras")
    except metadata.PackageNotFoundError:
        return ""
    return version if is_old_keras(version) else ""


def peak_memory_gb() -> float:
    """Return the most memory in GB that this process, or one that it has started and that has ended, has had so far."""
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return gb_of(max(used))


def gb_of(maxrss: int) -> float:
    """Return GB for what getrusage(2) says of memory."""
    return maxrss * 1024 / 1e9


def kills_for_memory() -> int | None:
    """Return how many processes this machine's kernel has killed for lack of memory; None if it does not say.

    They are counted since it was started, those at a limit of a control group among them (oom_kill in /proc/vmstat).
    """
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None


def process_started(pid: int) -> int | None:
    """Return the start time of a process in clock ticks since boot (field 22 of proc_pid_stat(5)).

    None if it has ended, or if this user may not see it (hidepid of proc(5)).
    """
    fields = _stat_of(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def process_has_ended(pid: int, started: int | None) -> bool:
    """Whether this machine can see that the process which had this id, and began at `started`, has ended."""
    fields = _stat_of(pid)
    if fields:
        return fields[0] in "ZX" or int(fields[19]) != started
    try:
        os.kill(pid, 0)  # proc(5) may hide the processes of others, and signal 0 then tells those that exist
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _stat_of(pid: int) -> list[str]:
    """Return what proc_pid_stat(5) says after the name of a process, an empty list if that cannot be read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def default_workers(trajectories: int, *, asked: int | None, given: int | str | None) -> int:
    """Return how many workers to start here: as asked, or as the profile says, or one per GPU, or one per core."""
    wanted = asked or (given if isinstance(given, int) else None) or len(visible_gpus()) or usable_cores()
    return max(1, min(wanted, trajectories))


def memory_gb_per_core() -> float:
    """Return the memory per core, in GB: that of the SLURM job on this node, or outside SLURM that of the machine."""
    slurm_mb, slurm_cores = os.environ.get("SLURM_MEM_PER_NODE", ""), os.environ.get("SLURM_CPUS_ON_NODE", "")
    if slurm_mb.isdigit() and slurm_cores.isdigit() and int(slurm_mb):
        return int(slurm_mb) / 1000 / int(slurm_cores)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9 / (os.cpu_count() or 1)
