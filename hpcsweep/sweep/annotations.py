"""From an annotation in a job's text to the kind of values it means. Nothing is imported or evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hpcsweep.sweep.scope import DEEPEST, Scope, dotted_name
from hpcsweep.sweep.value_types import (
    Anything,
    Choice,
    Exact,
    FixedList,
    Kind,
    ListOf,
    OneOf,
    SetOf,
    TableOf,
    Value,
    plain,
)

SUPPORTED = (
    "int, float, str, bool, None, Path, Literal[...], an Enum, list[...], tuple[...], set[...], dict[str, ...], "
    "Optional[...] or unions of these, or a class of fields (a dataclass, a pydantic model)"
)
PATHS = {"Path", "PurePath", "PosixPath", "PathLike", "FilePath", "DirectoryPath"}
_NUMBERS: dict[str, type] = {"Int": int, "Float": float}
PLAIN: dict[str, type] = {
    **{"int": int, "float": float, "str": str, "bool": bool, "None": type(None), "NoneType": type(None)},
    **{f"Strict{name}": kind for name, kind in {**_NUMBERS, "Str": str, "Bool": bool}.items()},
    **{sign + name: kind for sign in ("Positive", "NonNegative", "Negative") for name, kind in _NUMBERS.items()},
    **dict.fromkeys(PATHS, str),  # given to the job as a Path
}
LISTS = {"list", "List", "Sequence", "MutableSequence", "Iterable", "Collection"}
SETS = {"set", "Set", "frozenset", "FrozenSet", "AbstractSet"}
TABLES = {"dict", "Dict", "Mapping", "MutableMapping"}
ENUMS = {"Enum", "StrEnum", "IntEnum"}
_KEYS = (Exact(str), Anything())


class AnnotationError(ValueError):
    """An annotation that no value of a sweep file can fit; the message is its text."""


def parse_annotation(node: ast.expr | None, scope: Scope, depth: int = 0) -> Kind:
    """Return the kind that `node` means; AnnotationError holds the text of the part that means none."""
    if node is None:
        return Anything()
    if depth > DEEPEST:
        raise AnnotationError(ast.unparse(node))
    match node:
        case ast.Constant(value=None):
            return Exact(type(None))
        case ast.Constant(value=str(text)):
            return parse_annotation(_from_text(text), scope, depth + 1)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _union([left, right], scope, depth)
        case ast.Subscript(value=outer, slice=inner):
            return _subscript(scope.original(dotted_name(outer)), inner, node, scope, depth)
        case ast.Name() | ast.Attribute():
            return _named(node, scope, depth)
    raise AnnotationError(ast.unparse(node))


def constant(node: ast.expr, scope: Scope) -> Value:
    """Return the plain value of a literal, a name that stands for one, `Path("text")` or a member of an Enum.

    Tuples and sets become lists. ValueError if it is nothing of the kind.
    """
    match node:
        case ast.Name() | ast.Attribute():
            return _named_constant(node, scope)
        case ast.Call(func=func, args=[ast.Constant(value=str(text))], keywords=[]) if _is_path(func, scope):
            return text
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [constant(item, scope) for item in items]
    return plain(_as_toml(ast.literal_eval(node)))


def _is_path(func: ast.expr, scope: Scope) -> bool:
    return scope.original(dotted_name(func)) in PATHS


def _named_constant(node: ast.Name | ast.Attribute, scope: Scope) -> Value:
    name = dotted_name(node)
    match scope.find(name):
        case (ast.expr() as value, where):
            return constant(value, where)
    holder, _, member = name.rpartition(".")
    match scope.find(holder) if holder else None:
        case (ast.ClassDef() as found, where):
            members = dict(_members(found, where))
            if member in members:
                return members[member]
    raise ValueError(name)


def _as_toml(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_as_toml(item) for item in value]
    if isinstance(value, set):
        return SetOf(Anything()).accept(list(value))
    return {name: _as_toml(item) for name, item in value.items()} if isinstance(value, dict) else value


def _members(found: ast.ClassDef, scope: Scope) -> Iterator[tuple[str, Value]]:
    """Give the members of an Enum with the words for them in a sweep file: their values, or else their names."""
    for node in found.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            try:
                yield name, constant(node.value, scope)
            except ValueError:
                yield name, name


def _from_text(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise AnnotationError(repr(text)) from None


def _named(node: ast.Name | ast.Attribute, scope: Scope, depth: int) -> Kind:
    match scope.find(dotted_name(node)):
        case (ast.expr() as meaning, where):
            return parse_annotation(_of_new_type(meaning), where, depth + 1)
        case (ast.ClassDef() as found, where) if _is_enum(found, where):
            return _choice_of([value for _, value in _members(found, where)], node)
        case (ast.ClassDef() | ast.FunctionDef(), _):
            raise AnnotationError(ast.unparse(node))
    name = scope.original(dotted_name(node))
    if name in PLAIN:
        return Exact(PLAIN[name])
    if name in LISTS or name in ("tuple", "Tuple"):
        return ListOf(Anything())
    if name in SETS:
        return SetOf(Anything())
    if name in TABLES:
        return TableOf(Anything())
    if name in ("Any", "object"):
        return Anything()
    raise AnnotationError(ast.unparse(node))


def _of_new_type(meaning: ast.expr) -> ast.expr:
    match meaning:
        case ast.Call(func=func, args=[_, of], keywords=[]) if dotted_name(func).rpartition(".")[2] == "NewType":
            return of
    return meaning


def _is_enum(found: ast.ClassDef, scope: Scope) -> bool:
    return bool({scope.original(dotted_name(base)) for base in found.bases} & ENUMS)


def _subscript(outer: str, inner: ast.expr, whole: ast.expr, scope: Scope, depth: int) -> Kind:
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match outer:
        case "Literal":
            return _choice(items, whole, scope)
        case "Annotated" | "Final" | "Required" | "NotRequired":
            return parse_annotation(items[0], scope, depth + 1)
        case "Optional":
            return _union([inner, ast.Constant(None)], scope, depth)
        case "Union":
            return _union(items, scope, depth)
        case name if name in LISTS:
            return ListOf(parse_annotation(inner, scope, depth + 1))
        case name if name in SETS:
            return SetOf(parse_annotation(inner, scope, depth + 1))
        case name if name in PATHS:  # os.PathLike[str]
            return Exact(str)
        case name if name in TABLES and len(items) == 2 and parse_annotation(items[0], scope, depth + 1) in _KEYS:
            return TableOf(parse_annotation(items[1], scope, depth + 1))
        case "tuple" | "Tuple":
            return _tuple(items, scope, depth)
    raise AnnotationError(ast.unparse(whole))


def _tuple(items: list[ast.expr], scope: Scope, depth: int) -> Kind:
    if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is ...:
        return ListOf(parse_annotation(items[0], scope, depth + 1))
    return FixedList(tuple(parse_annotation(item, scope, depth + 1) for item in items))


def _union(items: list[ast.expr], scope: Scope, depth: int) -> Kind:
    kinds: list[Kind] = []
    for item in items:
        kind = parse_annotation(item, scope, depth + 1)
        kinds.extend(kind.kinds if isinstance(kind, OneOf) else [kind])
    return OneOf(tuple(dict.fromkeys(kinds))) if len(set(kinds)) > 1 else kinds[0]


def _choice(items: list[ast.expr], whole: ast.expr, scope: Scope) -> Kind:
    try:
        return _choice_of([constant(item, scope) for item in items], whole)
    except ValueError:
        raise AnnotationError(ast.unparse(whole)) from None


def _choice_of(values: list[Value], whole: ast.expr) -> Kind:
    if any(isinstance(value, list | dict) for value in values):
        raise AnnotationError(ast.unparse(whole))
    choice = Choice(tuple(value for value in values if value is not None))
    return OneOf((choice, Exact(type(None)))) if None in values else choice
