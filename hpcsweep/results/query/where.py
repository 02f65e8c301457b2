"""Filters such as `optimizer == 'adam' and layers >= 3`: read by `ast`, evaluated node by node, never by `eval`.

A filter may have column names, of words or not, numbers, texts, True, False, None, lists and tuples of these,
comparisons (also chained, `in`, `not in`, `is None`), `and`, `or`, `not`, and + - * / of numbers. Anything else is
refused by name.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results.query.words import Words

MAX_LENGTH = 2000
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda left, right: _is(left, right),
    ast.IsNot: lambda left, right: not _is(left, right),
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_OPERATOR_WORDS = ("and", "or", "not", "in", "is", "True", "False", "None")
_LEAVES = (ast.Name, ast.Constant, ast.Load)
_INNER = (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.BinOp)
_ALLOWED = (*_LEAVES, *_INNER, ast.List, ast.Tuple, *_COMPARE, *_ARITHMETIC)


@dataclass(frozen=True)
class Condition:
    """A checked filter: `names` are the columns it needs; calling it with their values tells whether a row is kept."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row is kept; UsageError if its values cannot be compared."""
        try:
            return bool(_value(self.tree, row))
        except (TypeError, ZeroDivisionError, OverflowError) as error:
            raise UsageError(f"--where {self.text!r}: {error} (in the row {dict(row)!r})") from None


def parse_condition(text: str, known: tuple[str, ...]) -> Condition:
    """Return the filter that `text` means, over the columns `known`; UsageError says what is wrong and where.

    A column whose name is no word, such as `val/acc` or `config.lr`, is written as it is called: where a name fits, it
    is the column, and `val / acc`, with spaces, is a quotient.
    """
    tree = parse_expression(text, "--where", known)
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            found = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            raise UsageError(f"--where {text!r}: {found!r} is not allowed; expected a comparison such as layers >= 3")
    names = tuple(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))
    for name in names:
        if name not in known:
            hint = nearest(name, known) or "; a text needs quotes"
            raise UsageError(f'--where {text!r}: no column is called "{name}"{hint}')
    return Condition(text, names, tree)


def parse_expression(text: str, option: str, known: Iterable[str] = ()) -> ast.expr:
    """Return the syntax tree of one expression; UsageError points to what is not Python.

    `known` are names that may stand in it though they are no words of Python; in the tree they are names all the same.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"{option}: {len(text)} characters; expected at most {MAX_LENGTH}")
    words, meant = _as_words(text.strip(), known)
    try:
        with warnings.catch_warnings():  # such as an invalid escape in a text, which need not concern the user
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(words, mode="eval").body
    except (SyntaxError, ValueError) as error:
        offset = getattr(error, "offset", None) if words == text.strip() else None
        place = f" at character {offset}" if offset else ""
        hint = "; equality is ==" if "=" in text and "==" not in text else ""
        raise UsageError(f"{option} {text!r}: cannot be read as an expression{place}{hint}") from None
    except (RecursionError, MemoryError):
        raise UsageError(f"{option}: nested too deeply") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = meant.get(node.id, node.id)
    return tree


def _as_words(text: str, known: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the text with a word in place of each known name that is none, and what these words mean."""
    odd = sorted((name for name in known if not _is_read_as_it_is(name)), key=len, reverse=True)
    meant = {f"_name_{number}_": name for number, name in enumerate(odd)}
    words = {name: word for word, name in meant.items()}
    names = "|".join(rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in odd)
    pattern = rf"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"){"|" if names else ""}{names}"""
    return re.sub(pattern, lambda found: found[0] if found["text"] else words[found[0]], text), meant


def _is_read_as_it_is(name: str) -> bool:
    """Tell whether Python reads a name as one, or as a number or an operator, which no column can replace."""
    if name.isidentifier():
        return not keyword.iskeyword(name) or name in _OPERATOR_WORDS
    return not name.strip() or re.fullmatch(r"[\d_.]+(e[-+]?\d+)?", name, re.IGNORECASE) is not None


def _is(left: Any, right: Any) -> bool:
    return left is right or (right is None and isinstance(left, Words) and not left)


def _value(node: ast.expr, row: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return row[node.id]
        case ast.List() | ast.Tuple():
            return tuple(_value(item, row) for item in node.elts)
        case ast.UnaryOp():
            value = _value(node.operand, row)
            return not value if isinstance(node.op, ast.Not) else -value
        case ast.BoolOp():
            values = (bool(_value(item, row)) for item in node.values)
            return all(values) if isinstance(node.op, ast.And) else any(values)
        case ast.BinOp():
            left, right = _value(node.left, row), _value(node.right, row)
            if isinstance(left, int | float) and isinstance(right, int | float):
                return _ARITHMETIC[type(node.op)](left, right)
            raise TypeError(f"{ast.unparse(node)!r} computes with what is not a number")
        case ast.Compare():
            return _compared(node, row)
    raise TypeError(f"{ast.unparse(node)!r} has no value")


def _compared(node: ast.Compare, row: Mapping[str, Any]) -> bool:
    left = _value(node.left, row)
    for compare, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, row)
        if not _COMPARE[type(compare)](left, right):
            return False
        left = right
    return True
