"""The command line as a whole: help, errors in one line, exit codes, and that it is documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpcsweep.cli import VERBS
from tests.conftest import REPOSITORY, Study

JOB = "def train(run, *, rate: float, kind: str = 'a', epochs: int = 2):\n    return {'loss': rate}\n"
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\n[grid]\nrate = [0.1, 0.2]\n'


def test_every_verb_has_a_module_and_every_module_a_verb() -> None:
    """What `--help` lists is what there is."""
    modules = {path.stem for path in (REPOSITORY / "hpcsweep" / "cli" / "verbs").glob("[a-z]*.py")}
    assert set(VERBS) == modules


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, study: Study) -> None:
    """`hpcsweep VERB --help` works everywhere and says what the verb does."""
    ended = study.run(verb, "--help")
    assert ended.returncode == 0, ended.stderr
    assert f"Usage: hpcsweep {verb}" in ended.stdout.replace("-c ", "hpcsweep ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pln", "x"], 'there is no verb "pln" (did you mean "plan"?)'),
        (["plan"], "Missing argument"),
        (["plan", "sweeps/s.toml", "--jsn"], "No such option"),
        (["plan", "sweeps/none.toml"], "sweeps/none.toml"),
        (["run", "sweeps/s.toml", "--workers", "0"], "0 is not in the range"),
        (["logs", "sweeps/s.toml", "--store"], "requires an argument"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(study: Study, arguments: list[str], said: str) -> None:
    """Wrong usage is said in one line, with what to type, and nothing is written."""
    study.job("job", JOB)
    study.sweep("s", SWEEP)
    ended = study.run(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert ended.stdout == ""
    assert not study.store.exists()


def test_planning_writes_nothing(study: Study) -> None:
    """`plan` leaves no trace."""
    study.job("job", JOB)
    assert study.run("plan", study.sweep("s", SWEEP)).returncode == 0
    assert sorted(path.name for path in study.root.iterdir()) == ["jobs", "sweeps"]


def test_a_closed_pipe_is_quiet(study: Study) -> None:
    """`hpcsweep plan ... | head` does not complain."""
    study.job("job", JOB)
    study.sweep("s", SWEEP.replace("[0.1, 0.2]", str([number / 1000 for number in range(20000)])))
    plan = f'"{sys.executable}" -c "from hpcsweep.cli import main; main()" plan sweeps/s.toml'
    command = f"set -o pipefail; {plan} --json | head -c 10 && {plan} --all | head -1"
    ended = subprocess.run(
        ["bash", "-c", command], cwd=study.root, env=study.environment(), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_run_that_nobody_knows_is_exit_code_3(study: Study) -> None:
    """An id that names no run is exit code 3, and says how to find one."""
    ended = study.run("logs", "abcdef")
    assert ended.returncode == 3
    assert "hpcsweep plan SWEEP --all" in ended.stderr


def test_an_ambiguous_id_is_refused(study: Study) -> None:
    """A prefix of several ids is refused with some of them."""
    study.job("job", JOB)
    study.run("run", study.sweep("s", SWEEP))
    ended = study.run("logs", "")
    assert ended.returncode == 3
    assert "2 runs have ids that begin with" in ended.stderr


def test_init_makes_a_study_that_runs(tmp_path: Path) -> None:
    """What `init` writes works as it is, and is not overwritten by a second `init`."""
    root = tmp_path / "new"
    study = Study(tmp_path)
    assert study.run("init", root).returncode == 0
    planned = Study(root).run("plan", "sweeps/quickstart.toml")
    assert planned.returncode == 0, planned.stderr
    ran = Study(root).run("run", "sweeps/function_example.toml")
    assert ran.returncode == 0, ran.stderr
    again = study.run("init", root)
    assert again.returncode == 2
    assert "exists already" in again.stderr
