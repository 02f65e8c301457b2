"""Each breach of the house's rules that one line can make is caught, and by the rule that is there for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.house.imports import broken_contracts, imports_by_string, imports_of_sweep, imports_past_a_face
from tests.house.private import private_names_of_libraries, private_names_of_others
from tests.house.rules import (
    commands_put_together_by_hand,
    file_names_outside_the_store,
    slurm_commands_outside_slurm,
)

PACKAGE = Path(__file__).parents[2] / "hpcsweep"
ROOMS = "A room imports only rooms below it"
CIRCLES = "There are no circles"
WORKERS = "A worker loads no pydantic, no pandas, no planner"

CONTRACTS = [
    ("store/claims.py", "from ..launch.plan import Plan", ROOMS),
    ("files.py", "import hpcsweep.store.store", ROOMS),
    ("machine.py", "def later():\n    from hpcsweep.sweep import runs", ROOMS),
    ("results/frames.py", "from hpcsweep.tables import table", ROOMS),
    ("tables/cells.py", "from hpcsweep.tables.notes import notes_of", CIRCLES),
    ("tables/formats/grid.py", "from ..table import Table", CIRCLES),
    ("tables/one_factor.py", "from hpcsweep.tables.notes import notes_of", "Inside tables/"),
    ("store/array_bytes.py", "from .claims import Claim", "Inside store/"),
    ("training/programs/calls.py", "from hpcsweep.training.loops.single import Loop", "Inside training/"),
    ("training/state/order.py", "from hpcsweep.training.programs import backend", "Inside training/"),
    ("slurm/on_node/worker.py", "from hpcsweep.slurm.sending.submit import submit_array", CIRCLES),
    ("store/checkpoints.py", "import keras", "Keras: training/"),
    ("training/loops/single.py", "import tensorflow as tf", "TensorFlow: on_tensorflow/"),
    ("training/on_tensorflow/program.py", "import jax.numpy as jnp", "JAX: on_jax/"),
    ("slurm/watching/queue.py", "from submitit import SlurmExecutor", "submitit: where workers are started"),
    ("worker/trajectory.py", "import pandas", WORKERS),
    ("worker/work_loop.py", "from hpcsweep.sweep.load import load_sweep", WORKERS),
    ("slurm/terms.py", "from hpcsweep.sweep.profile import Profile", WORKERS),
    ("cli/verbs/logs.py", "from hpcsweep.slurm.commands import ask", "SLURM's commands: slurm/"),
]
OTHERS = [
    ("sweep/__init__.py", "from hpcsweep.sweep.load import load_sweep", imports_of_sweep),
    ("cli/verbs/show.py", "from hpcsweep.results.reading import read_records", imports_past_a_face),
    ("launch/plan.py", "from ..slurm.watching import history", imports_past_a_face),
    ("store/store.py", "import importlib; importlib.import_module('keras')", imports_by_string),
    ("worker/crew.py", "from importlib import import_module as load; load(f'hpcsweep.{__name__}')", imports_by_string),
    ("training/programs/backend.py", "importlib.import_module('hpcsweep.worker')", imports_by_string),
    ("results/frames.py", "path = folder.path / 'meaning.json'", file_names_outside_the_store),
    ("cli/progress.py", "found = open(f'claim.g{1}')", file_names_outside_the_store),
    ("launch/plan.py", "new = store.layout.root / 'plans'", file_names_outside_the_store),
    ("launch/submission.py", "subprocess.run(['squeue', '--me'])", slurm_commands_outside_slurm),
    ("cli/verbs/run.py", "import shutil; shutil.which('sbatch')", slurm_commands_outside_slurm),
    ("launch/plan.py", "from hpcsweep.store.checkpoints import _path", private_names_of_others),
    ("cli/progress.py", "def peek(handle): return handle._heartbeat", private_names_of_others),
    ("launch/plan.py", "see = f'see: hpcsweep status {sweep}'", commands_put_together_by_hand),
    ("store/results.py", "told = f'{path}: damaged; delete it: rm {path}'", commands_put_together_by_hand),
    ("training/state/variables.py", "from keras.src.models.functional import Functional", private_names_of_libraries),
    ("training/on_tensorflow/program.py", "import tensorflow.python.eager.context", private_names_of_libraries),
    ("training/on_jax/epochs.py", "from jax._src import core", private_names_of_libraries),
    ("training/fit.py", "keras.Sequential()._flatten_layers()", private_names_of_libraries),
    ("training/engines/choose.py", "getattr(keras.optimizers.SGD(), '_learning_rate', 0)", private_names_of_libraries),
]
PRIVATE_USES = [
    "from hpcsweep.store.checkpoints import _path",
    "from hpcsweep.store import checkpoints; checkpoints._path",
    "getattr(checkpoints, '_path')",
    "def test_it(monkeypatch): monkeypatch.setattr('hpcsweep.store.checkpoints._path', None)",
    "def test_it(monkeypatch): monkeypatch.setattr(checkpoints, '_path', None)",
    "from unittest import mock; mock.patch.object(checkpoints, '_path')",
    "import operator; operator.attrgetter('_path')(checkpoints)",
    "vars(checkpoints)['_path']",
    "def _path(): return checkpoints._path",
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, beside its contracts."""
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    return Path(shutil.copytree(PACKAGE, tmp_path / "hpcsweep", ignore=shutil.ignore_patterns("__pycache__")))


def add_line(path: Path, line: str) -> None:
    """Add one line to a file of the package, which must be there."""
    path.write_text(path.read_text() + f"\n{line}\n")


@pytest.mark.parametrize(("file", "line", "contract"), CONTRACTS, ids=lambda text: text[:60])
def test_a_forbidden_import_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    """One import that points upwards, round in a circle, or to a library of another room, breaks a contract."""
    add_line(copy / file, line)
    assert contract in broken_contracts(copy)


@pytest.mark.parametrize(("file", "line", "rule"), OTHERS, ids=lambda text: str(getattr(text, "__name__", text))[:60])
def test_a_breach_that_is_no_import_breaks_its_rule(copy: Path, file: str, line: str, rule: object) -> None:
    """Imports by string, a store's file names outside of it, SLURM's commands outside of slurm/, unquoted commands."""
    add_line(copy / file, line)
    assert callable(rule)
    assert len(rule(copy)) == 1


@pytest.mark.parametrize("folder", ["tests/store", "benchmarks"])
@pytest.mark.parametrize("line", PRIVATE_USES)
def test_a_private_name_is_found_however_it_is_used(tmp_path: Path, folder: str, line: str) -> None:
    """Tests and benchmarks may not use what the package keeps private, whichever way Python offers."""
    for path, text in (("hpcsweep/store/checkpoints.py", "def _path() -> None: ..."), (f"{folder}/of_use.py", line)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert private_names_of_others(tmp_path / "hpcsweep") == [f"{folder}/of_use.py:1: _path"]
