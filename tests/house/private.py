"""Rules of what begins with an underscore: in Keras, TensorFlow and JAX, and in the rooms of the package.

Each returns one line per breach, none if the rule holds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.trees import is_own, text_of, trees

LIBRARIES = ("keras", "tensorflow", "jax", "jaxlib")
INSIDES = ("keras.src", "tensorflow.python", "tensorflow.compiler", "tensorflow.core")
PRIVATE_FILES = ("training/keras_private.py", "training/on_tensorflow/private.py")
PRIVATE = re.compile(r"_(?!repr_\w+_$)[^_]\w*")  # less those that notebooks look for
PUBLIC = {"_fields", "_field_defaults", "_make", "_asdict", "_replace"}  # of named tuples, as documented
BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}
NAMING = BY_NAME | {"attrgetter", "methodcaller", "patch", "object", "setitem", "delitem"}  # object: of mock's `patch`
OUTSIDE = ("tests", "benchmarks", "analysis", "jobs", "docs")  # what uses the package, beside it


def private_names_of_libraries(package: Path) -> list[str]:
    """Only PRIVATE_FILES use what Keras, TensorFlow or JAX keep private: modules, attributes, attributes by name."""
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees(package)
        if path not in PRIVATE_FILES
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt | ast.expr)
        if _imports_private(node) or (path.startswith("training/") and _is_private_attribute(node))
    ]


def private_names_of_others(package: Path) -> list[str]:
    """A name that begins with an underscore is used in its own room alone: by no other, no test and no benchmark."""
    owners: dict[str, set[str]] = {}
    for path, tree in trees(package):
        for name in _defined(path, tree):
            owners.setdefault(name, set()).add(path.partition("/")[0])
    outside = ((f"{name}/{path}", tree) for name in OUTSIDE for path, tree in trees(package.parent / name))
    return [
        f"{path}:{line}: {name}"
        for path, tree in [*trees(package), *outside]
        for line, name in _private_names(tree)
        if name in owners and path.partition("/")[0] not in owners[name]
    ]


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
        return _is_private(node.attr) and not is_own(node)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in BY_NAME:
        return _is_private(text_of(node.args[1]))
    return False


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def _defined(path: str, tree: ast.Module) -> set[str]:
    """Return the private names that a module gives to itself, functions, classes, variables, imports and attributes."""
    found = set(path.removesuffix(".py").split("/"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias) and node.asname:
            found.add(node.asname)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node):
            found.add(node.attr)
    return set(filter(PRIVATE.fullmatch, found)) - PUBLIC


def _private_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give the private names that a module takes from elsewhere, as attributes, imports or strings, with the line."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute) and not is_own(node):
            names = [node.attr]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            source = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
            names = [*source, *(part for alias in node.names for part in alias.name.split("."))]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in NAMING:
            names = [text_of(argument).rpartition(".")[2] for argument in node.args]
        elif isinstance(node, ast.Subscript) and re.search(r"\b(vars|globals|__dict__)\b", ast.unparse(node.value)):
            names = [text_of(node.slice)]
        yield from (
            (getattr(node, "lineno", 0), name) for name in names if PRIVATE.fullmatch(name) and name not in PUBLIC
        )
