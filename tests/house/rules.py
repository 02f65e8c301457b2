"""The rules of the house that import-linter cannot see: each returns one line per breach, none if the rule holds.

Every rule takes the folder of the package, so that `test_mutations` can ask it about a copy with a breach in it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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
        "importlib.import_module(name)",
        "importlib.import_module(name)",
        "loader.exec_module(module)",
    ],
}
IMPORTERS = {"import_module", "__import__", "exec_module", "load_module", "run_module", "run_path", "exec", "eval"}
SLURM_COMMANDS = re.compile(
    r"(\S*/)?(sacct|sacctmgr|salloc|sbatch|sbcast|scancel|scontrol|sdiag|sinfo|sprio|squeue|sreport|srun|sshare|sstat)"
    r"(\s.*)?",
    re.DOTALL,
)
STARTERS = {"run", "Popen", "call", "check_call", "check_output", "getoutput", "system", "popen", "which", "ask"}
JOINS = {"joinpath", "glob", "rglob", "with_name"}
STORE_NAMES = ("layout.py", "task_files.py")  # in store/: where the names of its files are written
LIBRARIES = ("keras", "tensorflow", "jax", "jaxlib")
INSIDES = ("keras.src", "tensorflow.python", "tensorflow.compiler", "tensorflow.core")
BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}
PRIVATE_FILES = ("training/keras_private.py", "training/on_tensorflow/private.py")
STORE_FOLDERS = re.compile(
    r"\b(layout(\.\w+(\(.*\))?)?|store\.root|store_root|submission(\.path)?|files\.path|folder\.path|trajectories)"
)

PRIVATE = re.compile(r"_(?!repr_\w+_$)[^_]\w*")  # less those that notebooks look for
PATCHES = {"getattr", "setattr", "delattr", "hasattr"}
VALUE = "\0"  # stands where an f-string has a value
COMMANDS = re.compile(rf"\b(hpcsweep [a-z]+|cd|rm|scontrol [a-z]+|python -m)\b[^;:()`]*{VALUE}")


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
    found = {path: sorted(_string_imports(tree)) for path, tree in _trees(package)}
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
        for path, tree in _trees(package)
        for parts in sorted(_imported_modules(package, path, tree))
        if parts[0] != path.split("/")[0].removesuffix(".py")
        for depth in range(1, len(parts))
        if f"`{parts[depth]}`" not in _docstring(folder := "/".join(parts[:depth]), package)
    ]


def file_names_outside_the_store(package: Path) -> list[str]:
    """Only store/ knows the names of a store's files, and makes paths in its folders."""
    names = {name for file in STORE_NAMES for name in _names_in_paths(package / "store" / file)}
    whole = {name for name in names if re.search(r"[.-]", name)}  # "workers" is a common word, "run-" is a name
    lines = {
        (path, node.lineno)
        for path, tree in _trees(package)
        if not path.startswith("store/")
        for node in _expressions(tree)
        if _is_store_path(node, names) or _is_name(node, whole)
    }
    return [f"{path}:{line}" for path, line in sorted(lines)]


def slurm_commands_outside_slurm(package: Path) -> list[str]:
    """Only slurm/ starts SLURM's commands, or looks for them."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in _trees(package)
        if not path.startswith("slurm/")
        for node in _expressions(tree)
        if _starts_slurm(node)
    ]


def commands_put_together_by_hand(package: Path) -> list[str]:
    """A command with values in it is made by to_type or shell, which quote them, and never inside an f-string."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in _trees(package)
        for node in _expressions(tree)
        if isinstance(node, ast.JoinedStr) and COMMANDS.search(_with_values_marked(node))
    ]


def private_names_of_libraries(package: Path) -> list[str]:
    """Only PRIVATE_FILES use what Keras, TensorFlow or JAX keep private: modules, attributes, attributes by name."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in _trees(package)
        if path not in PRIVATE_FILES
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt | ast.expr)
        if _imports_private(node) or (path.startswith("training/") and _is_private_attribute(node))
    ]


def private_names_of_others(package: Path) -> list[str]:
    """A name that begins with an underscore is used in its own room alone, and by no test."""
    owners: dict[str, set[str]] = {}
    for path, tree in _trees(package):
        for name in _defined(tree):
            owners.setdefault(name, set()).add(path.partition("/")[0])
    tests = ((f"tests/{path}", tree) for path, tree in _trees(package.parent / "tests"))
    return [
        f"{path}:{line}: {name}"
        for path, tree in [*_trees(package), *tests]
        for line, name in _private_names(tree)
        if name in owners and path.partition("/")[0] not in owners[name] and name not in _defined(tree)
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


def _trees(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text())


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


def _expressions(tree: ast.Module) -> Iterator[ast.expr]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.expr))


def _string_imports(tree: ast.Module) -> Iterator[str]:
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name in IMPORTERS:
            yield ast.unparse(node)
        elif getattr(node, "id", None) in IMPORTERS or getattr(node, "attr", None) in IMPORTERS:
            yield ast.unparse(called.get(id(node), node))


def _names_in_paths(path: Path) -> Iterator[str]:
    """Give the names that a module joins to paths; of those with a number in them, the text before it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (name := _text(node.right)):
            yield name


def _text(node: ast.AST) -> str:
    """Return the text of a string, or how an f-string begins; empty for anything else."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _defined(tree: ast.Module) -> set[str]:
    """Return the private names that a module gives to functions, classes, variables and attributes of its own."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    found |= {node.attr for node in stored if ast.unparse(node.value) in ("self", "cls")}
    return set(filter(PRIVATE.fullmatch, found))


def _private_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give the private names that a module takes from something else, with the line: attributes, imports, patches."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("hpcsweep")):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in PATCHES:
            names = [_text(argument).rpartition(".")[2] for argument in node.args]
        yield from ((getattr(node, "lineno", 0), name) for name in names if PRIVATE.fullmatch(name))


def _with_values_marked(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)


def _is_name(node: ast.expr, names: set[str]) -> bool:
    text = _text(node)
    return bool(text) and "\n" not in text and text.startswith(tuple(names))


def _is_store_path(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _text(node.right) in names or bool(STORE_FOLDERS.search(ast.unparse(node.left)))
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in JOINS:
        return any(_text(argument) in names for argument in node.args)
    return False


def _starts_slurm(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and bool(SLURM_COMMANDS.fullmatch(_text(node.elts[0])))
    if isinstance(node, ast.Call) and node.args:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name in STARTERS and bool(SLURM_COMMANDS.fullmatch(_text(node.args[0])))
    return False


def _imports_private(node: ast.AST) -> bool:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    names = [start + alias.name for alias in node.names]
    of_libraries = [name for name in names if name.split(".")[0] in LIBRARIES]
    return any(name.startswith(INSIDES) or any(map(_is_private, name.split("."))) for name in of_libraries)


def _is_private_attribute(node: ast.AST) -> bool:
    """Whether an expression takes a private attribute of anything but its own `self`."""
    if isinstance(node, ast.Attribute):
        return _is_private(node.attr) and getattr(node.value, "id", "") not in ("self", "cls")
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in BY_NAME:
        return _is_private(_text(node.args[1]))
    return False


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
