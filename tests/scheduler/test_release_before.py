"""What the release before has left in the queue still works: its names resolve, and its manifests are trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpcsweep.store.task_files import SlurmFiles
from tests.conftest import ENVIRONMENT, REPOSITORY
from tests.scheduler.release_before import QUEUED, Before

TASK = {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "1", "SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "0"}
PLACE = {
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "1",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_JOB_NUM_NODES": "1",
}
LOCAL = {f"SUBMITIT_LOCAL_{name}": "0" for name in ("LOCALID", "NODEID", "GLOBALID")} | {
    "SUBMITIT_EXECUTOR": "local",
    "SUBMITIT_LOCAL_JOB_ID": "7",
    "SUBMITIT_LOCAL_NTASKS": "1",
    "SUBMITIT_LOCAL_NNODES": "1",
}


@pytest.fixture
def before(tmp_path: Path) -> Before:
    """A submission of the release before."""
    return Before.unpack(tmp_path / "study")


def python(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a batch script does, with this checkout's package."""
    clean = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("SLURM")}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env={**clean, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("pickle", "task", "environment"),
    [("1_0_submitted.pkl", "1_0", {**TASK, **PLACE}), ("local_submitted.pkl", "7", LOCAL)],
    ids=["array task", "worker on a machine"],
)
def test_a_pickle_of_the_release_before_is_worked_off(
    before: Before, pickle: str, task: str, environment: dict[str, str]
) -> None:
    """submitit finds the function by its old name, and that trains everything of the old manifest."""
    before.put_pickle(pickle, task)
    done = python("-u", "-m", "submitit.core._submit", before.submission.workers, **environment)
    assert done.returncode == 0, done.stderr
    assert before.states() == ["done"] * 4


def test_a_batch_script_of_the_release_before_gets_its_successor(before: Before, tmp_path: Path) -> None:
    """The command that an old script calls, to go on in a new job, submits a worker on the old terms."""
    command = next(line for line in before.script.read_text().splitlines() if "hpcsweep.scheduler.slurm_again" in line)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in {
        "sbatch": f"cat $1 >{tmp_path}/sent; echo Submitted batch job 77",
        "srun": ":",
        "squeue": ":",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    words = command.split()[1:-1]  # less Python and the task, which is a variable of the script
    assert words[:2] == ["-m", "hpcsweep.scheduler.slurm_again"]
    done = python(*words, "1_1", PATH=f"{tools}:{ENVIRONMENT['PATH']}")
    assert (done.returncode, done.stdout) == (0, "hpcsweep: continued as array 77\n"), done.stderr
    files = SlurmFiles(before.submission)
    assert [(sent.array, sent.why) for sent in files.arrays()] == [("1", "submit"), ("77", "after 1_1")]
    assert files.events("1_1")[-1]["event"] == "continued"
    script = (tmp_path / "sent").read_text()
    assert "#SBATCH --partition=dgx\n" in script
    assert "export STUDY=golden" in script


def test_the_examples_hold_the_old_names() -> None:
    """The files were written by the release before: all three names are those that only it had."""
    assert b"hpcsweep.scheduler.slurm_worker" in (QUEUED / "1_0_submitted.pkl").read_bytes()
    assert b"hpcsweep.worker.drain" in (QUEUED / "local_submitted.pkl").read_bytes()
    assert "-m hpcsweep.scheduler.slurm_again " in (QUEUED / "1_submission.sh").read_text()
    assert "stack_size" not in json.loads((QUEUED / "manifest.jsonl").read_text().splitlines()[0])["settings"]
