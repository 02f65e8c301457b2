"""Classes of fields that a job takes as one parameter: dataclasses, attrs classes, pydantic models, named tuples.

Their fields are parameters called `config.lr`, those of a class inside `config.optimizer.lr`, with the defaults that
the classes say. A field called `seed` is the run's seed, as a parameter of that name is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hpcsweep.errors import JobError
from hpcsweep.sweep.scope import DEEPEST, Scope, dotted_name

DECORATORS = {"dataclass", "define", "frozen", "mutable", "attrs", "s"}
BASES = {"BaseModel", "BaseSettings", "NamedTuple", "TypedDict", "Struct"}
FIELD_CALLS = {"field", "Field", "ib", "attrib"}
_NO_FIELDS = {"ClassVar", "KW_ONLY", "PrivateAttr"}
_EMPTY: dict[str, ast.expr] = {
    "list": ast.List([]),
    "tuple": ast.Tuple([]),
    "dict": ast.Dict([], []),
    "set": ast.List([]),
}


@dataclass(frozen=True)
class Declared:
    """A parameter or a field as it is written: its annotation and its default, each in the scope of its own module."""

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    scope: Scope
    default_scope: Scope


def class_of(annotation: ast.expr | None, scope: Scope) -> tuple[ast.ClassDef, Scope] | None:
    """Return the class of fields that an annotation names, None if it names none."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    match scope.find(dotted_name(annotation)) if isinstance(annotation, ast.Name | ast.Attribute) else None:
        case (ast.ClassDef() as found, where) if _has_fields(found, where):
            return found, where
    return None


def fields_of(where: str, declared: Declared, depth: int = 0) -> Iterator[Declared]:
    """Give what a parameter is made of: itself, or the fields of its class and of the classes inside, by dotted names.

    Raises JobError, which begins with `where`, for a default that is not such a class called with literals.
    """
    found = class_of(declared.annotation, declared.scope)
    if found is None:
        yield declared
        return
    if depth > DEEPEST:
        raise JobError(f"{where}: found the class {found[0].name} inside itself, expected fields that end")
    given = _given(f"{where}: {declared.name}", declared, found[0])
    for field in _own_fields(where, *found):
        name = f"{declared.name}.{field.name}"
        if field.name in given:
            field = replace(field, default=given.pop(field.name), default_scope=declared.default_scope)
        yield from fields_of(where, replace(field, name=name), depth + 1)
    for name in given:
        raise JobError(f"{where}: {declared.name}: found {name}, expected a field of {found[0].name}")


def _has_fields(found: ast.ClassDef, scope: Scope) -> bool:
    decorators = [one.func if isinstance(one, ast.Call) else one for one in found.decorator_list]
    if {dotted_name(one).rpartition(".")[2] for one in decorators} & DECORATORS:
        return True
    known = {scope.original(dotted_name(base)) for base in found.bases} & BASES
    return bool(known or list(_bases(found, scope)))


def _bases(found: ast.ClassDef, scope: Scope) -> Iterator[tuple[ast.ClassDef, Scope]]:
    """Give the classes of fields in the study that a class is derived from."""
    for base in found.bases:
        match scope.find(dotted_name(base)):
            case (ast.ClassDef() as one, where) if _has_fields(one, where):
                yield one, where


def _own_fields(where: str, found: ast.ClassDef, scope: Scope) -> Iterator[Declared]:
    """Give the fields of a class, those of the classes that it is derived from first."""
    fields: dict[str, Declared] = {}
    for base in _bases(found, scope):
        fields |= {field.name: field for field in _own_fields(where, *base)}
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, default = node.target.id, node.value
            if _is_no_field(node.annotation) or name == "model_config" or not _in_init(default):
                continue
            place = f"{where}: {found.name}.{name}"
            fields[name] = Declared(name, node.annotation, _default(place, default), scope, scope)
    yield from fields.values()


def _is_no_field(annotation: ast.expr) -> bool:
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted_name(outer).rpartition(".")[2] in _NO_FIELDS


def _keywords(node: ast.expr | None) -> dict[str, ast.expr] | None:
    """Return what `field(...)` or `Field(...)` is told by name, None for any other expression."""
    if not isinstance(node, ast.Call) or dotted_name(node.func).rpartition(".")[2] not in FIELD_CALLS:
        return None
    keywords = {one.arg: one.value for one in node.keywords if one.arg}
    return {**keywords, **({"default": node.args[0]} if node.args else {})}


def _in_init(default: ast.expr | None) -> bool:
    match (_keywords(default) or {}).get("init"):
        case ast.Constant(value=False):
            return False
    return True


def _default(place: str, node: ast.expr | None) -> ast.expr | None:
    """Return the expression of a field's default, None if it has none."""
    told = _keywords(node)
    if told is None:
        return node
    for alias in {"alias", "validation_alias"} & told.keys():
        raise JobError(f"{place}: found {alias}=, expected a field that is given by its own name")
    factory = told.get("default_factory") or told.get("factory")
    if factory is not None:
        name = dotted_name(factory)
        return factory.body if isinstance(factory, ast.Lambda) else _EMPTY.get(name) or ast.Call(factory, [], [])
    default = told.get("default")
    return None if isinstance(default, ast.Constant) and default.value is ... else default


def _given(place: str, declared: Declared, found: ast.ClassDef) -> dict[str, ast.expr]:
    """Return the fields that the default of a parameter names, such as `lr` of `Config(lr=0.1)`."""
    default = declared.default
    if default is None:
        return {}
    match default:
        case ast.Call(func=func, args=[], keywords=keywords) if all(one.arg for one in keywords):
            if _is_class(declared.default_scope.find(dotted_name(func)), found):
                return {one.arg: one.value for one in keywords if one.arg}
    raise JobError(f"{place}: found the default {ast.unparse(default)}, expected one such as {found.name}(lr=0.1)")


def _is_class(called: tuple[object, Scope] | None, found: ast.ClassDef) -> bool:
    """Tell whether a name stands for a class; its module may have been read twice."""
    return called is not None and isinstance(called[0], ast.ClassDef) and ast.dump(called[0]) == ast.dump(found)
