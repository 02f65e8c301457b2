"""Which modules a Python file imports, read from its syntax wherever an import stands: nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_LITERAL_IMPORTS = {"importlib.import_module", "import_module", "__import__", "importlib.util.find_spec"}


@dataclass(frozen=True)
class Imported:
    """One import: `level` dots, the dotted module, and the names asked of it, each of which may be a module too."""

    level: int
    module: str
    names: tuple[str, ...] = ()


def imports_of(text: bytes) -> list[Imported]:
    """Return what a file imports: at its top, in functions and `try` blocks, and by `import_module("a literal")`.

    A file that this Python cannot parse imports nothing that we can see.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [found for node in ast.walk(tree) for found in _imports_of_node(node)]


def _imports_of_node(node: ast.AST) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        yield from (Imported(0, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        yield Imported(node.level or 0, node.module or "", names)
    elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in _LITERAL_IMPORTS:
        name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        if isinstance(name, str):
            yield Imported(len(name) - len(name.lstrip(".")), name.lstrip("."))
