"""Modules, set-up lines and Python of a profile, as a node's shell takes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.slurm.sending.from_profile import make_request, make_terms
from hpcsweep.slurm.sending.profile_lines import profile_lines
from hpcsweep.slurm.watching.causes import NO_PYTHON_CODE, SETUP_FAILED_CODE, UNFIT_PYTHON_CODE, why_not_begun
from hpcsweep.sweep.profile import load_profile
from tests.slurm.study import PROFILE, SlurmStudy

TRAP = "trap 'hpcsweep_code=$?; hpcsweep_before_work; exit $hpcsweep_code' EXIT"
MODULES_3 = f"""module() {{ echo "ModuleCmd_Load.c(213):ERROR:105: Unable to locate '$2'" >&2; }}; {TRAP}"""


def shell(root: Path, profile: str, before: str = TRAP, *, bundle: Path | None = None) -> tuple[int, str, str]:
    """Return the exit code of a shell with the lines of a profile, what it printed, and why its worker did not begin.

    `before` comes first, and prints of the worker after it.
    """
    (root / "jobs" / "profiles").mkdir(parents=True)
    (root / "jobs" / "profiles" / "there.toml").write_text(f'scheduler = "slurm"\n{profile}\n')
    loaded = load_profile(root, "there")
    terms = make_terms(loaded, make_request(loaded), at_once=1, bundle=bundle)
    script = "\n".join([before, *profile_lines(terms), 'echo "worker $A"'])
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, capture_output=True, text=True
    )
    return done.returncode, done.stdout, why_not_begun(done.stderr)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("false", "1"),
        ("conda activate tf", "127"),
        ("source /nowhere/bin/activate", "1"),
        ("exit 3", "3"),
        ("exit 0", "0"),
        ("set -e; cd /nowhere; true", "1"),
        ("set -u; echo $NO_SUCH_VARIABLE", "1"),
        ("false \\", "1"),
        ("! cat <<EOF", "1"),
    ],
)
def test_what_ends_the_shell_in_a_line_is_told_with_its_file_and_key(tmp_path: Path, line: str, code: str) -> None:
    """However a set-up line fails or ends the shell, the task ends as failed, and the line is named."""
    ended, printed, why = shell(tmp_path, f"setup = ['export A=1', '{line}']")
    assert (ended, printed) == (SETUP_FAILED_CODE, "")
    assert why.startswith("jobs/profiles/there.toml: setup #2, ")
    assert f"{line!r}, failed before the worker began: exit code {code}" in why


def test_a_line_is_a_whole_command_of_its_own(tmp_path: Path) -> None:
    """What lines set is there in later ones; a line's own here-document, comment or last backslash ends with it."""
    profile = """setup = ['export A=1 # one', 'set -- $A \\\\', 'A="$1 2"; cat <<EOF', '[ "$A" = "1 2" ]']"""
    assert shell(tmp_path, profile)[:2] == (0, "worker 1 2\n")


@pytest.mark.parametrize("line", ["echo 'open", "if true; then", "echo )", "for x in"])
def test_a_line_that_no_shell_can_read_is_refused_before_anything_is_queued(tmp_path: Path, line: str) -> None:
    """An open quote or half a command is refused with its key."""
    with pytest.raises(UsageError, match=r"^jobs/profiles/there.toml: setup #1: found .*, expected a whole command"):
        shell(tmp_path, f'setup = ["{line}"]')


@pytest.mark.parametrize(
    ("python", "code", "why"),
    [
        ("/nowhere/bin/python", NO_PYTHON_CODE, "'/nowhere/bin/python': No such file or directory"),
        ("/etc/passwd", NO_PYTHON_CODE, "'/etc/passwd': Permission denied"),
        (
            f"{sys.executable} -S",
            UNFIT_PYTHON_CODE,
            "found no NumPy for the workers, expected Python 3.9 and NumPy 1.23",
        ),
    ],
)
def test_a_python_that_cannot_be_used_is_told_with_its_file_and_key(
    tmp_path: Path, python: str, code: int, why: str
) -> None:
    """Whether the Python of a profile is missing, no program, or unfit, is told before the worker is started."""
    ended, printed, told = shell(tmp_path, f'python = "{python}"', bundle=tmp_path / "bundle")
    assert (ended, printed) == (code, "")
    assert told.startswith("jobs/profiles/there.toml: python: ")
    assert why in told


