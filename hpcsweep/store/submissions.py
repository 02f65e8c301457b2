"""New submissions, and which runs a sweep had when it was submitted."""

from __future__ import annotations

import time
from collections.abc import Iterable

from hpcsweep.errors import StoreError
from hpcsweep.files import write_atomic
from hpcsweep.store.layout import Layout, SubmissionFolder
from hpcsweep.store.reader import read_text, require_format
from hpcsweep.store.sharing import keep_to_owner
from hpcsweep.store.trajectory_folder import TRAJECTORY

_RUN_IDS_FORMAT = 1


def new_submission(
    layout: Layout, sweep: str, manifest_lines: Iterable[str], run_ids: Iterable[str]
) -> SubmissionFolder:
    """Write down durably what the workers of a new submission are to train, and which runs the sweep has."""
    submission = _new_folder(layout, sweep)
    submission.workers.mkdir(exist_ok=True)  # over NFS it may look as if it had been there
    for folder in (submission.path, submission.workers):
        keep_to_owner(folder)
    lines = (f"format {_RUN_IDS_FORMAT}", *run_ids)
    write_atomic(submission.run_ids, "".join(f"{line}\n" for line in lines).encode())
    write_atomic(submission.manifest, "".join(f"{line}\n" for line in manifest_lines).encode())
    return submission


def read_run_ids(submission: SubmissionFolder) -> set[str]:
    """Return the ids of all runs that the sweep had then, none if nobody wrote them down.

    StoreError if they are damaged or a later release wrote them.
    """
    try:
        lines = read_text(submission.run_ids).splitlines()
    except FileNotFoundError:
        return set()
    word, _, number = lines[0].partition(" ") if lines else ("", "", "")
    if word == "format":
        try:
            found = int(number)
        except ValueError as error:
            raise StoreError(f"{submission.run_ids}: damaged: {error}") from error
        require_format({"format": found}, _RUN_IDS_FORMAT, submission.run_ids)
    return {line for line in lines if TRAJECTORY.fullmatch(line)}


def _new_folder(layout: Layout, sweep: str) -> SubmissionFolder:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(1000):
        submission = layout.submission(sweep, f"{stamp}-{number:03d}")
        try:
            submission.path.mkdir(parents=True)
        except FileExistsError:
            continue
        return submission
    raise StoreError(f"{layout.sweeps / sweep}: more than a thousand submissions in one second")
