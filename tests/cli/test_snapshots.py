"""What is trained is the code as it was when the command was given, whatever becomes of the study's files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.store import Store
from tests.conftest import Study

# The first attempt changes the code under its own feet and dies; the second is a new process, which imports anew.
EDITS = """
import os, signal
from pathlib import Path
from lib.rates import RATE

def train(run, *, seed_shift: int = 0):
    study = Path(__file__).parents[1]
    if not (study / "edited").exists():
        (study / "edited").touch()
        (study / "lib" / "rates.py").write_text("RATE = 2.0\\n")
        Path(__file__).write_text("def train(run, *, seed_shift: int = 0):\\n    return {'loss': 3.0}\\n")
        os.kill(os.getpid(), signal.SIGKILL)
    run.record(file=__file__, name=__name__)
    return {"loss": RATE}
"""
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\n'


def facts_of(study: Study) -> list[dict[str, Any]]:
    """Return the facts of all results."""
    return [result.facts for result in Store(study.store).results()]


def metrics_of(study: Study) -> list[dict[str, float]]:
    """Return the metrics of all results."""
    return [result.metrics for result in Store(study.store).results()]


def lib(study: Study, name: str, text: str) -> None:
    """Write lib/<name>.py."""
    (study.root / "lib").mkdir(exist_ok=True)
    (study.root / "lib" / f"{name}.py").write_text(text)


def test_code_that_is_edited_while_workers_wait_is_not_what_they_run(study: Study) -> None:
    """A worker that starts after the edit runs the snapshot, and records its digest; `__file__` is the study's."""
    job = study.job("job", EDITS)
    lib(study, "rates", "RATE = 1.0\n")
    ended = study.run("run", study.sweep("s", SWEEP), "--workers", "1")
    assert "loss" in ended.stdout, ended.stderr
    assert metrics_of(study) == [{"loss": 1.0}]
    facts = facts_of(study)[0]
    assert len(facts["attempts"]) == 2
    assert (facts["file"], facts["name"]) == (str(job), "jobs.job")
    version = json.loads((study.store / "code" / "versions" / f"{facts['code_sha256']}.json").read_bytes())
    assert list(version["files"]) == ["jobs/job.py", "lib/rates.py"]
    kept = study.store / "code" / "snapshots" / facts["snapshot"]
    assert (kept / "lib" / "rates.py").read_text() == "RATE = 1.0\n"


def test_a_snapshot_that_was_changed_is_not_run(study: Study) -> None:
    """A worker checks the digest of its snapshot before it runs a line of it."""
    lib(study, "rates", "RATE = 1.0\n")
    study.job("job", "from lib.rates import RATE\ndef train(run, *, a: int = 0):\n    return {'loss': RATE}\n")
    path = study.sweep("s", SWEEP)
    assert study.run("run", path).returncode == 0
    for kept in (study.store / "code" / "snapshots").glob("*/lib/rates.py"):
        kept.write_text("RATE = 1.5\n")
    ended = study.run("run", study.sweep("s", SWEEP + "repeats = 2\n"))
    assert ended.returncode == 2
    assert "its SHA-256 does not match" in ended.stderr
    assert metrics_of(study) == [{"loss": 1.0}]


SPAWNS = """
import multiprocessing
import joblib
from lib.tools import double

def triple(x):
    return 3 * x

def train(run, *, method: str):
    if method == "joblib":
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(one)(x) for one in (triple, double) for x in (1, 2))
    else:
        with multiprocessing.get_context(method).Pool(1) as pool:
            found = pool.map(triple, [1, 2]) + pool.map(double, [1, 2])
    return {"loss": sum(found)}
"""


def test_processes_that_a_job_starts_find_its_functions(study: Study) -> None:
    """spawn, forkserver (Python's own choice from 3.14 on) and joblib find the job's functions, those of today."""
    study.job("job", SPAWNS)
    lib(study, "tools", "def double(x):\n    return 2 * x\n")
    methods = ["spawn", "forkserver", "joblib"]
    ended = study.run("run", study.sweep("s", f"{SWEEP}[grid]\nmethod = {json.dumps(methods)}\n"))
    assert ended.returncode == 0, ended.stderr
    assert metrics_of(study) == [{"loss": 15.0}] * 3


