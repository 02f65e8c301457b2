"""What the batch script does on the host, and how an allocation decides what comes after it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hpcsweep.slurm.on_node.processes import plan_processes
from hpcsweep.slurm.on_node.worker import Allocation, remaining_s
from hpcsweep.slurm.sending.from_profile import make_request, make_terms
from hpcsweep.slurm.sending.profile_lines import profile_lines
from hpcsweep.slurm.sending.script import script_text, setup_lines
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SlurmFiles, array_of, this_task
from hpcsweep.sweep.profile import load_profile
from hpcsweep.worker.endings import Ending, Tally
from tests.conftest import REPOSITORY

TERMS = SlurmTerms(Request(60.0), python=sys.executable, host_python=sys.executable)


@pytest.fixture
def files(tmp_path: Path) -> SlurmFiles:
    """An empty submission in a folder with an ugly name."""
    found = SlurmFiles(SubmissionFolder(tmp_path / "it's $HOME" / "sweeps" / "s" / "1"))
    found.workers.mkdir(parents=True)
    found.write_terms(TERMS.to_json())
    return found


def _after_worker(
    files: SlurmFiles, tmp_path: Path, want: str, state: str, *, fails: str = "", report: str = ""
) -> tuple[list[str], int]:
    """Run the host's part around a worker that exits with 3; return the calls of scontrol and resubmission."""
    calls = tmp_path / "calls"
    tools = tmp_path / "bin"
    tools.mkdir()
    stubs = {
        "squeue": f'[ "$5" = %L ] && echo 0:40 || echo "{state}"',
        "scontrol": f'echo "scontrol $1" >>{calls}; case "$1" in {fails or "none"}) exit 1;; esac',
        "again": f"echo replace $5 >>{calls}; case resubmit in {fails or 'none'}) exit 1;; esac",
    }
    for name, body in stubs.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    terms = SlurmTerms(Request(60.0), host_python=str(tools / "again"), report=report)
    lines = setup_lines(terms, files.path, files.workers)
    if want != "died":
        files.next_path("7_3", 0).write_text(want)
    script = "\n".join([*lines, 'echo "left $HPCSWEEP_TIME_LEFT"', "exit 3"])
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "left 0:40" in done.stdout, done.stderr
    return (calls.read_text().splitlines() if calls.exists() else []), done.returncode


@pytest.mark.parametrize(
    ("want", "state", "fails", "calls"),
    [
        ("requeue", "RUNNING None", "", ["replace requeue", "scontrol requeue"]),
        ("requeue", "COMPLETING TimeLimit", "", ["replace requeue", "scontrol requeue"]),
        ("requeue", "COMPLETING None", "", []),
        ("requeue", "CANCELLED None", "", []),
        ("", "RUNNING None", "", []),
        ("resubmit", "RUNNING None", "", ["replace resubmit"]),
        ("resubmit", "RUNNING None", "resubmit", ["replace resubmit", "scontrol requeue"]),
        (
            "requeue",
            "RUNNING None",
            "requeue",
            ["replace requeue", "scontrol requeue", "scontrol update", "scontrol requeue", "replace resubmit"],
        ),
        ("died", "RUNNING None", "", ["replace died"]),
        ("died", "COMPLETING TimeLimit", "", []),
        ("died", "CANCELLED None", "", []),
    ],
)
def test_how_a_task_goes_on(
    files: SlurmFiles, tmp_path: Path, want: str, state: str, fails: str, calls: list[str]
) -> None:
    """A task goes on as its worker asked, or in the other way if that fails, and never once it was cancelled."""
    assert _after_worker(files, tmp_path, want, state, fails=fails) == (calls, 3)
    assert not files.next_path("7_3", 0).exists()
    assert [(event["event"], event["code"]) for event in files.events("7_3")][:1] == [("exit", 3)]


