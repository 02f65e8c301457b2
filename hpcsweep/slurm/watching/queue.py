"""What SLURM says about our tasks: squeue about the living, sacct about the dead."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass

from hpcsweep.slurm.commands import ABSENT, ask
from hpcsweep.slurm.text import array_tasks
from hpcsweep.slurm.watching.reasons import PendingReason, pending_reason
from hpcsweep.store.task_files import SlurmFiles, array_of

QUEUE_FORMAT = "%i|%T|%N|%S|%U|%r"
ACCOUNT_FORMAT = "jobid,state,exitcode,derivedexitcode,start,nodelist,reason"
NO_NODE = "None assigned"  # sacct's words
PENDING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "REQUEUE_FED"})
LIVING = PENDING | {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}


@dataclass(frozen=True)
class Task:
    """One attempt of one array element, as SLURM describes it; for a pending range, one of its elements."""

    name: str
    state: str
    node: str = ""
    start: str = ""
    reason: str = ""
    exit_code: int = 0
    exit_signal: int = 0
    derived_signal: int = 0
    uid: int | None = None

    @property
    def living(self) -> bool:
        """Whether it is queued or running."""
        return self.state in LIVING

    @property
    def array(self) -> str:
        """The id of the array it belongs to."""
        return array_of(self.name)

    @property
    def why_pending(self) -> PendingReason:
        """Why it waits."""
        return pending_reason(self.reason)


@dataclass(frozen=True)
class Queue:
    """The answer to one query: tasks by name (the newest attempt last), or one sentence that says why there is none.

    `asked` is False if there was no need to ask.
    """

    tasks: dict[str, list[Task]]
    problem: str | None = None
    asked: bool = True

    @property
    def answered(self) -> bool:
        """Whether a task that is missing here is one that SLURM does not know."""
        return self.asked and not self.problem

    @property
    def absent(self) -> bool:
        """Whether there is no SLURM here, as in a container or on a laptop, so that asking again is no use."""
        return bool(self.problem) and str(self.problem).endswith(ABSENT)

    def newest(self, name: str) -> Task | None:
        """Return the newest attempt of a task; None if SLURM does not know it."""
        attempts = self.tasks.get(name)
        return attempts[-1] if attempts else None

    @property
    def own(self) -> int:
        """How many tasks of this user there are."""
        return sum(attempts[-1].uid == os.geteuid() for attempts in self.tasks.values())

    def living(self, arrays: Iterable[str]) -> list[Task]:
        """Return the tasks of `arrays` that are queued or running."""
        wanted = set(arrays)
        newest = (attempts[-1] for attempts in self.tasks.values())
        return [task for task in newest if task.array in wanted and task.living]


def ask_squeue(submissions: Iterable[SlurmFiles] = (), *, ended_too: bool = False) -> Queue:
    """Ask squeue once for all tasks of this user, and of those who sent `submissions`; also in hidden partitions.

    `ended_too`: also those that ended minutes ago.
    """
    users = {os.geteuid(), *(files.owner for files in submissions)}
    command = ["squeue", "-h", "-r", "-a", "-u", ",".join(sorted(filter(None, map(_user, users)))), "-o", QUEUE_FORMAT]
    answer = ask([*command, "-t", "all"] if ended_too else command)
    return Queue({}, answer.problem) if answer.problem else Queue(parse_squeue(answer.text))


def ask_sacct(arrays: Iterable[str]) -> Queue:
    """Ask sacct once for every attempt of the tasks of `arrays`."""
    wanted = sorted(set(arrays), key=lambda array: (len(array), array))
    if not wanted:
        return Queue({})
    answer = ask(["sacct", "-X", "--duplicates", "-n", "-P", "-j", ",".join(wanted), "-o", ACCOUNT_FORMAT])
    return Queue({}, answer.problem) if answer.problem else Queue(parse_sacct(answer.text))


def parse_squeue(text: str) -> dict[str, list[Task]]:
    """Return the tasks in squeue's lines (QUEUE_FORMAT); lines of another shape are skipped."""
    tasks: dict[str, list[Task]] = {}
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) != 6:
            continue
        job, state, node, start, user, reason = (field.strip() for field in fields)
        uid = int(user) if user.isdecimal() else None
        for name in array_tasks(job):
            tasks.setdefault(name, []).append(Task(name, first_word(state), node, start, reason, uid=uid))
    return tasks


def parse_sacct(text: str) -> dict[str, list[Task]]:
    """Return the attempts in sacct's lines (ACCOUNT_FORMAT), oldest first; lines of another shape are skipped."""
    tasks: dict[str, list[Task]] = {}
    for line in text.splitlines():
        fields = line.split("|", 6)
        if len(fields) != 7 or "." in fields[0]:
            continue
        job, state, code, derived, start, node, reason = (field.strip() for field in fields)
        node = "" if node == NO_NODE else node
        for name in array_tasks(job):
            task = Task(name, first_word(state), node, start, reason, *_codes(code), _codes(derived)[1])
            tasks.setdefault(name, []).append(task)
    return tasks


def first_word(state: str) -> str:
    """Return `CANCELLED` of `CANCELLED by 0`, and a state without its trailing marks."""
    words = state.split()
    return words[0].rstrip("+*") if words else "UNKNOWN"


def _user(uid: int) -> str | None:
    """Return a user's name; None if that user is gone, whom squeue would refuse to look for."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid) if uid == os.geteuid() else None


def _codes(text: str) -> tuple[int, int]:
    code, _, signal = text.partition(":")
    return (int(code) if code.isdecimal() else 0, int(signal) if signal.isdecimal() else 0)
