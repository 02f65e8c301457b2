"""What this machine offers to workers: cores and GPUs, seen without importing anything heavy."""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def visible_gpus() -> list[int]:
    """Return the numbers of the NVIDIA GPUs that this process may use."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [int(number) for number in given.split(",") if number.strip().isdigit()]
    return sorted(int(path.name[6:]) for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit())


def default_workers(trajectories: int, *, asked: int | None, given: int | str | None) -> int:
    """Return how many workers to start here: as asked, else as the profile says, else one a GPU or one a core."""
    wanted = asked or (given if isinstance(given, int) else None) or len(visible_gpus()) or usable_cores()
    return max(1, min(wanted, trajectories))
