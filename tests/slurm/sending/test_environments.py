"""From inside a job, and with whatever the user's SLURM commands listen to, workers are sent and seen as they are."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.slurm.study import SlurmStudy

BODY = (
    "repeats = {runs}\n[fixed]\npace = {pace}\nepochs = {epochs}\nsize = {size}\n"
    "[resources]\ntime = 1\nworkers = {runs}\n"
)
MAIN = [sys.executable, "-c", "from hpcsweep.cli import main; main()"]
IN_THE_WAY = {
    "SBATCH_EXPORT": "NONE",
    "SLURM_EXPORT_ENV": "NONE",
    "SBATCH_ARRAY_INX": "0-5",
    "SBATCH_PARTITION": "no-such",
    "SBATCH_MEM_PER_GPU": "10",
    "SBATCH_GPUS_PER_TASK": "1",
    "SBATCH_TIMELIMIT": "0",
    "SBATCH_WAIT": "1",
    "SBATCH_NO_REQUEUE": "1",
    "SLURM_MEM_PER_CPU": "10",
    "SLURM_MEM_PER_GPU": "10",
    "SLURM_MEM_PER_NODE": "10",
    "SLURM_NTASKS_PER_GPU": "2",
    "SLURM_CPUS_PER_TASK": "3",
    "SLURM_JOB_ID": "999999",
    "SQUEUE_PARTITION": "short",
    "SQUEUE_STATES": "FAILED",
    "SQUEUE_FORMAT": "%i",
    "SACCT_FORMAT": "jobid",
    "SINFO_FORMAT": "%n",
}
ALL_AT_ONCE = {
    "SLURM_CPU_BIND": "map_cpu:7",
    "SLURM_HINT": "nomultithread",
    "SLURM_CLUSTERS": "no-such",
    "SBATCH_CLUSTERS": "no-such",
    "SQUEUE_CLUSTERS": "no-such",
    "SBATCH_SIGNAL": "KILL@50",
    "SBATCH_IGNORE_PBS": "1",
    "SBATCH_EXCLUSIVE": "user",
    "SBATCH_DEBUG": "2",
    "SBATCH_GRES": "gpu:9",
    "SLURM_DEBUG": "4",
    "SLURM_DEBUG_FLAGS": "All",
    "SLURM_TIME_FORMAT": "relative",
    "SLURM_DISTRIBUTION": "arbitrary",
    "SLURM_HOSTFILE": "/nonexistent",
    "SLURM_DEPENDENCY": "afterok:1",
    "_SLURM_SPANK_OPTION_no_such": "1",
    "SQUEUE_FORMAT2": "jobid",
    "SQUEUE_SORT": "nonsense",
    "SQUEUE_USERS": "nobody",
    "SQUEUE_NAMES": "none",
    "SQUEUE_REVERSE": "1",
    "SINFO_PARTITION": "no-such",
    "SACCT_FEDERATION": "1",
    "SCONTROL_ALL": "1",
    "SCONTROL_FEDERATION": "1",
    "SCANCEL_STATE": "PENDING",
    "SCANCEL_INTERACTIVE": "1",
}
READ_BY_STATUS = ("SQUEUE_", "SACCT_", "SLURM_JOB_ID")


def test_no_variable_of_the_user_changes_anything(study: SlurmStudy) -> None:
    """Each alone: one worker where one was asked for, seen in the queue or at work, without a death; it trains all."""
    sweeps = []
    for number, (name, value) in enumerate(IN_THE_WAY.items()):
        sweeps.append(study.sweep(f"env{number}", BODY.format(runs=1, pace=0.01, epochs=3, size=200 + number)))
        said = study.run("submit", sweeps[-1], code=0, **{name: value})
        assert ": 1 worker for 1 trajectory" in said, name
        assert ("not used for the workers" in said) == name.startswith("SBATCH_"), name
        if name.startswith(READ_BY_STATUS):
            lines = study.run("status", "--json", sweeps[-1], code=None, **{name: value}).splitlines()
            assert json.loads(lines[-1])["workers"]["deaths"] == [], name
    study.cluster.wait_until(lambda: {state for one in sweeps for state in study.states(one)} == {"done"})
    named = [line for line in study.cluster.ask("squeue", "-h", "-r", "-t", "all", "-o", "%j").split() if "env" in line]
    assert len(named) == len(IN_THE_WAY)


def test_many_variables_together_change_nothing(study: SlurmStudy) -> None:
    """The worker of a submission with all of them is sent, seen, trains and is cancelled as without them."""
    body = BODY.format(runs=1, pace=0.2, epochs=3000, size=300).replace("time = 1", "time = 10")
    sweep = study.sweep("manyset", body)
    assert ": 1 worker for 1 trajectory" in study.run("submit", sweep, code=0, **ALL_AT_ONCE)
    study.cluster.wait_until(lambda: study.states(sweep) == ["running"])
    said = study.run("status", "--json", sweep, code=None, **ALL_AT_ONCE).splitlines()[-1]
    assert json.loads(said)["workers"]["deaths"] == []
    assert len(json.loads(said)["workers"]["running"]) == 1
    study.run("cancel", sweep, code=0, **ALL_AT_ONCE)
    study.cluster.wait_until(lambda: "manyset" not in study.cluster.ask("squeue", "-h", "-o", "%j"))


def test_a_job_around_a_submission_changes_nothing(study: SlurmStudy) -> None:
    """From inside jobs that have asked for other resources than the workers."""
    jobs = (
        ["--mem-per-cpu=300", "--gpus-per-task=1"],
        ["--gpus=1", "--mem-per-gpu=300"],
        ["--gpus=1", "--ntasks-per-gpu=1"],
        ["--cpus-per-task=2", "--mem=300"],
    )
    sweeps = []
    for number, outer in enumerate(jobs):
        sweeps.append(study.sweep(f"inner{number}", BODY.format(runs=1, pace=0.01, epochs=3, size=300 + number)))
        words = ["srun", "-p", "dgx", "-n1", *outer, f"--chdir={study.root}", *MAIN, "submit", str(sweeps[-1])]
        done = subprocess.run(words, env=study.environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    study.cluster.wait_until(lambda: {state for one in sweeps for state in study.states(one)} == {"done"})


def test_all_of_them_at_once_change_nothing(study: SlurmStudy) -> None:
    """Workers are sent as the profile says, seen as what they are, and do their work; what sbatch would have taken over
    is named.
    """
    sweep = study.sweep("shell", BODY.format(runs=2, pace=0.1, epochs=60, size=81))
    said = study.run("submit", sweep, code=0, **IN_THE_WAY)
    assert "not used for the workers: SBATCH_ARRAY_INX, SBATCH_EXPORT, " in said
    lines = study.run("status", "--json", sweep, code=None, **IN_THE_WAY).splitlines()
    told = json.loads(lines[-1])["workers"]
    assert (told["pending"] + len(told["running"]), told["deaths"]) == (2, [])
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
