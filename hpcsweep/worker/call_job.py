"""Calling the user's function: whatever ends it ends this run, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.worker.arguments import arguments_of
from hpcsweep.worker.run.handle import RunHandle


class JobExitedError(JobError):
    """The job ended the program when it should have returned."""


def call_job(job: Callable[..., Any], handle: RunHandle) -> Any:
    """Return what the job returns, and raise what it raises.

    `sys.exit()` and `sys.exit(0)` count as a return if an epoch was logged, since many scripts end like that; otherwise
    JobExitedError is raised. If the job forked this process and the copy comes here, the copy ends.
    """
    process = os.getpid()
    try:
        positional, named = arguments_of(job, handle)
        return job(*positional, **named)
    except SystemExit as ended:
        if ended.code in (None, 0) and handle.history["epoch"]:
            return None
        what = "without a result" if ended.code in (None, 0) else f"with {ended.code!r}"
        raise JobExitedError(f"the job called sys.exit() {what}; expected it to return its metrics") from ended
    finally:
        if os.getpid() != process:
            os._exit(0)
