"""SLURM that is slow, busy, or does not say what it has done: nothing is queued twice, nothing is lost, all is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.sending.sbatch import UnknownOutcomeError, send
from tests.slurm.private_cluster import start_cluster, stop_cluster
from tests.slurm.study import SlurmStudy

BODY = "repeats = 2\n[fixed]\npace = 0.01\nepochs = 3\nsize = {size}\n[resources]\ntime = 2\nworkers = 2\n"
TIMED_OUT = "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1"


def wrapped(folder: Path, bodies: Mapping[str, str]) -> str:
    """Return a PATH on which commands of these names come first; in their bodies $REAL is the real one."""
    folder.mkdir()
    for name, body in bodies.items():
        real = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).write_text(f"#!/bin/sh\nREAL={real}\n{body}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def arrays_in_queue(study: SlurmStudy, sweep: str) -> int:
    """Return how many arrays of a sweep SLURM knows, ended ones too."""
    lines = study.cluster.ask("squeue", "-h", "-t", "all", "-o", "%j %F").splitlines()
    return len({line for line in lines if line.startswith(f"{sweep}.")})


def test_an_array_whose_answer_was_lost_is_found_and_never_doubled(study: SlurmStudy, tmp_path: Path) -> None:
    """SLURM queues the workers and its answer is lost: they are looked for by name, adopted, and do their work."""
    sweep = study.sweep("ghost", BODY.format(size=41))
    path = wrapped(tmp_path / "bin", {"sbatch": f'"$REAL" "$@" >/dev/null; {TIMED_OUT}'})
    said = study.run("submit", sweep, PATH=path)
    assert "Socket timed out on send/recv operation" in said
    assert "SLURM has the workers, although its answer was lost: array " in said
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    assert arrays_in_queue(study, "ghost") == 1


def test_what_was_not_queued_is_sent_again(study: SlurmStudy, tmp_path: Path) -> None:
    """An answer that was lost before SLURM had anything: after a look, the workers are sent once more."""
    sweep, once = study.sweep("again", BODY.format(size=42)), tmp_path / "once"
    path = wrapped(tmp_path / "bin", {"sbatch": f'[ -e {once} ] && exec "$REAL" "$@"; touch {once}; {TIMED_OUT}'})
    said = study.run("submit", sweep, PATH=path)
    assert "looking for the workers, then trying again, in 2 s" in said
    assert "array " in said.splitlines()[-1]
    assert arrays_in_queue(study, "again") == 1


def test_slow_commands_are_asked_once_and_together(study: SlurmStudy, tmp_path: Path) -> None:
    """With commands that take three seconds each, a submission asks each once and all at the same time."""
    calls = tmp_path / "calls"
    body = f'echo "$0 begins" >>{calls}; sleep 3; echo "$0 ends" >>{calls}; exec "$REAL" "$@"'
    body = f'[ "$SLURM_JOB_ID" ] && exec "$REAL" "$@"; {body}'  # the workers, which may ask before we look
    path = wrapped(tmp_path / "bin", dict.fromkeys(("squeue", "scontrol", "sinfo", "sacctmgr"), body))
    study.run("submit", study.sweep("slow", BODY.format(size=44)), PATH=path)
    said = [line.rpartition("/")[2] for line in calls.read_text().splitlines()]
    assert sorted(said[:4]) == [f"{name} begins" for name in ("sacctmgr", "scontrol", "sinfo", "squeue")]
    assert len(said) == 8


def test_a_full_queue_is_waited_for(packages: None, tmp_path: Path) -> None:
    """SLURM holds as many jobs as it may (MaxJobCount): this is said at once, and when jobs have gone, the workers are
    taken, once.
    """
    cluster = start_cluster(ACCT="0", EXTRA_CONF="MaxJobCount=3\nMinJobAge=2")
    try:
        study = SlurmStudy.create(tmp_path / "study", cluster)
        held = [cluster.ask("sbatch", "--parsable", "-H", "--wrap=true", "--output=/dev/null") for _ in range(2)]
        with study.start("submit", study.sweep("late", BODY.format(size=45))) as submitting:
            assert submitting.stdout
            line = next(line for line in submitting.stdout if "MaxJobCount" in line)
            assert "its queue may be full (MaxJobCount); sbatch waits, and tries again" in line
            cluster.ask("scancel", *held)
            assert submitting.stdout.read().splitlines()[-1].startswith("array ")
        assert submitting.returncode == 0
        assert arrays_in_queue(study, "late") == 1
    finally:
        stop_cluster(cluster)


def test_what_slurm_says_beside_the_number_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in of the site takes the workers, and says what it has changed."""
    notice = "echo 'sbatch: your job was moved to the partition teaching' >&2; echo 'Submitted batch job 7'"
    (tmp_path / "sbatch").write_text(f"#!/bin/sh\n{notice}\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said: list[str] = []
    assert send(tmp_path / "script", "s.1", said.append) == "7"
    assert said == ["SLURM says: your job was moved to the partition teaching"]


@pytest.mark.parametrize(
    ("sbatch", "squeue", "error", "words"),
    [
        (f"{TIMED_OUT}", "exit 1", UnknownOutcomeError, "looked for by their job name before any others are sent"),
        (f"{TIMED_OUT}", ":", SchedulerError, "nothing was submitted"),
        ("echo 'sbatch: error: Invalid qos specification' >&2; exit 1", ":", SchedulerError, "refused the workers"),
        (
            "echo 'sbatch: error: Batch job submission failed: Invalid feature specification' >&2; exit 1",
            ":",
            SchedulerError,
            "no node has one of the features",
        ),
        ("echo what", ":", SchedulerError, '"what", expected the number of a job'),
        (
            "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; echo 'sbatch: error: Batch job submission failed: "
            "Job violates accounting/QOS policy (job submit limit, user size and/or time limits)' >&2; exit 1",
            ":",
            SchedulerError,
            "wait until some end, or send fewer workers (--workers N)",
        ),
        (
            "echo 'sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying' >&2; "
            "echo 'sbatch: error: Batch job submission failed: Resource temporarily unavailable' >&2; exit 1",
            ":",
            SchedulerError,
            "type the same again later, or when jobs have ended",
        ),
    ],
)
def test_each_way_to_fail_ends_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sbatch: str, squeue: str, error: type[Exception], words: str
) -> None:
    """Only what SLURM has said no to is a refusal; what nobody knows stays unknown."""
    for name, body in {"sbatch": sbatch, "squeue": squeue, "sacct": ":"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said: list[str] = []
    with pytest.raises(SchedulerError) as failure:
        send(tmp_path / "script", "s.1", said.append, waits_s=(0.0, 0.0))
    assert type(failure.value) is error
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)
    if "sleeping" in sbatch:
        assert "its queue may be full (MaxJobCount); sbatch waits" in said[0]
