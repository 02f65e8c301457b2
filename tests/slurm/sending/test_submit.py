"""Submitting: what reaches SLURM, what is refused before, and what a crash in between leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpcsweep.store import Store
from tests.slurm.study import PROFILE, SlurmStudy

QUICK = "repeats = 6\n[fixed]\npace = 0.01\nepochs = {epochs}\nsize = {size}\n[resources]\ntime = 1\nworkers = 2\n"
SLOW = "repeats = 2\n[fixed]\npace = 1\nepochs = 1000\nsize = {size}\n[resources]\ntime = 1\nworkers = 1\n"


def test_submit_returns_at_once_and_repeating_it_adds_nothing(study: SlurmStudy) -> None:
    """While workers are in the queue a second submit queues none; when all is done neither does a third."""
    sweep = study.sweep("twice", QUICK.format(epochs=5, size=51).replace("0.01", "0.4"))
    array = study.submit(sweep)
    assert "have workers already" in study.run("submit", sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 6)
    said = study.run("submit", sweep)
    assert "nothing to submit" in said
    assert len(list((study.store / "sweeps" / "twice").glob("*/array-*.json"))) == 1
    assert (study.store / "sweeps" / "twice").glob(f"*/array-{array}.json")


def test_a_larger_sweep_queues_only_what_is_new(study: SlurmStudy) -> None:
    """Points that were added to the file get workers, those that are done do not."""
    sweep = study.sweep("grows", QUICK.format(epochs=5, size=52))
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 6)
    study.cluster.wait_until(lambda: not study.cluster.living(array))
    study.sweep("grows", QUICK.format(epochs=5, size=52).replace("repeats = 6", "repeats = 7"))
    assert "for 1 trajectory" in study.run("submit", sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 7)


def test_removed_points_are_shown_and_asked_about(study: SlurmStudy) -> None:
    """Runs that left the file are named; without a terminal to ask at, only --yes goes on. Nothing is cancelled."""
    sweep = study.sweep("shrinks", SLOW.format(size=53))
    array = study.submit(sweep)
    study.sweep("shrinks", SLOW.format(size=53).replace("repeats = 2", "seeds = [1, 2]"))
    said = study.run("submit", sweep, code=2)
    assert "1 runs were in the sweep last time" in said
    assert "--yes" in said
    assert study.cluster.living(array)
    assert "1 workers, in the queue or at work, take these 2 unfinished trajectories" in study.run(
        "submit", "--yes", sweep
    )
    study.run("cancel", sweep)
    study.cluster.wait_until(lambda: not study.cluster.living(array))
    assert "resume" in study.run("cancel", sweep) or "no workers" in study.run("cancel", sweep)


def test_dry_run_needs_no_slurm_and_queues_nothing(study: SlurmStudy) -> None:
    """The batch script is printed as it would be sent, even where SLURM is not."""
    sweep = study.sweep("dry", QUICK.format(epochs=5, size=54))
    script = study.run("submit", "--dry-run", sweep, PATH=f"{Path(sys.executable).parent}:/nowhere")
    assert "#SBATCH --array=0-1%2" in script
    assert "#SBATCH --requeue" in script
    assert "not on this machine" in script
    assert not (study.store / "sweeps" / "dry").exists()
    body = script[script.index("#!/bin/bash") :]
    assert subprocess.run(["bash", "-n"], input=body, text=True, check=False).returncode == 0


def test_plan_prints_the_script_that_submit_would_send(study: SlurmStudy) -> None:
    """`plan --script` and `submit --dry-run` print the same, with SLURM and without; a local profile has no script."""
    sweep = study.sweep("shown", QUICK.format(epochs=5, size=61), profile="local")
    nowhere = f"{Path(sys.executable).parent}:/nowhere"
    script = ("plan", "--script", "--profile", "cluster", sweep)
    with_slurm, without = study.run(*script), study.run(*script, PATH=nowhere)
    dry_run = study.run("submit", "--dry-run", "--profile", "cluster", sweep)
    assert dry_run == with_slurm
    assert without[without.index("#!/bin/bash") :] == dry_run[dry_run.index("#!/bin/bash") :]
    assert "#SBATCH --partition=dgx" in dry_run
    assert "expected one of a cluster" in study.run("plan", "--script", sweep, code=2)
    assert not (study.store / "sweeps" / "shown").exists()


def test_no_text_of_a_profile_becomes_another_directive(study: SlurmStudy) -> None:
    """Quotes, dollars and backticks arrive at SLURM as themselves."""
    study.profile("odd", PROFILE + 'constraint = "a\'b$(touch /tmp/owned)`id`"\n[environment]\nODD = "$(id) \'x\'"\n')
    sweep = study.sweep("odd-constraint", QUICK.format(epochs=5, size=55), profile="odd")
    script = study.run("submit", "--dry-run", sweep)
    directives = [line for line in script.splitlines() if line.startswith("#SBATCH --constraint")]
    assert directives == ["#SBATCH --constraint='a'\"'\"'b$(touch /tmp/owned)`id`'"]
    assert "export ODD='$(id) '\"'\"'x'\"'\"''" in script


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--partition", "short", "--time", "10"], "--time 00:01:00"),
        (["--partition", "dgz"], 'did you mean "dgx"?'),
        (["--gpus", "9"], "4 GPU"),
        (["--cpus", "99"], "4 CPUs"),
        (["--mem", "9000G"], "10000 MB"),
        (["--account", "nobody"], "one of yours"),
        (["--qos", "interactive", "--partition", "plain"], 'partition "plain" takes: any but interactive'),
        (["--qos", "interactive", "--time", "2-00:00:00"], "--time 1-00:00:00"),
        (["--qos", "interactive", "--workers", "100"], "--workers 12"),
        (["--workers", "some"], "workers"),
        (
            ["--workers-per-gpu", "0"],
            '--workers-per-gpu: found 0 (an int), expected a whole number, at least 1, or "auto"',
        ),
        (["--time", "soon"], "HH:MM:SS"),
        (["--mem", "much"], "gigabytes"),
        (["--profile", "local"], "hpcsweep run"),
    ],
)
def test_what_cannot_start_is_refused_before_queueing(study: SlurmStudy, options: list[str], words: str) -> None:
    """One line says what is wrong and what to type; nothing is written and nothing queued."""
    sweep = study.sweep("refused", QUICK.format(epochs=5, size=56).replace("repeats = 6", "repeats = 200"))
    said = study.run("submit", *options, sweep, code=2).splitlines()
    assert words in said[-1]
    assert not (study.store / "sweeps" / "refused").exists()


def test_the_scheduler_is_asked_without_queueing(study: SlurmStudy) -> None:
    """--test and --when print expected starts and leave the queue as it is."""
    sweep = study.sweep("asked", QUICK.format(epochs=5, size=57))
    assert "to start at" in study.run("submit", "--test", sweep)
    offers = study.run("submit", "--when", "--partition", "dgx", sweep)
    assert "1-00:00:00  dgx" in offers
    assert "starts " in offers
    assert not (study.store / "sweeps" / "asked").exists()


def test_a_submission_that_is_cut_off_is_found(study: SlurmStudy, tmp_path: Path) -> None:
    """Killed between sbatch and writing its answer down, a submission is found by the next one, which adopts its
    array and sends no other; its workers, which waited for their orders, train."""
    sweep = study.sweep("crash", SLOW.format(size=58))
    slow = tmp_path / "sbatch"
    real = subprocess.run(["which", "sbatch"], capture_output=True, text=True, check=True).stdout.strip()
    slow.write_text(f'#!/bin/sh\n{real} "$@"\nsleep 60\n')
    slow.chmod(0o755)
    submitter = subprocess.Popen(
        [sys.executable, "-c", "from hpcsweep.cli import main; main()", "submit", str(sweep)],
        cwd=study.root, env=study.environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, start_new_session=True,
    )  # fmt: skip
    study.cluster.wait_until(lambda: study.cluster.ask("squeue", "-h", "-o", "%j").count("crash."))
    os.killpg(submitter.pid, signal.SIGKILL)
    submitter.wait()
    (sent,) = (study.store / "sweeps" / "crash").glob("*/sent-*.json")
    sent.write_text(json.dumps(json.loads(sent.read_text()) | {"time": time.time() - 120}))
    assert "cut off" in study.run("status", sweep)
    said = study.run("submit", sweep)
    assert "was cut off" in said
    assert "is adopted" in said
    assert "have workers already: 1 in the queue or at work" in said
    assert len(list((study.store / "sweeps" / "crash").glob("*/array-*.json"))) == 1
    assert not list((study.store / "sweeps" / "crash").glob("*/sent-*.json"))
    study.cluster.wait_until(lambda: "running" in study.states(sweep))
    study.run("cancel", sweep)


def test_slurm_being_away_is_said(study: SlurmStudy) -> None:
    """Without SLURM's commands, submit names what is missing and what to do instead."""
    sweep = study.sweep("away", QUICK.format(epochs=5, size=59))
    said = study.run("submit", sweep, code=2, PATH=str(Path(sys.executable).parent))
    assert "hpcsweep run" in said.splitlines()[-1]


