"""Every way to die, produced for real, with what `status` says of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hpcsweep.slurm.watching.deaths import find_deaths
from hpcsweep.slurm.watching.history import histories
from hpcsweep.slurm.watching.queue import Queue
from hpcsweep.store import Store
from hpcsweep.store.task_files import slurm_submissions
from tests.slurm.study import PROFILE, SlurmStudy

RECONFIGURATION_FAILED = 1 << 17  # JOB_RECONFIG_FAIL of slurm.h
ON_DGX2 = PROFILE + 'exclude = "dgx1"\n'
BODY = '[fixed]\nhow = "{how}"\nsize = {size}\n[resources]\ntime = 1\nworkers = 1\n'
# name: what the job does, the profile's own lines, the cause that status must name
DEATHS = {
    "raised": ("raised", "", "raised"),
    "killed": ("killed", "", "killed"),
    "large": ("large", "mem_gb = 1\nheartbeat_s = 60\nlease_s = 180\n", "killed"),
    "memory": ("memory", "", "out of memory"),
    "gpu": ("gpu", "", "GPU memory"),
    "python": ("sleeps", 'python = "/nonexistent/python"', "no python"),
    "container": ("sleeps", '[container]\ncommand = "no-such-program"\nimage = "none.sif"', "no python"),
    "setup": ("sleeps", 'setup = ["echo hello", "false # no"]', "setup failed"),
    "store": ("sleeps", 'setup = ["tee @STORE@/sweeps/store/*/terms.json </dev/null"]', "store unreachable"),
    "module": ("sleeps", 'modules = ["no-such-module"]', "setup failed"),
}


COMMANDS = {
    "raised": "type: hpcsweep logs ",
    "killed": "; then: hpcsweep resume --failed ",
    "GPU memory": "type: hpcsweep resume --failed --workers-per-gpu 1 ",
    "no python": "type: hpcsweep doctor --probe --profile ",
    "setup failed": "correct `setup` or `modules` in the profile; then: hpcsweep resume ",
    "store unreachable": "type: hpcsweep doctor --probe --profile store",
    "out of memory": "type: hpcsweep resume --failed --mem 0.6G ",
}
SAID = {
    "killed": "; how much memory it used is not known",
    "large": " of 1 GB, so it may need more: hpcsweep resume --failed --mem 2G ",
    "python": "jobs/profiles/python.toml: python: ",
    "container": "jobs/profiles/container.toml: container: ",
    "setup": "jobs/profiles/setup.toml: setup #2, 'false # no', failed before the worker began: exit code 1",
    "module": "jobs/profiles/module.toml: modules #1, 'no-such-module', failed before the worker began: ",
}


@pytest.fixture(scope="module")
def dying(study: SlurmStudy, cut_sweeps: dict[str, Path]) -> dict[str, Path]:
    """All sweeps of DEATHS, submitted together, beside those that only need time."""
    found = {}
    for size, (name, (how, profile, _)) in enumerate(DEATHS.items()):
        usual = [line for line in ON_DGX2.splitlines() if line.partition(" ")[0] not in profile.split()]
        study.profile(name, "\n".join([*usual, profile.replace("@STORE@", str(study.store))]))
        found[name] = study.sweep(name, BODY.format(how=how, size=size), "dies", name)
        study.submit(found[name], "--continue", "manual")  # nobody takes their place
    return found


@pytest.fixture(scope="module")
def deaf(study: SlurmStudy, dying: dict[str, Path]) -> Path:
    """A sweep whose job never looks at should_stop, with its end moved to now."""
    study.profile("deaf", ON_DGX2)
    sweep = study.sweep("deaf", BODY.format(how="deaf", size=30), "dies", "deaf")
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: any(event["event"] == "start" for event in study.events("deaf")))
    study.cluster.ask("scontrol", "update", f"jobid={array}", "EndTime=now+5seconds")
    return sweep


def has_begun(study: SlurmStudy, name: str) -> bool:
    """Whether a worker of the sweep of this name has started."""
    return any(event["event"] == "start" for event in study.events(name))


def _said(study: SlurmStudy, sweep: Path) -> str:
    answer = study.status(sweep)
    causes = [death["cause"] for death in answer.get("workers", {}).get("deaths", [])]
    return " ".join([*causes, *(str(run["cause"]) for run in answer["runs"])])


def _wait_for(study: SlurmStudy, sweep: Path, cause: str, seconds: float = 60) -> None:
    said: Callable[[], bool] = lambda: cause in _said(study, sweep)  # noqa: E731
    study.cluster.wait_until(said, seconds, pause_s=2)


@pytest.mark.parametrize("name", DEATHS)
def test_status_names_the_cause_and_the_command_that_helps(
    study: SlurmStudy, dying: dict[str, Path], deaf: Path, name: str
) -> None:
    """Each death is told apart, and the text ends with something to type."""
    _wait_for(study, dying[name], DEATHS[name][2])
    text = study.run("status", dying[name], code=None)
    assert COMMANDS[DEATHS[name][2]] in text, text
    assert SAID.get(name, "") in text, text


def test_a_cancelled_worker_checkpoints_and_is_not_brought_back(study: SlurmStudy) -> None:
    """scancel ends a worker for good: it is told as cancelled, and nothing puts it back into the queue."""
    study.profile("cancelled", ON_DGX2)
    sweep = study.sweep("cancelled", BODY.format(how="sleeps", size=20), "dies", "cancelled")
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: any(event["event"] == "start" for event in study.events("cancelled")))
    study.cluster.ask("scancel", array)
    study.cluster.wait_until(lambda: not study.cluster.living(array))
    assert "cancelled" in _said(study, sweep)
    assert not study.cluster.living(array)
    # minutes later, when SLURM has forgotten it, and where there is no accounting
    files = slurm_submissions(Store(study.store).layout, "cancelled")[-1]
    study.cluster.wait_until(lambda: "ended" in {event["event"] for event in files.events(array)})
    assert [death.cause for death in find_deaths(histories(files), Queue({}))] == ["cancelled"]


def test_a_preempted_worker_goes_back_to_the_queue(study: SlurmStudy) -> None:
    """Preemption is a pause: the worker stops, is requeued, and goes on when there is room again."""
    study.profile("scavenge", ON_DGX2.replace('"dgx"', '"scavenge"') + "cpus = 4\n")
    body = "[fixed]\npace = 0.2\nepochs = 60\nsize = 9\n[resources]\ntime = 5\nworkers = 1\nmem_gb = 0.8\n"
    sweep = study.sweep("preempted", body, profile="scavenge")
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: any(event["event"] == "start" for event in study.events("preempted")))
    node = study.cluster.ask("squeue", "-h", "-j", array, "-o", "%N")
    study.cluster.ask("sbatch", "-p", "urgent", "-w", node, "-c4", "-t1", "-o", "/dev/null", "--wrap", "sleep 2")
    study.cluster.wait_until(lambda: any(event["event"] == "stop" for event in study.events("preempted")))
    assert next(e["why"] for e in study.events("preempted") if e["event"] == "stop") == "preempted"
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"], 60)
    assert max(event["restart"] for event in study.events("preempted") if event["event"] == "start") == 1


def test_a_worker_that_is_deaf_to_the_signal_is_told_as_timed_out(study: SlurmStudy, deaf: Path) -> None:
    """A job that never looks at should_stop is cut off by SLURM; status says so."""
    _wait_for(study, deaf, "timeout")


def test_a_deadline_is_told_apart(study: SlurmStudy) -> None:
    """A worker that cannot end before its deadline is told as that, and not as cancelled or failed."""
    study.profile("deadline", ON_DGX2)
    sweep = study.sweep(
        "deadline", BODY.format(how="sleeps", size=31).replace("time = 1", "time = 9"), "dies", "deadline"
    )
    hog = study.cluster.ask(
        "sbatch", "--parsable", "-p", "dgx", "-w", "dgx2", "-c4", "-t1", "-o", "/dev/null", "--wrap", "sleep 20"
    )
    array = study.submit(sweep)
    study.cluster.ask("scontrol", "update", f"jobid={array}", "Deadline=now+9seconds")
    _wait_for(study, sweep, "deadline")
    study.cluster.ask("scancel", hog)


def test_a_lost_node_costs_nothing_but_time(study: SlurmStudy) -> None:
    """When a node dies, SLURM starts its workers again, which take their own runs over; one that it may not is told."""
    body = "[fixed]\npace = 0.2\nepochs = 40\nsize = {size}\n[resources]\ntime = 5\nworkers = 1\n"
    study.profile("lost", ON_DGX2)
    sweep, final = (
        study.sweep(name, body.format(size=size), profile="lost") for size, name in ((8, "lost"), (7, "final"))
    )
    array, once = study.submit(sweep), study.submit(final)
    for name in ("lost", "final"):
        study.cluster.wait_until(partial(has_begun, study, name))
    study.cluster.ask("scontrol", "update", f"jobid={once}", "requeue=0")
    study.cluster.control("node-fail", "dgx2")
    try:
        study.cluster.wait_until(lambda: not study.cluster.ask("squeue", "-h", "-j", f"{array},{once}", "-t", "R"), 60)
        again = study.run("status", sweep)
    finally:
        study.cluster.control("node-up", "dgx2")
    assert f"1 worker ended: its node went down ({array}, node dgx2)\n    it starts again by itself" in again
    text = study.run("status", final)
    assert f"1 worker ended: its node went down ({once}, node dgx2)" in text
    assert f"type: hpcsweep resume --exclude dgx2 {final}" in text
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"], 90)
    assert max(event["restart"] for event in study.events("lost") if event["event"] == "start") >= 1


def test_a_node_that_does_not_boot_is_told_apart(study: SlurmStudy) -> None:
    """BOOT_FAIL: the node could not be made ready. SLURM is told so by the call that its node daemon makes."""
    (library,) = Path("/usr/lib").glob("*/slurm*/libslurmfull.so")
    study.profile("boots", ON_DGX2)
    sweep = study.sweep("boots", BODY.format(how="sleeps", size=32), "dies", "boots")
    job = study.submit(sweep)
    study.cluster.wait_until(lambda: any(event["event"] == "start" for event in study.events("boots")))
    study.cluster.ask("scontrol", "update", f"jobid={job}", "requeue=0")
    slurm = f"slurm = ctypes.CDLL({str(library)!r}, mode=ctypes.RTLD_GLOBAL); slurm.slurm_init(None)"
    call = f"import ctypes; {slurm}; slurm.slurm_requeue({job}, {RECONFIGURATION_FAILED})"
    study.cluster.ask(sys.executable, "-c", call)
    study.cluster.wait_until(lambda: not study.cluster.living(job))
    assert study.cluster.ask("squeue", "-h", "-j", job, "-t", "all", "-o", "%T") == "BOOT_FAIL"
    text = study.run("status", sweep)
    assert f"1 worker ended: its node did not come up ({job}, node dgx2)" in text
    assert f"type: hpcsweep resume --exclude dgx2 {sweep}" in text