def test_the_users_modules_outside_the_study_are_recorded(study: Study) -> None:
    """A module on PYTHONPATH, and one of the study that only a computed name asks for, are part of the code."""
    outside = study.root.parent / "mine"
    outside.mkdir()
    (outside / "mynets.py").write_text("SIZE = 3\n")
    lib(study, "late", "SIZE = 4\n")
    study.job(
        "job",
        "import importlib, mynets\ndef train(run, *, name: str = 'late'):\n"
        "    return {'loss': importlib.import_module(f'lib.{name}').SIZE + mynets.SIZE}\n",
    )
    environment = {**os.environ, "PYTHONPATH": f"{outside}:{study.environment()['PYTHONPATH']}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Study, "environment", lambda self: environment)
        assert study.run("run", study.sweep("s", SWEEP)).returncode == 0
    facts = facts_of(study)[0]
    version = json.loads((study.store / "code" / "versions" / f"{facts['code_sha256']}.json").read_bytes())
    assert version["paths"] == {"mynets": str(outside / "mynets.py"), "lib.late": str(study.root / "lib" / "late.py")}
    assert facts["not_in_snapshot"] == ["lib.late"]
    assert metrics_of(study) == [{"loss": 7.0}]


DRAWS = """
import random
import numpy as np
START = random.random() + np.random.rand()

def train(run, *, a: int = 0):
    return {"loss": START}
"""


def test_random_choices_at_the_top_of_a_job_are_the_same_everywhere(study: Study) -> None:
    """Generators are seeded before the import, in every worker and attempt alike; that it draws is recorded."""
    study.job("job", DRAWS)
    study.run("run", study.sweep("s", SWEEP + "repeats = 3\n"), "--workers", "2")
    study.run("run", study.sweep("s", SWEEP + "repeats = 4\n"), "--workers", "1")
    assert len({metrics["loss"] for metrics in metrics_of(study)}) == 1
    assert all(facts["drew_on_import"] == ["python", "numpy"] for facts in facts_of(study))
    log = study.run("logs", next(iter(Store(study.store).results())).id).stdout
    assert log.count("draws random numbers while it is imported (python, numpy)") <= 1


def test_what_a_library_draws_while_it_is_imported_is_not_the_jobs(study: Study, tmp_path: Path) -> None:
    """A package that draws from Python's generator is no reason to say that the job does."""
    library = tmp_path / "library" / "site-packages"
    library.mkdir(parents=True)
    (library / "drawing.py").write_text("import random\nrandom.random()\n")
    study.job("job", "import drawing\ndef train(run, *, a: int = 0):\n    return {'loss': 1.0}\n")
    environment = {**study.environment(), "PYTHONPATH": str(library)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Study, "environment", lambda self: environment)
        assert study.run("run", study.sweep("s", SWEEP)).returncode == 0
    assert "drew_on_import" not in facts_of(study)[0]


def test_what_code_includes_is_kept_and_a_pattern_for_nothing_is_refused(study: Study) -> None:
    """[code] include names files that no import shows; a pattern without a file is one line before anything runs."""
    study.job("job", "def train(run, *, a: int = 0):\n    return {'loss': 1.0}\n")
    (study.root / "conf.json").write_text("{}")
    path = study.sweep("s", SWEEP + '[code]\ninclude = ["*.json"]\n')
    assert study.run("run", path).returncode == 0
    assert list((study.store / "code" / "snapshots").glob("*/conf.json"))
    for pattern in ("*.jsn", ".", "./", "", "**.json", "/etc/*", "../*"):
        wrong = study.run("plan", study.sweep("s", SWEEP + f'repeats = 2\n[code]\ninclude = ["{pattern}"]\n'))
        assert wrong.returncode == 2
        assert f'code.include: found "{pattern}", which names no file' in wrong.stderr
        assert len(wrong.stderr.strip().splitlines()) == 1
