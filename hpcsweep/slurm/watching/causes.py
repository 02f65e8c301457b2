"""What a worker's SLURM job died of, according to SLURM, the exit code and the log. Pure functions."""

from __future__ import annotations

import re
import signal

from hpcsweep.slurm.watching.queue import Task
from hpcsweep.store.causes import Cause

SETUP_FAILED_CODE = 78  # EX_CONFIG: the exit code of a batch script whose set-up line failed
NO_PYTHON_CODE = 127  # as shells say "not found"
UNFIT_PYTHON_CODE = 79  # the exit code of a batch script whose Python cannot run a worker
STORE_UNREACHABLE_CODE = 75  # EX_TEMPFAIL: the exit code of a worker that cannot read its store
SIGKILL = 9
OUT_OF_MEMORY_SIGNAL = 125  # how SLURM marks a step killed by the cgroup's memory limit
BEFORE_WORK = (Cause.SETUP_FAILED, Cause.UNFIT_PYTHON, Cause.NO_PYTHON)  # told by a line that names the profile's key
WANT_MORE = (Cause.OUT_OF_MEMORY, Cause.GPU_MEMORY, Cause.TIMEOUT)  # whoever takes the place of these dies alike
VAGUE = (Cause.RAISED, Cause.KILLED, Cause.NO_RESULT, Cause.LOST)  # another witness may know more
# SLURM's daemons write these into the worker's log; what a job prints does not begin like this
_BY_WORDS = (
    (re.compile(r"oom[-_ ]kill|Out Of Memory|exceeded memory limit"), Cause.OUT_OF_MEMORY),
    (re.compile(r"DUE TO TIME LIMIT"), Cause.TIMEOUT),
    (re.compile(r"DUE TO NODE FAILURE"), Cause.NODE_FAILED),
    (re.compile(r"DUE TO PREEMPTION"), Cause.PREEMPTED),
    (re.compile(r"JOB \d+ ON \S+ CANCELLED AT"), Cause.CANCELLED),  # a STEP is also cancelled when its srun is killed
)
_SLURMS_LINE = re.compile(r"^(?:slurmstepd(?:-\S+)?|srun): .*", re.MULTILINE)
_WHY_NOT_BEGUN = re.compile(r"^(?:hpcsweep|slurmstepd(?:-\S+)?: error: execve\(\)): (.*)", re.MULTILINE)
_BY_STATE = {
    "NODE_FAIL": Cause.NODE_FAILED,
    "PREEMPTED": Cause.PREEMPTED,
    "BOOT_FAIL": Cause.BOOT_FAILED,
    "TIMEOUT": Cause.TIMEOUT,
    "OUT_OF_MEMORY": Cause.OUT_OF_MEMORY,
    "CANCELLED": Cause.CANCELLED,
    "REVOKED": Cause.CANCELLED,
    "DEADLINE": Cause.DEADLINE,
}


def cause_of_task(task: Task) -> Cause | None:
    """Return how an attempt ended according to SLURM; None if it is alive, was requeued, or ended well."""
    if task.living or task.state in ("COMPLETED", "REQUEUED"):
        return None
    if task.state in _BY_STATE:
        return _BY_STATE[task.state]
    if OUT_OF_MEMORY_SIGNAL in (task.derived_signal, task.exit_signal):
        return Cause.OUT_OF_MEMORY
    if task.derived_signal:
        return cause_of_exit(128 + task.derived_signal)
    if task.exit_signal:
        return cause_of_exit(128 + task.exit_signal)
    # srun reports a signal that killed its task as the plain exit code 9 or 137
    return cause_of_exit(128 + SIGKILL if task.exit_code == SIGKILL else task.exit_code) or Cause.NO_RESULT


def is_signal(code: int) -> bool:
    """Whether a batch script saw that a signal ended its worker; srun reports SIGKILL as the plain exit code 9, too."""
    return code > 128 or code == SIGKILL


def cause_of_exit(code: int) -> Cause | None:
    """Return how a worker's process ended, by the exit code that its batch script saw; None if it ended well."""
    if code == 0:
        return None
    if code == SETUP_FAILED_CODE:
        return Cause.SETUP_FAILED
    if code == UNFIT_PYTHON_CODE:
        return Cause.UNFIT_PYTHON
    if code == STORE_UNREACHABLE_CODE:
        return Cause.STORE_UNREACHABLE
    if code in (2, 126, 127):  # srun's execve error, the shell's "cannot execute" and "not found"
        return Cause.NO_PYTHON
    if code in (128 + SIGKILL, SIGKILL):
        return Cause.KILLED
    if code in (128 + signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGHUP):
        return Cause.CANCELLED
    if code in (128 + signal.SIGUSR1, 128 + signal.SIGUSR2):  # deadly only to Python that does not listen yet
        return Cause.STOPPED_EARLY
    if code == OUT_OF_MEMORY_SIGNAL:
        return Cause.OUT_OF_MEMORY
    return Cause.CRASHED if code > 128 else Cause.RAISED


def cause_of_words(log: str) -> Cause | None:
    """Return how a worker ended, by the lines that SLURM's own daemons left in its log; None if they left none."""
    told = "\n".join(_SLURMS_LINE.findall(log))
    return next((cause for words, cause in _BY_WORDS if words.search(told)), None)


def why_not_begun(said: str) -> str:
    """Return the line of a worker's log, or of a shell that was asked by doctor, on what kept Python from starting."""
    found = _WHY_NOT_BEGUN.findall(said)
    return found[-1] if found else ""