def test_one_run_can_be_cancelled(study: SlurmStudy) -> None:
    """A run that is cancelled stops at a heartbeat with its checkpoint; its worker goes on with the others."""
    sweep = study.sweep("single", SLOW.format(size=60).replace("time = 1", "time = 5"))
    assert f"see: hpcsweep status {sweep}\n" in study.run("submit", sweep, "--store", study.store)
    study.cluster.wait_until(lambda: "running" in study.states(sweep))
    first = next(run for run in study.status(sweep)["runs"] if run["state"] == "running")
    study.run("cancel", first["id"])
    study.cluster.wait_until(lambda: study.states(sweep).count("running") == 1 and "resumable" in study.states(sweep))
    study.run("cancel", sweep)


def test_gpus_are_shared_out_between_processes(study: SlurmStudy) -> None:
    """Two GPUs with two workers each make four processes, each of which sees one GPU and its share of cores; "each"
    makes a task of its own for every trajectory, with the GPU and all the cores that SLURM gave it."""
    met = study.root / "met"  # nobody takes a second run before all four have begun one
    (study.root / "jobs" / "seen.py").write_text(
        "import os, pathlib, time\n\n\ndef train(run, *, size: int, way: str):\n"
        f"    met, tries = pathlib.Path({str(met)!r}), 200 * (way == 'shared')\n"
        "    met.mkdir(exist_ok=True)\n"
        "    (met / f'{way}{size}').touch()\n"
        "    while tries and len(list(met.glob(f'{way}*'))) < 4:\n"
        "        tries -= 1\n"
        "        time.sleep(0.2)\n"
        "    run.record(gpu=os.environ['CUDA_VISIBLE_DEVICES'], threads=os.environ['OMP_NUM_THREADS'])\n"
        "    run.log(epoch=1, loss=0.0)\n"
    )
    grid = '[grid]\nsize = [1, 2, 3, 4]\n[fixed]\nway = "{way}"\n[resources]\ntime = 1\nworkers = {workers}\n'
    shared = grid.format(way="shared", workers=1) + "gpus = 2\ncpus = 4\nworkers_per_gpu = 2\nmem_gb = 0.8\n"
    each = grid.format(way="each", workers='"each"') + "gpus = 1\ncpus = 2\n"
    sweeps = [study.sweep("gpus", shared, "seen"), study.sweep("each", each, "seen")]
    jobs = [study.submit(sweep) for sweep in sweeps]
    assert study.cluster.ask("squeue", "-h", "-r", "-t", "all", "-j", jobs[1], "-o", "%i").count(f"{jobs[1]}_") == 4
    study.cluster.wait_until(lambda: all(study.states(sweep) == ["done"] * 4 for sweep in sweeps))
    seen = [result for result in Store(study.store).results() if result.job == "jobs/seen.py:train"]
    facts = {way: [one.facts for one in seen if one.params["way"] == way] for way in ("shared", "each")}
    assert sorted(fact["gpu"] for fact in facts["shared"]) == ["0", "0", "1", "1"]
    assert {fact["threads"] for fact in facts["shared"]} == {"1"}
    assert {fact["threads"] for fact in facts["each"]} == {"2"}
    assert all(fact["gpu"].isdecimal() for fact in facts["each"])


