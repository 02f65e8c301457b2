"""Telling deaths apart."""

from __future__ import annotations

import pytest

from hpcsweep.slurm.watching.causes import cause_of_exit, cause_of_task
from hpcsweep.slurm.watching.queue import Task
from hpcsweep.store.causes import Why


@pytest.mark.parametrize(
    ("task", "cause"),
    [
        (Task("1_0", "RUNNING"), None),
        (Task("1_0", "COMPLETED"), None),
        (Task("1_0", "REQUEUED"), None),
        (Task("1_0", "NODE_FAIL"), "node failed"),
        (Task("1_0", "PREEMPTED"), "preempted"),
        (Task("1_0", "BOOT_FAIL"), "boot failed"),
        (Task("1_0", "TIMEOUT"), "timeout"),
        (Task("1_0", "DEADLINE", exit_code=1), "deadline"),
        (Task("1_0", "CANCELLED"), "cancelled"),
        (Task("1_0", "OUT_OF_MEMORY", exit_signal=125), "out of memory"),
        (Task("1_0", "FAILED", exit_code=1, derived_signal=125), "out of memory"),
        (Task("1_0", "FAILED", exit_code=9, derived_signal=9), "killed"),
        (Task("1_0", "FAILED", exit_code=9), "killed"),
        (Task("1_0", "FAILED", exit_code=137), "killed"),
        (Task("1_0", "FAILED", exit_code=139), "crashed"),
        (Task("1_0", "FAILED", exit_code=140), "stopped early"),
        (Task("1_0", "FAILED", exit_code=2), "no python"),
        (Task("1_0", "FAILED", exit_code=127), "no python"),
        (Task("1_0", "FAILED", exit_code=78), "setup failed"),
        (Task("1_0", "FAILED", exit_code=75), "store unreachable"),
        (Task("1_0", "FAILED", exit_code=1), "raised"),
    ],
)
def test_slurms_word_names_one_cause(task: Task, cause: str | None) -> None:
    """Each state and exit code that was seen on a real cluster has its own cause."""
    assert cause_of_task(task) == cause


@pytest.mark.parametrize("code", range(256))
def test_every_exit_code_has_a_cause(code: int) -> None:
    """Only exit code 0 is a good end."""
    assert (cause_of_exit(code) is None) == (code == 0)


def test_failures_that_differ_in_numbers_paths_and_ids_are_of_one_kind() -> None:
    """Messages of one kind are one, whatever run they come from; others stay apart."""
    messages = [
        f"loss {n / 7:.3e} at step {n}: cannot read /data/{n}/it's.npy, id {n * 7919:08x}, key 'a{n}'"
        for n in range(200)
    ]
    assert len({Why("raised", message).kind for message in messages}) == 1
    assert Why("raised", "no such file").kind != Why("raised", "no such name").kind
    assert Why("raised", "decade of facade").kind == Why("raised", "decade of facade")
