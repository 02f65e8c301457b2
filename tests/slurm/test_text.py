"""Reading what SLURM prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.slurm.text import array_tasks, format_duration, parse_duration_s, parse_record
from hpcsweep.slurm.watching.queue import parse_sacct, parse_squeue
from hpcsweep.slurm.watching.reasons import pending_reason


@given(st.integers(0, 400 * 86400))
def test_a_duration_written_is_read_back(seconds: int) -> None:
    """Formatting and parsing a duration are each other's inverse."""
    assert parse_duration_s(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("0:05", 5),
        ("59:30", 3570),
        ("01:00:00", 3600),
        ("1-00:00:00", 86400),
        ("2-12", 216000),
        ("1-02:03", 93780),
        ("UNLIMITED", None),
        ("infinite", None),
        ("Partition_Limit", None),
        ("", None),
    ],
)
def test_durations_in_all_of_slurms_spellings(text: str, seconds: float | None) -> None:
    """Every spelling of a duration in SLURM's manual is understood; no limit is None."""
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    ("job", "tasks"),
    [
        ("7", ["7"]),
        ("7_3", ["7_3"]),
        ("7_[0-3]", ["7_0", "7_1", "7_2", "7_3"]),
        ("7_[0-6:2%3]", ["7_0", "7_2", "7_4", "7_6"]),
        ("7_[1,4,8-9%2]", ["7_1", "7_4", "7_8", "7_9"]),
        ("7_[1,3,...]", ["7_1", "7_3"]),
    ],
)
def test_array_notation(job: str, tasks: list[str]) -> None:
    """Each way in which SLURM writes array elements gives exactly those elements."""
    assert list(array_tasks(job)) == tasks


@given(st.text(max_size=60))
def test_parsers_take_any_text(text: str) -> None:
    """Nothing that a command may print makes a parser raise."""
    parse_squeue(text)
    parse_sacct(text)
    parse_record(text)
    pending_reason(text)
    list(array_tasks(text))


@pytest.mark.parametrize(
    "text",
    [
        "ReqNodeNotAvail, May be reserved for other job",
        "Job's QOS not permitted to use this partition (deny denies normal including normal)",
        "Job's account not permitted to use this partition (staff allows teachers not students)",
        "(DependencyNeverSatisfied)",
        "QOSGrpCPUMinutesLimit",
        "QOSGrpGRESMinutes",
        "AssocGrpBillingMinutes",
        "QOSMaxCpuMinutesPerJobLimit",
        "QOSMaxCpuPerJobLimit",
        "AssocMaxNodePerJobLimit",
        "QOSMinGRES",
        "JobHoldMaxRequeue",
        "user env retrieval failed requeued held",
    ],
)
def test_a_job_that_never_starts_is_called_stuck(text: str) -> None:
    """Reasons as squeue prints them, with what SLURM adds: each has words of ours and advice."""
    reason = pending_reason(text)
    assert reason.stuck
    assert reason.advice


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("QOSGrpCPURunMinutesLimit", "what runs now may still use as much computing time as your QOS allows"),
        ("AssocGrpMemLimit", "a limit of your account or QOS is reached"),
        ("QOSMaxJobsPerUserLimit", "you have as many running jobs as your QOS allows"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
            "nodes that it",
        ),
    ],
)
def test_a_job_that_waits_for_others_is_not_called_stuck(text: str, words: str) -> None:
    """What others use may become free, so nobody is told to do something."""
    reason = pending_reason(text)
    assert reason.words.startswith(words)
    assert not reason.stuck


def test_squeue_lines_become_tasks() -> None:
    """A pending range counts every element, a reason may hold commas, running tasks know their node."""
    text = (
        "4_[6-20:2%3]|PENDING||N/A|1000|JobArrayTaskLimit\n"
        "4_0|RUNNING|dgx1|2026-11-20T22:39:43|1000|None\n"
        "9|PENDING||N/A|1001|ReqNodeNotAvail, UnavailableNodes:dgx1\n"
    )
    tasks = parse_squeue(text)
    assert len(tasks) == 10
    assert [tasks[name][0].uid for name in ("4_0", "9")] == [1000, 1001]
    assert tasks["4_0"][0].node == "dgx1"
    assert tasks["4_0"][0].start == "2026-11-20T22:39:43"
    assert tasks["9"][0].why_pending.stuck
    assert not tasks["4_8"][0].why_pending.stuck


def test_sacct_keeps_every_attempt_in_order() -> None:
    """A requeued task has a row an attempt, the newest last, and "CANCELLED by 0" is CANCELLED."""
    text = (
        "5_1|REQUEUED|0:0|0:0|a|dgx1|None\n5_1|FAILED|1:0|0:125|c|dgx2|NonZeroExitCode\n"
        "5_2|CANCELLED by 0|0:0|0:0|a|None assigned|None\n5_2.batch|CANCELLED|0:15|0:15|a|dgx1|\n"
    )
    tasks = parse_sacct(text)
    assert [task.state for task in tasks["5_1"]] == ["REQUEUED", "FAILED"]
    assert tasks["5_1"][1].derived_signal == 125
    assert (tasks["5_2"][0].state, tasks["5_2"][0].node) == ("CANCELLED", "")
    assert "5_2.batch" not in tasks


def test_fields_of_a_record_may_hold_spaces() -> None:
    """A value of `scontrol --oneliner` reaches to the next key."""
    assert parse_record("JobId=3 Reason=Node fail [root@2026] Nodes=dgx[1-2]") == {
        "JobId": "3",
        "Reason": "Node fail [root@2026]",
        "Nodes": "dgx[1-2]",
    }