APPTAINER = """#!/bin/sh
# what `apptainer exec OPTIONS IMAGE COMMAND...` does, in a world without SLURM's commands
printf '%s\\n' "$@" >>@LOG@
while [ "$1" != "@IMAGE@" ]; do shift; done
shift
PATH=/nowhere exec "$@"
"""


def test_python_runs_in_the_container_and_slurms_commands_outside(study: SlurmStudy, tmp_path: Path) -> None:
    """The container is given its options word for word and Python after them; the host requeues when time is up."""
    image, log, tools = "/images/tf $HOME 2.sif", tmp_path / "log", tmp_path / "tools"
    tools.mkdir()
    (tools / "apptainer").write_text(APPTAINER.replace("@LOG@", str(log)).replace("@IMAGE@", image.replace("$", "\\$")))
    (tools / "apptainer").chmod(0o755)
    options = ["-B", "/data:/data", "--nv", "--env=A='b $c'"]
    study.profile(
        "contained",
        PROFILE + f'python = "{sys.executable}"\n'
        f"setup = ['export PATH={tools}:$PATH', 'export HPCSWEEP_TIME_LEFT=0:21']\n"
        f'[container]\ncommand = "apptainer"\nimage = "{image}"\noptions = {json.dumps(options)}\n',
    )
    body = QUICK.replace("repeats = 6", "repeats = 1").replace("time = 1", "time = 2").replace("0.01", "0.2")
    sweep = study.sweep("contained", body.format(epochs=50, size=62), profile="contained")
    study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"])
    words = log.read_text().splitlines()
    outside = ["exec", *options, "-B", f"{study.root}:{study.root}", image]
    assert words[: len(outside)] == outside
    inside = words[len(outside) :]
    assert inside[0] == "/usr/bin/env"
    assert inside[1].startswith("PYTHONPATH=")  # the worker bundle
    worker = inside.index("submitit.core._submit")
    assert inside[worker - 3 : worker] == [sys.executable, "-u", "-m"]
    assert words.count("exec") >= 2  # it went on after its time was up: requeued by the host


