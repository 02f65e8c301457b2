"""Whose orders a worker takes: those of the newest submission of its sweep that asks for workers like it."""

from __future__ import annotations

import time
from contextlib import suppress

from hpcsweep.slurm.watching.living import newest_submission
from hpcsweep.store.layout import Layout, SubmissionFolder
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions

LOOK_EVERY_S = 30.0  # a list of a folder's names on a file server


class Following:
    """The submission that a worker follows now; its own until a newer one is found."""

    def __init__(self, own: SubmissionFolder, every_s: float = LOOK_EVERY_S) -> None:
        self._own, self._every_s = SlurmFiles(own), every_s
        self._found, self._looked = self._own, float("-inf")

    def newest(self) -> SubmissionFolder:
        """Return the submission to follow; the store is looked at when the last look is `every_s` ago."""
        if time.monotonic() - self._looked >= self._every_s:
            self.look()
        return self._found.submission

    def look(self) -> SubmissionFolder:
        """Return the submission to follow after a look at the store, unless the file server is gone now."""
        self._looked = time.monotonic()
        with suppress(OSError):
            layout, sweep = Layout(self._own.submission.store_root), self._own.path.parent.name
            self._found = newest_submission(slurm_submissions(layout, sweep), self._own)
        return self._found.submission
