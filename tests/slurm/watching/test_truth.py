"""What users are told when SLURM is slow, silent, or has forgotten."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from hpcsweep.launch.status import SCHEDULER_FLOOR_S
from tests.slurm.private_cluster import Cluster
from tests.slurm.study import CountedCommands, SlurmStudy

BODY = "repeats = 2\n[fixed]\npace = {pace}\nepochs = 40\nsize = {size}\n[resources]\ntime = 5\nworkers = 2\n"


def test_status_says_where_and_why(study: SlurmStudy) -> None:
    """Running workers are told with their node, waiting ones with the reason in words; one query is made."""
    body = BODY.format(pace=1, size=70).replace("workers = 2", "workers = 2\ncpus = 4\n")
    study.profile("one", 'scheduler = "slurm"\npartition = "teaching"\nmem_gb = 0.3\nlease_s = 8\nheartbeat_s = 1\n')
    sweep = study.sweep("where", body, profile="one")
    study.submit(sweep)
    study.cluster.wait_until(lambda: study.status(sweep)["workers"]["running"])
    answer = study.status(sweep)["workers"]
    assert answer["running"][0]["node"] == "dgx1"
    assert answer["pending"] == 1
    text = study.run("status", sweep)
    assert "runs on dgx1 since" in text
    assert "1 waiting: " in text
    study.run("cancel", sweep)


def test_status_asks_the_scheduler_once(study: SlurmStudy, tmp_path: Path) -> None:
    """However many workers there are, a status is one squeue, and none when all have ended; --watch asks seldom."""
    commands, watched = CountedCommands.create(tmp_path / "once"), CountedCommands.create(tmp_path / "watched")
    sweep = study.sweep("asks", BODY.format(pace=0.2, size=71))
    study.submit(sweep)
    began = time.monotonic()
    watch = study.start("status", "--watch", sweep, PATH=watched.path)
    study.run("status", sweep, PATH=commands.path)
    assert commands.take() == ["squeue"]
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    study.cluster.wait_until(lambda: len([e for e in study.events("asks") if e["event"] == "exit"]) == 2)
    study.run("status", sweep, PATH=commands.path)
    assert commands.take() == []
    watch.send_signal(signal.SIGINT)
    said, _ = watch.communicate()
    calls = watched.take()
    assert watch.returncode == 130
    assert said.count("asks: 2 runs") >= 3
    assert 1 <= len(calls) <= 1 + (time.monotonic() - began) // SCHEDULER_FLOOR_S
    assert set(calls) == {"squeue"}


def test_who_is_asked_is_decided_by_the_files(study: SlurmStudy, tmp_path: Path) -> None:
    """Of a worker that died just now squeue is asked, of one long silent sacct; never both, and purged records do not
    change what is said."""
    commands = CountedCommands.create(tmp_path / "commands")
    body = '[fixed]\nhow = "{how}"\nsize = 77\n[resources]\ntime = 1\nworkers = 1\n'
    fine, sweep = (
        study.sweep(name, body.format(how=how), "dies") for name, how in (("fine", "fine"), ("dead", "killed"))
    )
    finished, job = study.submit(fine), study.submit(sweep, "--continue", "manual")
    study.cluster.wait_until(lambda: study.cluster.ask("squeue", "-h", "-j", job, "-t", "all", "-o", "%T") == "FAILED")
    recent = study.run("status", sweep, PATH=commands.path)
    assert "killed from outside (SIGKILL)" in recent
    assert commands.take() == ["squeue"]
    study.age_events("dead")
    study.cluster.wait_until(lambda: study.cluster.ask("sacct", "-X", "-n", "-j", job, "-o", "state") == "FAILED")
    assert study.run("status", sweep, PATH=commands.path) == recent
    assert commands.take() == ["sacct"]
    table = study.run("table", fine)
    study.cluster.purge(job)
    study.cluster.purge(finished)
    assert not study.cluster.ask("sacct", "-X", "-n", "-j", job, "-o", "state")
    assert study.run("status", sweep, PATH=commands.path) == recent
    assert commands.take() == ["sacct"]
    assert study.run("table", fine) == table
    assert study.run("status", fine).startswith("fine: 1 runs: 1 done\n")


def test_without_accounting_and_with_the_controller_down(rough_study: SlurmStudy) -> None:
    """With accounting off a sweep runs; with slurmctld down, workers go on, and status is right and says so."""
    study, cluster = rough_study, rough_study.cluster
    sweep = study.sweep("unaccounted", BODY.format(pace=0.2, size=72))
    said = study.run("submit", sweep)
    assert "limits of your account and QOS are not known" in said
    cluster.wait_until(lambda: len([e for e in study.events("unaccounted") if e["event"] == "start"]) == 2)
    cluster.control("ctl-down")
    try:
        text = study.run("status", sweep)
        assert "SLURM does not answer" in text
        assert "2 running" in text or "running" in text
        cluster.wait_until(lambda: len([e for e in study.events("unaccounted") if e["event"] == "exit"]) == 2, 60)
        assert study.states(sweep) == ["done"] * 2
        doctor = study.run("doctor", "--profile", "cluster", code=2)
        assert "FAULT    SLURM does not answer (squeue: " in doctor
        refused = study.run("resume", study.sweep("bare2", BODY.format(pace=0.2, size=73)), code=2)
        assert "SLURM" in refused.splitlines()[-1]
    finally:
        cluster.control("ctl-up")


def test_doctor_on_a_healthy_cluster(study: SlurmStudy) -> None:
    """SLURM, limits, start, store and the node's Python each have a line; a probe sees the store from a node."""
    study.profile("doctor", 'scheduler = "slurm"\npartition = "dgx"\nmem_gb = 3\ngpus = 1\n')
    said = study.run("doctor", "--profile", "doctor", "--probe", code=None)
    assert "ok       SLURM 22.05" in said or "ok       SLURM" in said
    assert 'partition "dgx": no time limit' in said
    assert "to start at" in said
    assert "node dgx1 sees and can write the store" in said
    assert "TensorFlow sees 0 of 1 GPUs there" in said  # the cluster's GPUs are pretended


