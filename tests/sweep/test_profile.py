"""Profiles: where they are found, what they may hold, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsweep.errors import SweepFileError
from hpcsweep.sweep.profile import BUILT_IN, load_profile, profile_names

ROSIE = """
description = "A teaching cluster"
scheduler = "slurm"
partition = "teaching"
gpu_type = "t4"
gpus = 1
cpus = 8
mem_gb = 16
time = "D-HH:MM:SS"
workers = "each"
max_workers = 4
continue = "resubmit"
modules = ["python/3.11"]
setup = ["source venv/bin/activate"]
environment = {TF_CPP_MIN_LOG_LEVEL = "2"}
container = {image = "/data/tf.sif", options = ["--nv"]}
"""


def write(root: Path, text: str, name: str = "rosie") -> None:
    """Write a profile of the study at `root`."""
    folder = root / "jobs" / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def test_built_in_profile(tmp_path: Path) -> None:
    """`local` and `slurm` are there without a file: workers on this machine, or with a cluster's own defaults."""
    for name in ("local", "slurm"):
        assert load_profile(tmp_path, name) == BUILT_IN[name]
        assert BUILT_IN[name].scheduler == name


def test_profile_of_the_study(tmp_path: Path) -> None:
    """A file of jobs/profiles/ is read, named after the file, and what it leaves out has its default."""
    write(tmp_path, ROSIE.replace("D-HH:MM:SS", "1-02:03:04"))
    profile = load_profile(tmp_path, "rosie")
    assert (profile.name, profile.partition, profile.continue_) == ("rosie", "teaching", "resubmit")
    assert profile.time_s == ((24 + 2) * 60 + 3) * 60 + 4
    assert profile.container is not None
    assert (profile.container.command, profile.container.options) == ("singularity", ["--nv"])
    assert (profile.qos, profile.lease_s, profile.workers_per_gpu) == (None, 300.0, None)
    assert profile_names(tmp_path) == ["local", "rosie", "slurm"]


def test_study_comes_before_built_in(tmp_path: Path) -> None:
    """A file called local.toml replaces the built-in profile."""
    write(tmp_path, "cpus = 3", "local")
    assert load_profile(tmp_path, "local").cpus == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('partiton = "dgx"', 'partiton: found an unknown key, expected one of .*did you mean "partition"'),
        ('partition = "dgx\\nrm"', "expected one word, without spaces or control characters"),
        ('partition = ""', "expected one word"),
        ('account = "a b"', "expected one word"),
        ('constraint = "v100\\u0000"', "expected text on one line"),
        ('setup = ["module load x\\nrm -rf ~"]', "setup #1: found .*expected text on one line"),
        ('environment = {"A B" = "x"}', "environment.A B: found"),
        ('environment = {A = "x\\ny"}', "environment.A: found .*expected text on one line"),
        ("container = {}", "container.image: found nothing, expected a value"),
        ('container = {image = "a", nv = true}', "container.nv: found an unknown key, expected one of command, image"),
        ('scheduler = "pbs"', 'expected one of "local", "slurm"'),
        ('continue = "again"', "continue: found .*expected one of"),
        ("lease_s = 0", "lease_s: found 0 .an int., expected more than 0"),
        ("lease_s = nan", "lease_s: found nan .a float., expected"),
        ('time = "25 hours"', 'time: found .*expected "HH:MM:SS"'),
        ('time = "00:00:00"', "expected more than no time"),
        ("time = true", "time: found true .a bool."),
        ("time_s = 60", 'time_s: found an unknown key.*did you mean "time"'),
        ('name = "a/b"', "name: found"),
        ("cpus = 0", "expected at least 1"),
        ("max_workers = 0", "max_workers: found 0 .an int., expected at least 1"),
        ("cpus = 1.0", "expected a whole number"),
    ],
)
def test_wrong_profiles_are_refused(tmp_path: Path, line: str, words: str) -> None:
    """A fault of a profile is one line with its file and key; nothing in it can end a line of a script."""
    write(tmp_path, line)
    with pytest.raises(SweepFileError, match=words) as caught:
        load_profile(tmp_path, "rosie")
    assert str(caught.value).startswith("jobs/profiles/rosie.toml: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["rosi", "", "..", "../rosie", "a/b", "\0"])
def test_unknown_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name without a file, or that is no file's name, is refused with the names there are."""
    write(tmp_path, "cpus = 1")
    with pytest.raises(
        SweepFileError, match="expected a profile of jobs/profiles/ or a built-in one: local, rosie, slurm"
    ):
        load_profile(tmp_path, name)
