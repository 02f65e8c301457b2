"""The rules of the house that import-linter cannot see: each returns one line per breach, none if the rule holds.

Every rule takes the folder of the package, so that `test_mutations` can ask it about a copy with a breach in it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.house.imports import broken_contracts, imports_by_string, imports_of_sweep, imports_past_a_face
from tests.house.private import private_names_of_libraries, private_names_of_others
from tests.house.trees import expressions, text_of, trees

STORE_NAMES = (
    "layout.py",
    "trajectory_folder.py",
    "task_files.py",
)  # in store/: they write its names
STORE_FOLDERS = re.compile(
    r"\b(layout(\.\w+(\(.*\))?)?|store\.root|store_root|submission(\.path)?|files\.path|folder\.path|trajectories)"
)
JOINS = {"joinpath", "glob", "rglob", "with_name"}
SLURM_COMMANDS = re.compile(
    r"(\S*/)?(sacct|sacctmgr|salloc|sbatch|sbcast|scancel|scontrol|sdiag|sinfo|sprio|squeue|sreport|srun|sshare|sstat)"
    r"(\s.*)?",
    re.DOTALL,
)
STARTERS = {"run", "Popen", "call", "check_call", "check_output", "getoutput", "system", "popen", "which", "ask"}
VALUE = "\0"  # stands where an f-string has a value
COMMANDS = re.compile(rf"\b(hpcsweep [a-z]+|cd|rm|scontrol [a-z]+|python -m)\b[^;:()`]*{VALUE}")


def file_names_outside_the_store(package: Path) -> list[str]:
    """Only store/ knows the names of a store's files, and makes paths in its folders."""
    names = {name for file in STORE_NAMES for name in _names_in_paths(package / "store" / file)}
    whole = {name for name in names if re.search(r"[.-]", name)}  # "workers" is a common word, "run-" is a name
    lines = {
        (path, node.lineno)
        for path, tree in trees(package)
        if not path.startswith("store/")
        for node in expressions(tree)
        if _is_store_path(node, names) or _is_name(node, whole)
    }
    return [f"{path}:{line}" for path, line in sorted(lines)]


def slurm_commands_outside_slurm(package: Path) -> list[str]:
    """Only slurm/ starts SLURM's commands, or looks for them."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees(package)
        if not path.startswith("slurm/")
        for node in expressions(tree)
        if _starts_slurm(node)
    ]


def commands_put_together_by_hand(package: Path) -> list[str]:
    """A command with values in it is made by to_type or shell, which quote them, and never inside an f-string."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees(package)
        for node in expressions(tree)
        if isinstance(node, ast.JoinedStr) and COMMANDS.search(_with_values_marked(node))
    ]


RULES: tuple[Callable[[Path], list[str]], ...] = (
    broken_contracts,
    imports_by_string,
    imports_of_sweep,
    imports_past_a_face,
    file_names_outside_the_store,
    slurm_commands_outside_slurm,
    commands_put_together_by_hand,
    private_names_of_libraries,
    private_names_of_others,
)


def _names_in_paths(path: Path) -> Iterator[str]:
    """Give the names that a module joins to paths; of those with a number in them, the text before it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (name := text_of(node.right)):
            yield name


def _is_name(node: ast.expr, names: set[str]) -> bool:
    text = text_of(node)
    return bool(text) and "\n" not in text and text.startswith(tuple(names))


def _is_store_path(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return text_of(node.right) in names or bool(STORE_FOLDERS.search(ast.unparse(node.left)))
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in JOINS:
        return any(text_of(argument) in names for argument in node.args)
    return False


def _starts_slurm(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and bool(SLURM_COMMANDS.fullmatch(text_of(node.elts[0])))
    if isinstance(node, ast.Call) and node.args:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name in STARTERS and bool(SLURM_COMMANDS.fullmatch(text_of(node.args[0])))
    return False


def _with_values_marked(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
