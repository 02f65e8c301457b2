"""What the names in a module's text stand for, also what it imports from the study. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from hpcsweep.code.closure import module_file
from hpcsweep.code.imports import Imported
from hpcsweep.errors import JobError

DEEPEST = 20  # names may stand for each other in a circle

Meaning = ast.expr | ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Scope:
    """The names of one module of the study whose folder is `root`; `path` is the module's, from there."""

    root: Path
    path: PurePosixPath
    module: ast.Module
    depth: int = 0

    def find(self, name: str) -> tuple[Meaning, Scope] | None:
        """Return what a name, such as `Config` or `settings.Config`, stands for, and the scope where that is written.

        That is a class, a function, or the expression that is assigned to it last; None for what lies outside.
        """
        first, _, rest = name.partition(".")
        if first in self._imports and self.depth < DEEPEST:
            imported, original = self._imports[first]
            if original is None:  # a module: `import settings`, or `from . import settings`
                scope = self._scope_of(imported)
                return scope.find(rest) if scope and rest else None
            scope = self._scope_of(imported)
            inside = Imported(imported.level, f"{imported.module}.{original}".strip("."))
            if scope and not rest and (found := scope.find(original)):
                return found
            scope = self._scope_of(inside)
            return scope.find(rest) if scope and rest else None
        meaning = self._own.get(first)
        return (meaning, self) if meaning is not None and not rest else None

    def original(self, name: str) -> str:
        """Return the last part of a name as its own module calls it: `Optional` for what is imported as `Opt`."""
        if name in self._imports and self._imports[name][1]:
            return str(self._imports[name][1])
        return name.rpartition(".")[2]

    @cached_property
    def _own(self) -> dict[str, Meaning]:
        return dict(_defined(self.module))

    @cached_property
    def _imports(self) -> dict[str, tuple[Imported, str | None]]:
        return dict(_imported(self.module))

    def _scope_of(self, imported: Imported) -> Scope | None:
        by = self.root / self.path
        file = module_file(imported, by, (by.parent, self.root), self.root)
        if file is None or file == by:
            return None
        path = PurePosixPath(file.relative_to(self.root).as_posix())
        return Scope(self.root, path, parse_module(self.root, path), self.depth + 1)


def parse_module(root: Path, path: PurePosixPath) -> ast.Module:
    """Return the syntax of a file of the study; JobError, one line, if it is no Python. OSError is the caller's."""
    text = (root / path).read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape sequence in a job is not our business
            return ast.parse(text)
    except SyntaxError as error:
        raise JobError(f"{path}: found no valid Python in line {error.lineno} ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise JobError(f"{path}: found no valid Python ({type(error).__name__}: {error})") from None


def dotted_name(node: ast.expr) -> str:
    """Return `a.b` for such an expression, an empty text for any other."""
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give a module's statements, with those under its `if` and `try`, such as `if TYPE_CHECKING:`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            handlers = [one for handler in getattr(node, "handlers", []) for one in handler.body]
            yield from _statements([*node.body, *handlers, *node.orelse])


def _defined(module: ast.Module) -> Iterator[tuple[str, Meaning]]:
    for node in _statements(module.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name, node
            case _ if type(node).__name__ == "TypeAlias":  # `type Name = ...`, Python >= 3.12
                yield node.name.id, node.value  # type: ignore[attr-defined]


def _imported(module: ast.Module) -> Iterator[tuple[str, tuple[Imported, str | None]]]:
    for node in _statements(module.body):
        if isinstance(node, ast.ImportFrom):
            source = Imported(node.level, node.module or "")
            yield from ((alias.asname or alias.name, (source, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, (Imported(0, alias.name), None)) for alias in node.names if alias.asname)
            plain = (alias.name for alias in node.names if not alias.asname and "." not in alias.name)
            yield from ((name, (Imported(0, name), None)) for name in plain)
