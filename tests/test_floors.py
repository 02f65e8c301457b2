"""The architecture: each module imports only from floors below its own, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hpcsweep"
FLOORS = [
    {"errors", "files", "machine", "metrics"},
    {"sweep", "data"},
    {"store"},
    {"training"},
    {"worker"},
    {"slurm"},
    {"scheduler"},
    {"launch"},
    {"results"},
    {"tables"},
    {"statistics", "knee"},
    {"figures"},
    {"report"},
    {"cli"},
]
ONLY_IN = {
    "submitit": {"slurm", "launch"},
    "keras": {"training"},
    "tensorflow": {"training"},
    "jax": {"training"},
}
# Keras's backends: each only in its own folder of the training.
BACKENDS = {"tensorflow": "on_tensorflow", "jax": "on_jax"}
# What doctor runs on a node, in a process of its own, to see whether these very libraries can be imported there.
PROBE = PACKAGE / "slurm" / "asking" / "probe.py"
HEAVY = {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "scipy", "submitit", "pyarrow"}


def floor_of(module: str) -> int:
    """Return the number of the floor that a top-level module of the package stands on."""
    for number, floor in enumerate(FLOORS):
        if module in floor:
            return number
    raise AssertionError(f"hpcsweep.{module} stands on no floor; add it to FLOORS")


def room_of(path: Path) -> str:
    """Return the top-level module that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Return the dotted names that a file imports, anywhere but under TYPE_CHECKING."""
    names: set[str] = set()
    tree = ast.parse(path.read_text())
    hidden = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name != "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_lower_floors(path: Path) -> None:
    """Data flows one way: no module imports one of its own floor's neighbours or of a higher floor."""
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "hpcsweep" and len(parts) > 1 and parts[1] not in (room, "__version__", "job_options"):
            same_floor_of_values = floor_of(parts[1]) == floor_of(room) <= 2
            assert floor_of(parts[1]) < floor_of(room) or same_floor_of_values, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path != PROBE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    """submitit belongs to the scheduler, Keras to the training, each backend of Keras to one folder of that."""
    for name in imports_of(path):
        owners = ONLY_IN.get(name.split(".")[0])
        assert owners is None or room_of(path) in owners, f"{path.name} imports {name}"
        folder = BACKENDS.get(name.split(".")[0])
        assert folder is None or folder in path.parts, f"{path.name} imports {name}; expected only {folder} to"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("training/on_*/backend.py")), ids=lambda path: path.parent.name)
def test_a_backend_has_all_that_training_asks_for(path: Path) -> None:
    """What the Protocol names is in every backend's module: a module is cast to it, which no type checker questions."""
    tree = ast.parse((PACKAGE / "training" / "programs" / "backend.py").read_text())
    (asked,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Backend")
    names = {node.name for node in asked.body if isinstance(node, ast.FunctionDef)}
    module = ast.parse(path.read_text())
    defined = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined |= {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    defined |= {name.rpartition(".")[2] for name in imports_of(path)}
    assert names - defined == set()


def modules_after(*arguments: str) -> set[str]:
    """Return the top-level modules that a command has imported at its end."""
    code = (
        "import sys, atexit; "
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)); "
        "from hpcsweep.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    """`--help` comes at once: neither TensorFlow, Keras, pandas nor matplotlib is imported, nor NumPy or pydantic."""
    assert not modules_after("--help") & (HEAVY | {"numpy", "pydantic"})


def test_planning_imports_nothing_heavy(tmp_path: Path) -> None:
    """Planning needs no TensorFlow on the login node, nor pandas, matplotlib or NumPy."""
    imported = modules_after("plan", "sweeps/quickstart.toml", "--store", str(tmp_path / "none"))
    assert not imported & (HEAVY | {"numpy"})


def test_workers_never_import_the_planner_or_pandas() -> None:
    """What a worker imports is small: no planner, no sweep file, no pandas."""
    code = "import sys, hpcsweep.worker; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"hpcsweep.launch.plan", "hpcsweep.sweep.load", "pandas", "pydantic", "keras", "tensorflow"} & set(
        imported
    )