def test_doctor_says_what_is_broken(study: SlurmStudy) -> None:
    """A profile that cannot work is told line by line, with what to do."""
    study.profile("broken", 'scheduler = "slurm"\npartition = "dgx"\ncpus = 64\npython = "/nonexistent/python"\n')
    said = study.run("doctor", "--profile", "broken", "--probe", "--store", "/proc/nowhere", code=2)
    assert "FAULT    the store /proc/nowhere cannot be written" in said
    assert "FAULT    resources: found 64 CPUs" in said
    assert said.count("FAULT") == 2


def test_logs_of_a_worker(study: SlurmStudy) -> None:
    """What a worker itself printed is found by its task's name, and followed as it grows."""
    sweep = study.sweep("talks", BODY.format(pace=0.1, size=74))
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: len([e for e in study.events("talks") if e["event"] == "start"]) == 2)
    follower = study.start("logs", "--worker", f"{array}_0", "--follow")
    assert follower.stdout is not None
    assert any("hpcsweep: trajectory" in line and "done" in line for line in follower.stdout)
    follower.send_signal(signal.SIGINT)
    follower.communicate()
    assert follower.returncode == 130
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    both = study.run("logs", "--worker", f"{array}_0") + study.run("logs", "--worker", f"{array}_1")
    assert both.count("hpcsweep: trajectory") == 2
    assert "no worker" in study.run("logs", "--worker", "999999_0", code=3)


def test_clean_removes_only_what_can_be_made_again(cluster: Cluster, tmp_path: Path) -> None:
    """Workers' files of ended submissions go; results, and files of those at work, stay."""
    study = SlurmStudy.create(tmp_path / "study", cluster)
    sweep = study.sweep("tidy", BODY.format(pace=0.01, size=75))
    study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    study.cluster.wait_until(lambda: len([e for e in study.events("tidy") if e["event"] == "exit"]) == 2)
    busy = study.sweep("busy", BODY.format(pace=1, size=76))
    study.submit(busy)
    folder = next((study.store / "sweeps" / "tidy").glob("2*"))
    said = study.run("clean", "--dry-run")
    assert f"{folder}/workers" in said or "files of workers that have ended" in said
    assert list((folder / "workers").iterdir())
    study.run("clean", "--yes")
    assert not (folder / "workers").exists()
    assert list((study.store / "sweeps" / "busy").glob("*/workers/*"))
    assert study.states(sweep) == ["done"] * 2
    assert "nothing to submit" in study.run("submit", sweep)
    study.run("cancel", busy)
