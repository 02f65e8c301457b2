"""The rules of the house hold: where a module may import from, who knows file names, who runs SLURM's commands."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.rules import RULES

PACKAGE = Path(__file__).parents[2] / "hpcsweep"
HEAVY = {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "scipy", "submitit", "pyarrow"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Callable[[Path], list[str]]) -> None:
    """Import contracts, imports by string, the names of a store's files, SLURM's commands, commands: see each."""
    assert rule(PACKAGE) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("training/on_*/backend.py")), ids=lambda path: path.parent.name)
def test_a_backend_has_all_that_training_asks_for(path: Path) -> None:
    """What the Protocol names is in every backend's module: a module is cast to it, which no type checker questions."""
    tree = ast.parse((PACKAGE / "training" / "programs" / "backend.py").read_text())
    (asked,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Backend")
    names = {node.name for node in asked.body if isinstance(node, ast.FunctionDef)}
    module = ast.parse(path.read_text())
    defined = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined |= {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    defined |= {alias.name for node in module.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names - defined == set()


def modules_after(code: str, *arguments: str) -> set[str]:
    """Return the modules, with their packages, that a new process has imported when `code` has ended."""
    watch = "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    ended = subprocess.run(
        [sys.executable, "-c", watch + code, *arguments],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    """`--help` comes at once: neither TensorFlow, Keras, pandas nor matplotlib is imported, nor NumPy or pydantic."""
    imported = modules_after("from hpcsweep.cli import main; main()", "--help")
    assert not imported & (HEAVY | {"numpy", "pydantic"})


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_planning_and_looking_import_nothing_heavy(tmp_path: Path, verb: str) -> None:
    """`plan` and `status` need no TensorFlow on the login node, nor pandas, matplotlib or NumPy."""
    words = (verb, "sweeps/quickstart.toml", "--store", str(tmp_path / "none"))
    imported = modules_after("from hpcsweep.cli import main; main()", *words)
    assert not imported & (HEAVY | {"numpy"})


@pytest.mark.parametrize("module", ["hpcsweep.worker.team", "hpcsweep.slurm.on_node.worker"])
def test_workers_import_neither_the_planner_nor_pandas(module: str) -> None:
    """What a worker imports is small: no planner, no sweep file, no pandas, and Keras only if its job needs it."""
    never = {"hpcsweep.launch.plan", "hpcsweep.sweep.load", "hpcsweep.sweep.file", "pandas", "pydantic", "click"}
    assert not modules_after(f"import {module}") & (never | {"keras", "tensorflow"})
