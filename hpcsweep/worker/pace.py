"""Whether there is time to begin another trajectory: none is begun that could not reach its first checkpoint."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from hpcsweep.files import write_atomic
from hpcsweep.store.states import StoredTrajectory
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.worker.stop_request import Stop

HEADROOM = 1.2


@dataclass
class Pace:
    """What one worker has learned about how long things take.

    `slowest_start_s` is the longest time that a run took to its first checkpoint (or its end). `later` counts
    trajectories that were left to the next allocation, `too_short` those that need more than a whole allocation.
    """

    stop: Stop
    slowest_start_s: float = 0.0
    later: int = 0
    too_short: int = 0
    whole_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.whole_s = self._available_s()

    def allows(self, seen: StoredTrajectory) -> bool:
        """Whether there is enough time to begin this trajectory; if not, it is counted."""
        available_s = self._available_s()
        if math.isinf(available_s):
            return True
        cut_s = _longest_cut_s(seen) * HEADROOM
        if cut_s > self.whole_s:
            self.too_short += 1
            return False
        if max(cut_s, self.slowest_start_s * HEADROOM) > available_s:
            self.later += 1
            return False
        return True

    def learn(self, start_s: float) -> None:
        """Note how long a run took to its first checkpoint."""
        self.slowest_start_s = max(self.slowest_start_s, start_s)

    def _available_s(self) -> float:
        return self.stop.remaining_s - self.stop.margin_s


def record_cut(folder: TrajectoryFolder, generation: int, had_s: float) -> None:
    """Write down that an attempt had to stop after `had_s` seconds without a checkpoint."""
    write_atomic(folder.cut(generation), json.dumps({"format": 1, "had_s": round(had_s, 1)}).encode())


def _longest_cut_s(seen: StoredTrajectory) -> float:
    """Return the longest time that an attempt since the newest checkpoint had in vain; 0 if there was none."""
    longest = 0.0
    for generation in range(seen.progress_generation + 1, seen.generation + 1):
        try:
            longest = max(longest, float(seen.folder.record(seen.folder.cut(generation))["had_s"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return longest
