"""Rules of what a module imports, besides the contracts of pyproject.toml, and these contracts themselves.

Each returns one line per breach, none if the rule holds.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.trees import trees

# What imports by a name that is computed, and may: the names of the package's face, the backend that Keras was
# configured with, the verb that was typed, the module of a job, and what doctor asks a node for.
STRING_IMPORTS = {
    "__init__.py": [
        "importlib.import_module(f'hpcsweep.{_MODULE_OF[name]}')",
        "importlib.import_module(f'hpcsweep.{name}')",
    ],
    "cli/__init__.py": ["importlib.import_module(f'hpcsweep.cli.verbs.{cmd_name}')"],
    "slurm/asking/probe.py": ["__import__(name)"],
    "training/environment.py": ["importlib.import_module(f'hpcsweep.training.on_{backend}.environment')"],
    "training/programs/backend.py": [
        "importlib.import_module(f'hpcsweep.training.on_{keras.config.backend()}.backend')"
    ],
    "worker/process/job_code.py": [
        "importlib.import_module('hpcsweep.training')",
        "importlib.import_module('tensorflow')",  # an old one, so that it can be seeded
        "importlib.import_module(name)",
        "importlib.import_module(name)",
        "loader.exec_module(module)",
    ],
}
IMPORTERS = {"import_module", "__import__", "exec_module", "load_module", "run_module", "run_path", "exec", "eval"}


def broken_contracts(package: Path) -> list[str]:
    """Return the names of the contracts of pyproject.toml that the package's imports break."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "300", "PYTHONPATH": str(package.parent)},
    )
    broken = re.findall(r"^(.+) BROKEN\b", done.stdout, re.MULTILINE)
    return broken or ([] if done.returncode == 0 else [done.stdout + done.stderr])


def imports_by_string(package: Path) -> list[str]:
    """Whatever imports or runs a module by a string, which no import contract sees, is in STRING_IMPORTS."""
    found = {path: sorted(_string_imports(tree)) for path, tree in trees(package)}
    return [
        f"{path}: found {texts}, expected {STRING_IMPORTS.get(path, [])}"
        for path, texts in found.items()
        if texts != STRING_IMPORTS.get(path, [])
    ]


def imports_of_sweep(package: Path) -> list[str]:
    """`sweep/__init__` imports nothing: whoever needs only the ids of runs, a worker, would load it all."""
    tree = ast.parse((package / "sweep" / "__init__.py").read_text())
    return [f"sweep/__init__.py: {ast.unparse(node)}" for node in tree.body if not isinstance(node, ast.Expr)]


def imports_past_a_face(package: Path) -> list[str]:
    """What a room imports of another is named, in backticks, in the docstring of each folder on the way to it."""
    return [
        f"{path} imports {'.'.join(('hpcsweep', *parts))}, which {folder}/__init__.py does not name"
        for path, tree in trees(package)
        for parts in sorted(_imported_modules(package, path, tree))
        if parts[0] != path.split("/")[0].removesuffix(".py")
        for depth in range(1, len(parts))
        if f"`{parts[depth]}`" not in _docstring(folder := "/".join(parts[:depth]), package)
    ]


def _imported_modules(package: Path, path: str, tree: ast.Module) -> set[tuple[str, ...]]:
    """Return the modules of the package that a file imports, each as its folders and its name."""
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")[1:]) for alias in node.names if alias.name.startswith("hpcsweep.")}
        elif isinstance(node, ast.ImportFrom):
            base = ["hpcsweep", *path.split("/")][: -node.level] if node.level else []
            base += (node.module or "").split(".")
            inner = [tuple(part for part in (*base[1:], alias.name) if part) for alias in node.names]
            if base[0] == "hpcsweep":
                found |= {one if _is_module(package, one) else one[:-1] for one in inner}
    return found - {()}


def _is_module(package: Path, parts: tuple[str, ...]) -> bool:
    """Whether this is a file or folder, and no name that its folder offers itself, as `tables` does with `table`."""
    place = package.joinpath(*parts)
    face = place.parent / "__init__.py"
    offered = {alias.asname or alias.name for node in ast.walk(ast.parse(face.read_text()))
               if isinstance(node, ast.ImportFrom) for alias in node.names} if face.exists() else set()  # fmt: skip
    return (place.is_dir() or place.with_suffix(".py").exists()) and parts[-1] not in offered


def _docstring(folder: str, package: Path) -> str:
    return ast.get_docstring(ast.parse((package / folder / "__init__.py").read_text())) or ""


def _string_imports(tree: ast.Module) -> Iterator[str]:
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name in IMPORTERS:
            yield ast.unparse(node)
        elif getattr(node, "id", None) in IMPORTERS or getattr(node, "attr", None) in IMPORTERS:
            yield ast.unparse(called.get(id(node), node))