def test_a_container_that_cannot_be_started_is_told_with_its_file_and_key(tmp_path: Path) -> None:
    """The last words of the container's program are told, whatever its exit code is."""
    program = tmp_path / "singularity"
    program.write_text("#!/bin/sh\necho 'FATAL:   could not open image' >&2\nexit 255\n")
    program.chmod(0o755)
    profile = f'[container]\ncommand = "{program}"\nimage = "none.sif"'
    ended, _, told = shell(tmp_path, profile, bundle=tmp_path / "bundle")
    assert (ended, told) == (NO_PYTHON_CODE, "jobs/profiles/there.toml: container: FATAL:   could not open image")


def test_modules_that_fail_without_an_exit_code_are_told(tmp_path: Path) -> None:
    """Modules 3 returns 0 for a module that it cannot find: what it has loaded is looked at."""
    profile = 'modules = ["cuda/12"]\nenvironment = { MODULE_VERSION = "3.2.10", LOADEDMODULES = "@" }'
    assert shell(tmp_path / "a", profile.replace("@", "gcc/9:cuda/12.1"), MODULES_3)[0] == SETUP_FAILED_CODE
    ended, _, told = shell(tmp_path / "b", profile.replace("@", "gcc/9:cuda/12"), MODULES_3)
    assert ended == 0, told


CONDA = """
conda() {
  export CONDA_PREFIX=@ROOT@/envs/"$2"
  [ -d "$CONDA_PREFIX/conda-meta" ] || { echo "EnvironmentNameNotFound: $2" >&2; return 1; }
  PATH=$CONDA_PREFIX/bin:$PATH
  for file in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$file"; done
}
"""
JOB = """
import os, sys
from pathlib import Path

def train(run, *, size: int):
    assert (os.environ["TOY"], os.environ["OF_MODULE"]) == ("activated", "loaded")
    assert Path(sys.prefix) == Path(os.environ["CONDA_PREFIX"]), sys.prefix
    run.log(epoch=1, loss=float(size))
"""


def conda(root: Path) -> None:
    """Make what conda makes: a root with conda.sh, and in it the environment tf, which must be activated."""
    environment = root / "envs" / "tf"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    for name in ("numpy", "numpy.libs"):
        (packages / name).symlink_to(Path(np.__file__).parents[1] / name)
    for folder in (environment / "conda-meta", environment / "etc/conda/activate.d", root / "etc/profile.d"):
        folder.mkdir(parents=True)
    (environment / "etc/conda/activate.d/toy.sh").write_text("export TOY=activated\n")
    (root / "etc/profile.d/conda.sh").write_text(CONDA.replace("@ROOT@", str(root)))


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder with the file of a module, where the function `module` is that of login shells only."""
    if not Path("/etc/profile.d/modules.sh").exists():
        missing = "no modules here (Debian: environment-modules)"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    file = tmp_path / "modulefiles" / "toy" / "1.0"
    file.parent.mkdir(parents=True)
    file.write_text("#%Module\nsetenv OF_MODULE loaded\nsetenv PYTHONHOME /nowhere\n")
    return tmp_path / "modulefiles"


def test_modules_and_conda_prepare_the_workers_and_nothing_else(
    study: SlurmStudy, tmp_path: Path, modules: Path
) -> None:
    """Workers have the module and the activated environment; the host's Python, which submits the next one, has not."""
    conda(tmp_path / "conda")
    (study.root / "jobs" / "toy.py").write_text(JOB)
    study.profile(
        "toy",
        PROFILE + f'modules = ["toy"]\npython = "python"\nenvironment = {{ MODULEPATH = "{modules}" }}\n'
        f'setup = ["unset PYTHONHOME", "source {tmp_path}/conda/etc/profile.d/conda.sh", "conda activate tf"]\n',
    )
    sweep = study.sweep("toy", "[fixed]\nsize = 1\n[resources]\ntime = 1\n", "toy", "toy")
    assert "on node dgx" in study.run("doctor", "--profile", "toy", "--probe")
    study.submit(sweep)
    study.profile("tyo", PROFILE + f'modules = ["toy", "tyo/2"]\nenvironment = {{ MODULEPATH = "{modules}" }}\n')
    lost = study.sweep("tyo", "[fixed]\nsize = 2\n[resources]\ntime = 1\n", "toy", "tyo")
    study.submit(lost)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"])
    why = "jobs/profiles/tyo.toml: modules #2, 'tyo/2', failed before the worker began: exit code 1"
    assert why in study.run("doctor", "--profile", "tyo", "--probe", code=None)
    study.cluster.wait_until(lambda: why in study.run("status", lost, code=None), pause_s=2)