@pytest.mark.parametrize(("want", "written"), [("", True), ("resubmit", True), ("requeue", False)])
def test_the_report_is_written_after_what_comes_next(
    files: SlurmFiles, tmp_path: Path, want: str, written: bool
) -> None:
    """The host writes a wished report after the worker and its wish for a successor; a failure harms nothing."""
    report = f"sh -c 'cat {tmp_path}/calls >{tmp_path}/page; echo no jinja2 >&2; exit 2'"
    (tmp_path / "calls").touch()
    calls, code = _after_worker(files, tmp_path, want, "RUNNING None", report=report)
    assert code == 3
    page = tmp_path / "page"
    assert page.exists() == written
    assert not written or page.read_text().splitlines() == calls


def test_a_task_that_cannot_go_on_says_so(files: SlurmFiles, tmp_path: Path) -> None:
    """Where neither requeue nor sbatch works on nodes, the events say that somebody must resume."""
    _after_worker(files, tmp_path, "resubmit", "RUNNING None", fails="requeue|update|resubmit")
    assert [event["event"] for event in files.events("7_3")] == ["exit", "left"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_what_another_user_put_there_is_not_unpickled(files: SlurmFiles, tmp_path: Path) -> None:
    """If the folder of a submission is another user's, or a link to one, the host ends before any Python starts."""
    script = "\n".join([*setup_lines(TERMS, files.path, files.workers), "echo began"])
    environment = {"PATH": os.environ["PATH"], "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "began" in done.stdout, done.stderr
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    for replace in (lambda: os.chown(files.workers, 65534, 65534), lambda: theirs.rename(files.workers)):
        shutil.rmtree(files.workers)
        files.workers.mkdir()
        replace()
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "began" not in done.stdout
        assert "is not yours" in done.stderr
    files.workers.rmdir()
    files.workers.symlink_to(tmp_path)
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "began" in done.stdout) == (1, False)


def test_python_is_in_the_container_and_slurm_outside(tmp_path: Path) -> None:
    """Rosie's profile runs Python in Singularity, in its newest image, which sees store, study and data; scontrol and
    sbatch stay in the host's shell.
    """
    for name in ("20.07-tf2", "25.02-tf2"):
        (tmp_path / f"msoe-tensorflow-{name}-py3.sif").touch()
    profile = load_profile(REPOSITORY, "rosie")
    assert profile.container is not None
    assert profile.container.image == "/data/containers/msoe-tensorflow-*.sif"
    here = profile.container.model_copy(update={"image": f"{tmp_path}/msoe-tensorflow-*.sif"})
    profile = profile.model_copy(update={"container": here})
    binds = [Path("/study"), Path("/study/results"), Path("/scratch/it's data")]
    terms = make_terms(profile, make_request(profile), at_once=4, bundle=Path("/study/b"), binds=binds)
    image = f"{tmp_path}/msoe-tensorflow-25.02-tf2-py3.sif"
    assert f"HPCSWEEP_IMAGE={image}" in "\n".join(profile_lines(terms))
    script = script_text(terms, Path("/data/s"), Path("/data/s/workers"), "rosie.1", 4, 4)
    command = next(line for line in script.splitlines() if line.startswith("srun "))
    assert command.partition("singularity ")[2].startswith(
        f"""exec --nv -B /data:/data -B '/scratch/it'"'"'s data:/scratch/it'"'"'s data' -B /study:/study {image} """
    )
    assert "#SBATCH --gres=gpu:t4:1" in script
    assert "#SBATCH --array=0-3%4" in script
    assert script.index("singularity") > script.index("trap hpcsweep_end EXIT")


@pytest.mark.parametrize("name", ["slurm", "rosie"])
def test_profiles_of_the_repository_are_valid(name: str) -> None:
    """The profiles that are shipped load, and stand for a request."""
    profile = load_profile(REPOSITORY, name)
    assert profile.scheduler == "slurm"
    assert make_request(profile).minutes >= 60


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("40:00", 2400), ("1-00:00:00", 86400), ("INVALID", 60), ("", 60), ("UNLIMITED", float("inf"))],
)
def test_the_end_is_slurms_word_or_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, told: str, seconds: float
) -> None:
    """A worker's time is what SLURM says is left; where it says nothing, what was asked for."""
    monkeypatch.setenv("HPCSWEEP_TIME_LEFT", told)
    monkeypatch.setenv("HPCSWEEP_BEGAN", str(int(time.time())))
    if told == "":
        monkeypatch.delenv("HPCSWEEP_TIME_LEFT")
    assert remaining_s(TERMS) == pytest.approx(seconds, abs=3)


