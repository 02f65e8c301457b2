"""Why runs fail and workers die: each cause with the name that records hold, in words, and with what helps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hpcsweep.machine import StrEnum

_VARIES = re.compile(
    r"""'[^']*'|"[^"]*"|(?<![\w.])~?/[^\s:,;]+|\b0x[0-9a-fA-F]+\b|\b(?=\w*\d)[0-9a-fA-F]{6,}\b|[-+]?\d[\d.,]*(?:e[-+]?\d+)?"""
)


class Cause(StrEnum):
    """A way to end without a result.

    `advice` is a template: its fields are commands, named by what they do (see launch/advice.py).
    """

    words: str
    advice: str

    def __new__(cls, name: str, words: str, advice: str) -> Cause:
        """Make a member that is its name."""
        member = str.__new__(cls, name)
        member._value_, member.words, member.advice = name, words, advice
        return member

    RAISED = "raised", "the job's code raised an error", "type: {logs}; then: {retry}"
    OUT_OF_MEMORY = "out of memory", "more memory than was asked for", "type: {retry_with_more_memory}"
    GPU_MEMORY = (
        "GPU memory",
        "more GPU memory than there is",
        "type: {retry_with_one_worker_per_gpu} (or a smaller batch, or a larger GPU)",
    )
    KILLED = (
        "killed",
        "killed from outside (SIGKILL), and SLURM tells of no lack of memory",
        "type: {logs}; then: {retry}{or_with_more_memory}",
    )
    CRASHED = "crashed", "a crash in native code", "type: {logs}; then: {retry}"
    EXITED = "exited", "the job's code ended its process", "type: {logs}; then: {retry}"
    WORKER_DIED = (
        "worker died",
        "killed from outside again and again",
        "type: {logs}; then: {retry}{or_with_more_memory}",
    )
    TIMEOUT = "timeout", "cut off by the end of its wall time before it could stop", "type: {resume_with_more_time}"
    NODE_FAILED = "node failed", "its node went down", "type: {resume_on_other_nodes}"
    PREEMPTED = "preempted", "made room for another job", "type: {resume}"
    BOOT_FAILED = "boot failed", "its node did not come up", "type: {resume_on_other_nodes}"
    CANCELLED = "cancelled", "cancelled", "type: {resume}"
    DEADLINE = "deadline", "could not end before its deadline", "type: {resume}"
    NO_PYTHON = "no python", "Python, hpcsweep or the container is missing on the node", "type: {look_at_a_node}"
    UNFIT_PYTHON = (
        "unfit python",
        "the Python that the profile names is older than 3.9, or has no NumPy from 1.23 on",
        "name a newer image or another `python` in the profile; then: {resume}",
    )
    SETUP_FAILED = (
        "setup failed",
        "a set-up line of the profile failed",
        "correct `setup` or `modules` in the profile; then: {resume}",
    )
    DISK_FULL = "disk full", "no space, or over quota, where the store is", "make room: {clean}; then: {retry}"
    STORE_UNREACHABLE = (
        "store unreachable",
        "the store cannot be read or written on the node",
        "type: {look_at_a_node}",
    )
    NOT_BEGUN = (
        "not begun",
        "ended before the worker began, with an error of the batch script, the container or Python",
        "type: {logs}; then: {resume}",
    )
    STOPPED_EARLY = "stopped early", "told to stop by a signal before it had begun", "type: {resume}"
    NO_RESULT = "no result", "ended without an error and without a result", "type: {logs}; then: {resume}"
    LOST = "lost", "ended, and SLURM keeps no record of how", "type: {resume}"
    NEVER_BEGAN = (
        "never began",
        "left the queue before it began: cancelled, past its deadline, or its node did not come up",
        "type: {resume} ({ask_accounting} may know more)",
    )
    UNREADABLE = "unreadable", "the record of its failure cannot be read", "type: {retry}"
    UNKNOWN = "unknown", "failed, and nobody knows how", "type: {retry}"

    @classmethod
    def named(cls, name: str) -> Cause:
        """Return the cause of this name; UNKNOWN for a name that only another release knows."""
        return next((cause for cause in cls if cause == name), cls.UNKNOWN)


@dataclass(frozen=True)
class Why:
    """Why a run has no result: the name of a cause, perhaps of another release, and what happened."""

    name: str
    message: str

    @property
    def cause(self) -> Cause:
        """The cause; UNKNOWN for a name that only another release knows."""
        return Cause.named(self.name)

    @property
    def kind(self) -> Why:
        """The same without what differs from run to run: numbers, paths, what is quoted, and ids."""
        return Why(self.name, _VARIES.sub("...", self.message))

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"
