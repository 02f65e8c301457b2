"""Calling the user's function: whatever ends it is the end of this run, and of no other process's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.worker.run.handle import RunHandle


class JobExitedError(JobError):
    """The job ended its program where it should have returned."""


def call_job(job: Callable[..., Any], handle: RunHandle, params: Mapping[str, Any]) -> Any:
    """Return what the job returns; what it raises is raised.

    `sys.exit()` and `sys.exit(0)` are a return if an epoch was logged, since many scripts end so; JobExitedError
    otherwise. A copy of this process that the job forked and let run on ends here.
    """
    process = os.getpid()
    try:
        return job(handle, **params)
    except SystemExit as ended:
        if ended.code in (None, 0) and handle.history["epoch"]:
            return None
        what = "without a result" if ended.code in (None, 0) else f"with {ended.code!r}"
        raise JobExitedError(f"the job called sys.exit() {what}; expected it to return its metrics") from ended
    finally:
        if os.getpid() != process:
            os._exit(0)
