"""Every way in which a worker's SLURM job can end, told apart, with what to do about each. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hpcsweep.slurm.watching.queue import Task

SETUP_FAILED_CODE = 78  # EX_CONFIG; what a failed set-up line makes the batch script exit with
STORE_UNREACHABLE_CODE = 75  # EX_TEMPFAIL; what a worker exits with that cannot read its store
SIGKILL = 9
OUT_OF_MEMORY_SIGNAL = 125  # how SLURM marks a step killed by the cgroup's memory limit


@dataclass(frozen=True)
class Cause:
    """A way to die: its name, in words, the command that helps."""

    name: str
    words: str
    fix: str


RESUME = "hpcsweep resume SWEEP"
RAISED = Cause("raised", "the job's code raised an error", "hpcsweep logs RUN, then: hpcsweep resume --failed SWEEP")
OUT_OF_MEMORY = Cause("out of memory", "more memory than was asked for", "hpcsweep resume --failed --mem 32G SWEEP")
GPU_MEMORY = Cause(
    "GPU memory",
    "more GPU memory than there is",
    "hpcsweep resume --failed --workers-per-gpu 1 SWEEP (or a smaller batch, or a larger GPU)",
)
KILLED = Cause(
    "killed",
    "killed from outside (SIGKILL); most often by the memory limit",
    "hpcsweep resume --failed --mem 32G SWEEP",
)
CRASHED = Cause("crashed", "a crash in native code", "hpcsweep logs RUN, then: hpcsweep resume --failed SWEEP")
TIMEOUT = Cause("timeout", "cut off by the end of its wall time before it could stop", f"{RESUME} --time LONGER")
NODE_FAILED = Cause("node failed", "its node went down", f"{RESUME} --exclude NODE")
PREEMPTED = Cause("preempted", "made room for another job", RESUME)
BOOT_FAILED = Cause("boot failed", "its node did not come up", f"{RESUME} --exclude NODE")
CANCELLED = Cause("cancelled", "cancelled", RESUME)
DEADLINE = Cause("deadline", "could not end before its deadline", RESUME)
LOOK_AT_A_NODE = "hpcsweep doctor --probe --profile PROFILE"
NO_PYTHON = Cause("no python", "Python, hpcsweep or the container is missing on the node", LOOK_AT_A_NODE)
SETUP_FAILED = Cause(
    "setup failed",
    "a set-up line of the profile failed",
    "mend `setup` or `modules` in the profile, then: hpcsweep resume SWEEP",
)
DISK_FULL = Cause(
    "disk full",
    "no space, or over quota, where the store is",
    "make room (hpcsweep clean), then: hpcsweep resume --failed SWEEP",
)
STORE_UNREACHABLE = Cause("store unreachable", "the store cannot be read or written on the node", LOOK_AT_A_NODE)
NO_RESULT = Cause(
    "no result", "ended without an error and without a result", "hpcsweep logs RUN, then: hpcsweep resume SWEEP"
)
LOST = Cause("lost", "ended, and SLURM keeps no record of how", RESUME)
NEVER_BEGAN = Cause(
    "never began",
    "left the queue before it began: cancelled, past its deadline, or its node did not come up",
    f"{RESUME} (sacct -X -j TASK may know more)",
)
UNKNOWN = Cause("unknown", "failed, and nobody knows how", "hpcsweep resume --failed SWEEP")
VAGUE = (RAISED, KILLED, NO_RESULT, LOST)  # another witness may know more

BY_NAME = {
    cause.name: cause
    for cause in (
        RAISED,
        OUT_OF_MEMORY,
        GPU_MEMORY,
        KILLED,
        CRASHED,
        TIMEOUT,
        NODE_FAILED,
        PREEMPTED,
        BOOT_FAILED,
        CANCELLED,
        DEADLINE,
        NO_PYTHON,
        SETUP_FAILED,
        DISK_FULL,
        STORE_UNREACHABLE,
        NO_RESULT,
        LOST,
        NEVER_BEGAN,
    )
}
# SLURM's daemons write these into the worker's log; what the job prints has no such beginning
_BY_WORDS = (
    (re.compile(r"oom[-_ ]kill|Out Of Memory|exceeded memory limit"), OUT_OF_MEMORY),
    (re.compile(r"DUE TO TIME LIMIT"), TIMEOUT),
    (re.compile(r"DUE TO NODE FAILURE"), NODE_FAILED),
    (re.compile(r"DUE TO PREEMPTION"), PREEMPTED),
    (re.compile(r"CANCELLED AT"), CANCELLED),
)
_SLURMS_LINE = re.compile(r"^(?:slurmstepd(?:-\S+)?|srun): .*", re.MULTILINE)
_BY_STATE = {
    "NODE_FAIL": NODE_FAILED,
    "PREEMPTED": PREEMPTED,
    "BOOT_FAIL": BOOT_FAILED,
    "TIMEOUT": TIMEOUT,
    "OUT_OF_MEMORY": OUT_OF_MEMORY,
    "CANCELLED": CANCELLED,
    "REVOKED": CANCELLED,
    "DEADLINE": DEADLINE,
}


def cause_of_task(task: Task) -> Cause | None:
    """Return how an attempt ended by SLURM's word; None if it lives, was requeued, or ended well."""
    if task.living or task.state in ("COMPLETED", "REQUEUED"):
        return None
    if task.state in _BY_STATE:
        return _BY_STATE[task.state]
    if OUT_OF_MEMORY_SIGNAL in (task.derived_signal, task.exit_signal):
        return OUT_OF_MEMORY
    if task.derived_signal:
        return cause_of_exit(128 + task.derived_signal)
    if task.exit_signal:
        return cause_of_exit(128 + task.exit_signal)
    # srun hands on a signal that killed its task as the plain exit code 9 or 137
    return cause_of_exit(128 + SIGKILL if task.exit_code == SIGKILL else task.exit_code) or NO_RESULT


def cause_of_exit(code: int) -> Cause | None:
    """Return how a worker's process ended by its exit code as the batch script saw it; None if it ended well."""
    if code == 0:
        return None
    if code == SETUP_FAILED_CODE:
        return SETUP_FAILED
    if code == STORE_UNREACHABLE_CODE:
        return STORE_UNREACHABLE
    if code in (2, 126, 127):  # srun's execve error, the shell's "cannot execute" and "not found"
        return NO_PYTHON
    if code in (128 + SIGKILL, SIGKILL):
        return KILLED
    if code in (128 + 15, 128 + 2, 128 + 1, 143):
        return CANCELLED
    if code == OUT_OF_MEMORY_SIGNAL:
        return OUT_OF_MEMORY
    return CRASHED if code > 128 else RAISED


def cause_of_words(log: str) -> Cause | None:
    """Return how a worker ended by the lines that SLURM's own daemons left in its log; None if they left none."""
    told = "\n".join(_SLURMS_LINE.findall(log))
    return next((cause for words, cause in _BY_WORDS if words.search(told)), None)