@pytest.mark.parametrize(
    ("endings", "fruitless", "way", "written"),
    [
        ({Ending.PAUSED: 1, Tally.PROGRESSED: 1, Tally.LATER: 1}, 2, "requeue", "requeue"),
        ({Ending.PAUSED: 1, Tally.LATER: 1}, 0, "requeue", "requeue"),
        ({Ending.PAUSED: 1, Tally.LATER: 1}, 2, "requeue", ""),
        ({Tally.LATER: 1}, 0, "resubmit", "resubmit"),
        ({Tally.LATER: 1}, 0, "manual", ""),
        ({Tally.LATER: 1}, 0, "chain", ""),
        ({Tally.TOO_SHORT: 1}, 0, "requeue", ""),
        ({Ending.DONE: 3, Tally.PROGRESSED: 3}, 0, "requeue", ""),
    ],
)
def test_a_worker_goes_on_only_while_it_gets_somewhere(
    files: SlurmFiles, endings: dict[str, int], fruitless: int, way: str, written: str
) -> None:
    """Three attempts in a row without progress end a worker for good; so does work that no allocation can hold."""
    allocation = Allocation(files, SlurmTerms(Request(60.0), continue_by=way), "7_3", fruitless)
    allocation.end(Counter(endings))
    assert files.next_path("7_3", 0).read_text() == written
    stop = files.events("7_3")[-1]
    assert ("gave_up" in stop) == (not written and fruitless == 2)


def test_a_cancelled_submission_does_not_go_on(files: SlurmFiles) -> None:
    """Once a sweep is cancelled, none of its workers continues itself."""
    files.cancelled.touch()
    Allocation(files, TERMS, "7_3").end(Counter({Tally.LATER: 1}))
    assert files.next_path("7_3", 0).read_text() == ""


@pytest.mark.parametrize(
    ("gpus", "cpus", "visible", "processes"),
    [
        (0, 1, "", [(1, None)]),
        (0, 3, "", [(1, None)] * 3),
        (1, 8, "0", [(4, "0")] * 2),
        (2, 4, "2,3", [(1, "2"), (1, "3"), (1, "2"), (1, "3")]),
        (1, 1, "0", [(1, "0")] * 2),
    ],
)
def test_processes_and_threads_come_from_the_allocation(
    gpus: int, cpus: int, visible: str, processes: list[tuple[int, str | None]]
) -> None:
    """Two workers per GPU share its cores; on CPUs a worker per core has one thread. Never all of the node."""
    terms = SlurmTerms(Request(60.0, gpus=gpus, cpus=cpus), workers_per_gpu=2)
    given = {"SLURM_CPUS_PER_TASK": str(cpus), "CUDA_VISIBLE_DEVICES": visible}
    assert [(one.threads, one.gpu) for one in plan_processes(terms, given)] == processes


def test_terms_survive_being_written_down(files: SlurmFiles) -> None:
    """A successor asks for exactly what its predecessor asked for."""
    terms = SlurmTerms(Request(90.0, partition="dgx", gpus=1), setup=("a", "b"), environment={"X": "y"}, at_once=3)
    assert SlurmTerms.from_json(json.loads(json.dumps(terms.to_json()))) == terms


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}, "7_3"),
        ({"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "0"}, "7_0"),
        ({"SLURM_JOB_ID": "7"}, "7"),
    ],
)
def test_the_script_and_the_worker_call_a_task_by_one_name(
    variables: dict[str, str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch script's name for its task is the worker's, and an element's leads back to its array."""
    naming = next(line for line in setup_lines(TERMS, tmp_path, tmp_path) if line.startswith("hpcsweep_task="))
    said = subprocess.run(
        ["bash", "-c", f'{naming.splitlines()[0]}; echo "$hpcsweep_task"'],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    for variable in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(variable, raising=False)
    assert this_task() is None
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert (said.stdout.strip(), this_task()) == (name, name)
    assert array_of(name) == variables.get("SLURM_ARRAY_JOB_ID", variables["SLURM_JOB_ID"])
