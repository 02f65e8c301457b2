"""From an annotation in a job's text to the kind of values it means. Nothing is imported or evaluated."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hpcsweep.sweep.value_types import Anything, Choice, Exact, FixedList, Kind, ListOf, OneOf, Value, plain

SUPPORTED = "int, float, str, bool, None, Literal[...], list[...], tuple[...], Optional[...] or unions of these"
PLAIN = {"int": int, "float": float, "str": str, "bool": bool, "None": type(None)}
DEEPEST = 20  # aliases may name each other in a circle


class AnnotationError(ValueError):
    """An annotation that no value of a sweep file can fit; the message is its text."""


def parse_annotation(node: ast.expr | None, aliases: Mapping[str, ast.expr], depth: int = 0) -> Kind:
    """Return the kind that `node` means; AnnotationError holds the text of the part that means none."""
    if node is None:
        return Anything()
    if depth > DEEPEST:
        raise AnnotationError(ast.unparse(node))
    match node:
        case ast.Constant(value=None):
            return Exact(type(None))
        case ast.Constant(value=str(text)):
            return parse_annotation(_from_text(text), aliases, depth + 1)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _union([left, right], aliases, depth)
        case ast.Subscript(value=outer, slice=inner):
            return _subscript(_last_name(outer), inner, node, aliases, depth)
        case ast.Name() | ast.Attribute():
            return _named(node, aliases, depth)
    raise AnnotationError(ast.unparse(node))


def literal(node: ast.expr) -> Value:
    """Return the plain value of a literal, tuples as lists; ValueError if it is not a literal of plain values."""
    return plain(_tuples_as_lists(ast.literal_eval(node)))


def _tuples_as_lists(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_tuples_as_lists(item) for item in value]
    return value


def _from_text(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise AnnotationError(repr(text)) from None


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _named(node: ast.Name | ast.Attribute, aliases: Mapping[str, ast.expr], depth: int) -> Kind:
    name = _last_name(node)
    if isinstance(node, ast.Name) and name in aliases:
        return parse_annotation(aliases[name], aliases, depth + 1)
    if name in PLAIN:
        return Exact(PLAIN[name])
    if name in ("list", "List", "tuple", "Tuple"):
        return ListOf(Anything())
    if name == "Any":
        return Anything()
    raise AnnotationError(ast.unparse(node))


def _subscript(outer: str, inner: ast.expr, whole: ast.expr, aliases: Mapping[str, ast.expr], depth: int) -> Kind:
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match outer:
        case "Literal":
            return _choice(items, whole)
        case "Optional":
            return _union([inner, ast.Constant(None)], aliases, depth)
        case "Union":
            return _union(items, aliases, depth)
        case "list" | "List":
            return ListOf(parse_annotation(inner, aliases, depth + 1))
        case "tuple" | "Tuple":
            return _tuple(items, aliases, depth)
    raise AnnotationError(ast.unparse(whole))


def _tuple(items: list[ast.expr], aliases: Mapping[str, ast.expr], depth: int) -> Kind:
    if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is ...:
        return ListOf(parse_annotation(items[0], aliases, depth + 1))
    return FixedList(tuple(parse_annotation(item, aliases, depth + 1) for item in items))


def _union(items: list[ast.expr], aliases: Mapping[str, ast.expr], depth: int) -> Kind:
    kinds: list[Kind] = []
    for item in items:
        kind = parse_annotation(item, aliases, depth + 1)
        kinds.extend(kind.kinds if isinstance(kind, OneOf) else [kind])
    return OneOf(tuple(dict.fromkeys(kinds))) if len(set(kinds)) > 1 else kinds[0]


def _choice(items: list[ast.expr], whole: ast.expr) -> Kind:
    try:
        values = [literal(item) for item in items]
    except ValueError:
        raise AnnotationError(ast.unparse(whole)) from None
    if any(isinstance(value, list) for value in values):
        raise AnnotationError(ast.unparse(whole))
    choice = Choice(tuple(value for value in values if value is not None))
    return OneOf((choice, Exact(type(None)))) if None in values else choice
