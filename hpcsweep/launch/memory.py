"""How much memory processes take, seen from outside by proc(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_PARENT = re.compile(r"^PPid:\s+(\d+)", re.MULTILINE)


class PeakMemory:
    """The most memory that processes, and all that they have started, have had at one time.

    It is a bound: the peaks of those that live at the same time are added, and what they share counts for each.
    """

    def __init__(self) -> None:
        self.gb = 0.0

    def look(self, parents: Iterable[int]) -> None:
        """Look at the descendants of `parents` as they are now; a peak of the past is seen as long as they live."""
        statuses = dict(_statuses())
        children: dict[int, list[int]] = {}
        for pid, status in statuses.items():
            if found := _PARENT.search(status):
                children.setdefault(int(found[1]), []).append(pid)
        below = [child for parent in parents for child in children.get(parent, [])]
        for pid in below:
            below += children.get(pid, [])
        peaks = (_PEAK.search(statuses[pid]) for pid in below)
        self.gb = max(self.gb, sum(int(peak[1]) for peak in peaks if peak) * 1024 / 1e9)


def _statuses() -> Iterable[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            yield int(folder.name), (folder / "status").read_text(errors="replace")
