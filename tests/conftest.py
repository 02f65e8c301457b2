"""What tests of the command line share: a study in a folder of its own, and the command as users type it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Two noisy cores: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("hpcsweep", deadline=None)
hypothesis.settings.load_profile("hpcsweep")

REPOSITORY = Path(__file__).parents[1]
# Shells start what shall run in the background with ctrl-C ignored, and so would be every process of the tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# as it was before a test imported Keras or JAX here, which set variables that the processes of later tests would obey
ENVIRONMENT = dict(os.environ)
COMMAND = (sys.executable, "-c", "from hpcsweep.cli import main; main()")

# What `make quick` leaves out. A test is marked by the fixtures that it uses and the place where it stands.
MARK_OF_FIXTURE = {"cluster": "slurm", "rough": "slurm", "browser": "browser"}
# what trains nets, starts workers that train something, or imports Keras; in these folders all but what is named
TRAINING = ("training/", "studies/", "worker/", "launch/", "cli/", "docs/", "test_metrics.py")
NO_TRAINING = (
    "worker/test_crew.py", "worker/test_expected_epochs.py", "worker/test_pace.py", "launch/test_plan.py",
    "cli/test_command_line.py", "cli/test_data.py", "cli/test_reading_verbs.py", "docs/test_site.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need SLURM or a browser, or that train."""
    for item in items:
        marks = {MARK_OF_FIXTURE.get(name) for name in getattr(item, "fixturenames", ())}
        place = item.path.relative_to(REPOSITORY / "tests").as_posix()
        if place.startswith(TRAINING) and not place.startswith(NO_TRAINING):
            marks.add("training")
        for mark in marks - {None}:
            item.add_marker(str(mark))


@dataclass(frozen=True)
class Study:
    """A study of a user: jobs/, sweeps/ and a store, in a folder with an ugly name."""

    root: Path

    @property
    def store(self) -> Path:
        """Where its results go."""
        return self.root / "results"

    def job(self, name: str, text: str) -> Path:
        """Write jobs/<name>.py."""
        path = self.root / "jobs" / f"{name}.py"
        path.write_text(text)
        return path

    def sweep(self, name: str, text: str) -> Path:
        """Write sweeps/<name>.toml."""
        path = self.root / "sweeps" / f"{name}.toml"
        path.write_text(text)
        return path

    def path_without(self, *packages: str) -> str:
        """Return a PYTHONPATH with which these packages are as good as not installed."""
        stubs = self.root / "stubs"
        for name in packages:
            (stubs / name).mkdir(parents=True)
            (stubs / name / "__init__.py").write_text(f"raise ModuleNotFoundError('hidden', name='{name}')\n")
        return os.pathsep.join([str(stubs), str(REPOSITORY)])

    def environment(self) -> dict[str, str]:
        """Return the environment of a user's shell: no store named."""
        return {**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)} | {"HPCSWEEP_STORE": "", "COLUMNS": "120"}

    def run(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Type `hpcsweep arguments` in the study's folder and wait for its end; `env` comes over its environment."""
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.root,
            env=self.environment() | dict(env or {}),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=240,
            **options,
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Type `hpcsweep arguments` in a terminal's process group of its own, and do not wait."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )


def make_study(folder: Path) -> Study:
    """Make an empty study in `folder`."""
    root = folder / "a study's folder, ü"
    (root / "jobs").mkdir(parents=True)
    (root / "sweeps").mkdir()
    return Study(root)


def copy_study(study: Study, folder: Path) -> Study:
    """Return a study of one's own in `folder`, with the same files and the same store."""
    copied = make_study(folder)
    shutil.copytree(study.root, copied.root, dirs_exist_ok=True)
    return copied


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests have counted, such as injected errors: each has said it by record_property("counted", ...)."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    for what in (value for one in reports for name, value in one.user_properties if name == "counted"):
        terminalreporter.write_line(what)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """An empty study."""
    return make_study(tmp_path)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds; fail after a minute."""
    import time

    def wait(holds: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("waited in vain")
            time.sleep(0.05)

    return wait
