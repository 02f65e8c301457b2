"""Each program that starts containers is told what to run in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsweep.errors import SweepFileError, UsageError
from hpcsweep.sweep.containers import in_container, newest_image
from hpcsweep.sweep.profile import load_profile
from tests.conftest import Study

EXPECTED = {
    "singularity": "singularity exec --nv -B /run:/run --pwd /run image.sif python3 train.py",
    "/opt/bin/apptainer": "/opt/bin/apptainer exec --nv -B /run:/run --pwd /run image.sif python3 train.py",
    "ch-run": "ch-run --nv -b /run:/run --cd /run image.sif -- python3 train.py",
    "podman": "podman run --rm --nv -v /run:/run -w /run -e HPCSWEEP_SEED=3 image.sif python3 train.py",
}


@pytest.mark.parametrize("program", EXPECTED)
def test_a_command_in_an_image_is_written_as_each_program_has_it(program: str) -> None:
    """The user's options come first, the folders are seen under their own names, and the environment goes along."""
    container = {"command": program, "image": "image.sif", "options": ["--nv"]}
    words = in_container(
        container,
        ["python3", "train.py"],
        binds=[Path("/run")],
        folder=Path("/run"),
        environment={"HPCSWEEP_SEED": "3"},
    )
    assert " ".join(words) == EXPECTED[program]


def test_of_a_pattern_the_newest_image_is_taken(tmp_path: Path) -> None:
    """Versions are compared as numbers, whatever the order of the names; a name that is no pattern stays as it is."""
    releases = ["9.12", "20.07", "25.02", "25.1"]
    for name in releases:
        (tmp_path / f"tensorflow-{name}-py3.sif").touch()
    (tmp_path / "pytorch-26.01-py3.sif").touch()
    assert newest_image(f"{tmp_path}/tensorflow-[2]*.sif") == f"{tmp_path}/tensorflow-25.02-py3.sif"
    (tmp_path / "tensorflow-100-py3.sif").mkdir()
    assert newest_image(f"{tmp_path}/tensorflow-*.sif") == f"{tmp_path}/tensorflow-100-py3.sif"
    assert newest_image("docker://tensorflow:25.02") == "docker://tensorflow:25.02"
    with pytest.raises(UsageError, match=r'container.image: found no file ".*jax-\*.sif" here, expected one'):
        newest_image(f"{tmp_path}/jax-*.sif")


@pytest.mark.parametrize(
    ("text", "key"), [('python = "python3.9"', "python"), ('[container]\nimage = "a.sif"', "container")]
)
def test_what_local_workers_would_not_do_is_refused(study: Study, text: str, key: str) -> None:
    """A profile of this machine cannot name another Python for its workers: it would be passed over without a word."""
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "here.toml").write_text(text)
    with pytest.raises(SweepFileError, match=f"{key}: found it with the scheduler local, expected scheduler = .slurm."):
        load_profile(study.root, "here")


ENTERS = """#!/bin/sh
# what `apptainer exec OPTIONS IMAGE COMMAND...` does
printf '%s\\n' "$@" >"$HPCSWEEP_FOLDER/words"
while [ "$1" != "image.sif" ]; do shift; done
shift
exec "$@"
"""


def test_each_command_runs_in_the_image_and_its_worker_outside(study: Study) -> None:
    """With wraps = "command", the run's folder, the code and the study are bound, and a job function is refused."""
    (study.root / "jobs" / "profiles").mkdir()
    tool = study.root.parent / "apptainer"
    tool.write_text(ENTERS)
    tool.chmod(0o755)
    profile = f'[container]\ncommand = "{tool}"\nimage = "image.sif"\nwraps = "command"\n'
    (study.root / "jobs" / "profiles" / "boxed.toml").write_text(profile)
    (study.root / "train.py").write_text("import sys\nprint('loss', sys.argv[1])\n")
    text = """name = "s"
profile = "boxed"
command = ["python3", "train.py", "{rate}"]
command_options.patterns = ["loss (?P<loss>\\\\S+)"]
[grid]
rate = [0.5]
"""
    path = study.sweep("s", text)
    ended = study.run("run", path)
    assert ended.returncode == 0, ended.stderr + study.run("status", path).stdout
    words = next((study.store / "trajectories").rglob("words")).read_text().splitlines()
    assert words[0] == "exec"
    assert words.count("-B") == 3
    assert words[-3] == "python3"
    study.job("job", "def train(run, *, a: int = 0): ...\n")
    refused = study.run("run", study.sweep("f", 'name = "f"\njob = "jobs/job.py:train"\nprofile = "boxed"\n'))
    assert refused.returncode == 2
    assert 'container.wraps: found "command" with a job function' in refused.stderr
