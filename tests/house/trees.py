"""Syntax trees, as the rules of the house read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def trees(package: Path) -> Iterator[tuple[str, ast.Module]]:
    """Give the modules below a folder, each by its path in it and its syntax tree; none if there is no folder."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text())


def expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """Give the expressions of a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.expr))


def text_of(node: ast.AST) -> str:
    """Return the text of a string, or how an f-string begins; empty for anything else."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def is_own(node: ast.Attribute) -> bool:
    """Whether an attribute is one of `self` or `cls`."""
    return getattr(node.value, "id", "") in ("self", "cls")