RATED = """
from lib.rates import RATE


def train(run, *, size: int):
    return {"loss": RATE * size}
"""


def test_code_that_is_edited_while_workers_are_queued_is_not_what_they_run(study: SlurmStudy) -> None:
    """Workers that start after an edit run the code of their submission, and the results say so by its digest."""
    (study.root / "jobs" / "rated.py").write_text(RATED)
    (study.root / "lib").mkdir()
    (study.root / "lib" / "rates.py").write_text("RATE = 1.0\n")
    sweep = study.sweep("edited", "repeats = 2\n[fixed]\nsize = 71\n[resources]\ntime = 1\nworkers = 2\n", job="rated")
    fills = ("-p", "dgx", "-c4", "-t2", "-o", "/dev/null", "--wrap", "sleep 100")  # all that a node has
    others = [study.cluster.ask("sbatch", "--parsable", "-w", node, *fills).strip() for node in study.cluster.nodes]
    try:
        study.cluster.wait_until(
            lambda: study.cluster.ask("squeue", "-h", "-o", "%T", "-j", ",".join(others)).split() == ["RUNNING"] * 2
        )
        study.submit(sweep)
        (study.root / "lib" / "rates.py").write_text("RATE = 2.0\n")
        (study.root / "jobs" / "rated.py").write_text(RATED.replace("* size", "* size * 100"))
    finally:
        study.cluster.ask("scancel", *others)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    results = [result for result in Store(study.store).results() if result.job == "jobs/rated.py:train"]
    assert [result.metrics["loss"] for result in results] == [71.0, 71.0]
    assert study.status(sweep)["counts"]["done by other code"] == 2
    assert "lib/rates.py: RATE changed" in study.run("submit", sweep, code=2)


def test_the_first_submit_works_with_what_init_gives(study: SlurmStudy, tmp_path: Path) -> None:
    """From an empty folder to a table: `init`, `submit` with the profile that the refusal names, `table`."""
    first = SlurmStudy(tmp_path / "first", study.cluster)
    first.root.mkdir()
    said = first.run("init", ".")
    assert "wrote jobs/profiles/rosie.toml" in said
    sweep = Path("sweeps/function_example.toml")
    refused = first.run("submit", sweep, code=2)
    assert f"hpcsweep profile new, or train here: hpcsweep run {sweep}" in refused
    (first.root / "jobs" / "profiles" / "slurm.toml").unlink()
    first.run("submit", "--profile", "slurm", "--workers", "2", sweep)
    study.cluster.wait_until(lambda: "48 done" in first.run("status", sweep, code=None), 150, pause_s=2)
    assert "± " in first.run("table", sweep)
