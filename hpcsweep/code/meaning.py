"""What a Python file means: a digest of its syntax, without comments, docstrings and layout.

The digest is the same under every Python from 3.9 on: syntax trees are written out by ourselves, since `ast.dump`
differs from version to version, and fields that are empty are left out, since versions differ in which they have.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from hpcsweep.files import sha256_hex

REST = "top level"
"""The part of a file that is neither a function, a class nor an assignment to a name."""
# Where a thing stands, how it is read or written, and what only type checkers look at: no part of what it means.
_IGNORED = {"ctx", "kind", "type_comment", "type_ignores"}
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def parts_of(text: bytes) -> dict[str, str]:
    """Return the digests of a file's parts: functions, classes, methods as `Class.method`, top-level names, the rest.

    Text that this Python cannot parse (a newer syntax, or no Python at all) is one part, the digest of its bytes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
        written: dict[str, list[str]] = {}
        for name, piece in _pieces(_without_docstring(module.body), ""):
            written.setdefault(name, []).append(piece)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {REST: sha256_hex(text)}
    return {name: sha256_hex("\n".join(pieces).encode()) for name, pieces in written.items()}


def meaning_of(parts: dict[str, str]) -> str:
    """Return the digest of a whole file from those of its parts, which stand in the file's order."""
    return sha256_hex("\n".join(f"{name} {digest}" for name, digest in parts.items()).encode())


def meaning_of_bytes(content: bytes) -> dict[str, str]:
    """Return the one part of a file that is not Python: its bytes."""
    return {REST: sha256_hex(content)}


def _pieces(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    """Give (name of the part, text) of each statement; a class gives its head and each of its methods."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, _text(node, without="body")
            yield from _pieces(_without_docstring(node.body), f"{prefix}{node.name}.")
        else:
            yield _name(node, prefix), _text(node)


def _name(node: ast.stmt, prefix: str) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return prefix + node.name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if len(targets) == 1 and isinstance(targets[0], ast.Name):
        return prefix + targets[0].id
    return prefix.removesuffix(".") or REST


def _text(value: object, without: str = "") -> str:
    """Return a syntax tree as text; equal texts mean the same."""
    if isinstance(value, ast.JoinedStr):  # Python 3.12 splits the constant texts of an f-string otherwise
        return f"JoinedStr({','.join(_joined(value))})"
    if isinstance(value, ast.Constant):
        return f"{type(value.value).__name__}:{value.value!r}"
    if isinstance(value, ast.AST):
        fields = ((name, _field(value, name)) for name in value._fields if name not in _IGNORED and name != without)
        given = (f"{name}={_text(item)}" for name, item in fields if item is not None and item != [])
        return f"{type(value).__name__}({','.join(given)})"
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    return repr(value)


def _field(node: ast.AST, name: str) -> object:
    value = getattr(node, name, None)
    return _without_docstring(value) if name == "body" and isinstance(node, _SCOPES) else value


def _joined(node: ast.JoinedStr) -> Iterator[str]:
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            yield repr(text)
        text = ""
        yield _text(value)
    if text:
        yield repr(text)


def _without_docstring(body: object) -> list[ast.stmt]:
    """Return the statements of a function, class or module but for a docstring."""
    statements = body if isinstance(body, list) else []
    first = statements[0].value if statements and isinstance(statements[0], ast.Expr) else None
    return statements[1:] if isinstance(first, ast.Constant) and isinstance(first.value, str) else statements
