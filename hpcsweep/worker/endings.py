"""How a worker's turns at trajectories end, and what else it counts; in JSON they are plain words."""

from __future__ import annotations

from hpcsweep.machine import StrEnum


class Ending(StrEnum):
    """How one turn at a trajectory ended."""

    DONE = "done"  # all its runs have results
    PAUSED = "paused"  # it was time to stop; training continues from what was kept
    FAILED = "failed"  # its code raised an error, or its process died
    FAULT = "fault"  # the machine could not write or read, which is no failure of the run
    LOST = "lost"  # another worker had taken it over
    NOT_BEGUN = "not begun"  # the job could not be imported


class Tally(StrEnum):
    """What a worker counts besides endings."""

    PROGRESSED = "progressed"  # trajectories that made progress
    LATER = "later"  # trajectories left to the next allocation, for lack of time
    TOO_SHORT = "too short"  # trajectories for which even a whole allocation is too short
    SPENT = "spent"  # processes that need to be renewed
