"""What a parameter of a job may be: the kinds of values, which values fit them, and how to say so in one line."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hpcsweep.machine import zip_equal

if TYPE_CHECKING:
    from typing import TypeAlias  # novermin

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

NONE_WORD = "none"  # TOML has no null; this string stands for None if a parameter takes None but not such a string
LARGEST_INT = 2**63 - 1  # what TOML promises and what a column of a table can hold
SHOWN_CHARACTERS = 60


class MismatchError(ValueError):
    """A value does not fit; the message is what was expected."""


class Kind(Protocol):
    """The values that a parameter takes."""

    def expected(self) -> str:
        """Return the words for an error line: what would have been right."""

    def accept(self, value: object) -> Value:
        """Return `value` as the job will get it; MismatchError if it does not fit."""


@dataclass(frozen=True)
class Exact:
    """Exactly one of Python's plain types; the only conversion is from int to float."""

    type: type

    def expected(self) -> str:
        return f'"{NONE_WORD}"' if self.type is type(None) else self.type.__name__

    def accept(self, value: object) -> Value:
        if type(value) is self.type:
            return value  # type: ignore[return-value]  # the type is one of Value's, by construction
        if self.type is float and type(value) is int and float(value) == value:
            return float(value)
        if self.type is type(None) and value == NONE_WORD:
            return None
        raise MismatchError(self.expected())


@dataclass(frozen=True)
class Choice:
    """One of the listed values (`Literal[...]`)."""

    values: tuple[Value, ...]

    def expected(self) -> str:
        return "one of " + ", ".join(json.dumps(value) for value in self.values)

    def accept(self, value: object) -> Value:
        for choice in self.values:
            if type(choice) is type(value) and choice == value:
                return choice
        raise MismatchError(self.expected())


@dataclass(frozen=True)
class ListOf:
    """A list of any length whose items are all of one kind."""

    item: Kind

    def expected(self) -> str:
        return f"a list of {self.item.expected()}"

    def accept(self, value: object) -> Value:
        if not isinstance(value, list):
            raise MismatchError(self.expected())
        try:
            return [self.item.accept(item) for item in value]
        except MismatchError:
            raise MismatchError(self.expected()) from None


@dataclass(frozen=True)
class FixedList:
    """A list of fixed length, each item of its own kind (`tuple[int, str]`)."""

    items: tuple[Kind, ...]

    def expected(self) -> str:
        return f"a list of {len(self.items)}: " + ", ".join(item.expected() for item in self.items)

    def accept(self, value: object) -> Value:
        if not isinstance(value, list) or len(value) != len(self.items):
            raise MismatchError(self.expected())
        try:
            return [kind.accept(item) for kind, item in zip_equal(self.items, value)]
        except MismatchError:
            raise MismatchError(self.expected()) from None


@dataclass(frozen=True)
class SetOf:
    """A set, in a sweep file a list: in one order, and each item once, so that equal sets are one value."""

    item: Kind

    def expected(self) -> str:
        return f"a list of {self.item.expected()}"

    def accept(self, value: object) -> Value:
        items = ListOf(self.item).accept(value)
        return [json.loads(text) for text in sorted({json.dumps(item, sort_keys=True) for item in items})]  # type: ignore[union-attr]


@dataclass(frozen=True)
class TableOf:
    """A table of any keys whose values are all of one kind (`dict[str, int]`)."""

    item: Kind

    def expected(self) -> str:
        return f"a table such as {{key = {self.item.expected()}}}"

    def accept(self, value: object) -> Value:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise MismatchError(self.expected())
        try:
            return {key: self.item.accept(item) for key, item in value.items()}
        except MismatchError:
            raise MismatchError(self.expected()) from None


@dataclass(frozen=True)
class OneOf:
    """Any of several kinds (`int | None`)."""

    kinds: tuple[Kind, ...]

    def expected(self) -> str:
        return " or ".join(dict.fromkeys(kind.expected() for kind in self.kinds))

    def accept(self, value: object) -> Value:
        fitting = []
        for kind in self.kinds:
            try:
                fitting.append(kind.accept(value))
            except MismatchError:
                continue
        if not fitting:
            raise MismatchError(self.expected())
        unconverted = (found for found in fitting if type(found) is type(value))
        return next(unconverted, fitting[0])


@dataclass(frozen=True)
class Anything:
    """A parameter without an annotation: any plain value, or a list or table of them."""

    def expected(self) -> str:
        return "a string, number, bool, list or table"

    def accept(self, value: object) -> Value:
        return plain(value)


def plain(value: object) -> Value:
    """Return `value` if it is a string, finite number, bool, None, or a list or table of these; or MismatchError."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_INT:
            raise MismatchError(f"an int of at most {LARGEST_INT}")
        return value
    if isinstance(value, float):
        return _exact_float(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item) for key, item in value.items()}
    raise MismatchError("a string, number, bool, list or table")


def _exact_float(value: float) -> float:
    if not math.isfinite(value):
        raise MismatchError("a finite number")
    if value == 0 and math.copysign(1.0, value) < 0:
        raise MismatchError("0.0 without a sign")
    return value


def fitted(kind: Kind, value: object) -> Value:
    """Return `value` as a parameter of this `kind` gets it; MismatchError says what was expected."""
    return kind.accept(plain(value))


def choices(kind: Kind) -> list[str]:
    """Return the strings that `kind` lists, for naming the one nearest to a misspelt word."""
    if isinstance(kind, OneOf):
        return [text for inner in kind.kinds for text in choices(inner)]
    return [text for text in kind.values if isinstance(text, str)] if isinstance(kind, Choice) else []


def describe(value: object) -> str:
    """Return `value` and its type for an error line, such as `"three" (a string)`; always one short line."""
    names: dict[type, str] = {
        bool: "a bool",
        int: "an int",
        float: "a float",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    if value is None:
        return "nothing"
    text = value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else _toml(value)
    return f"{shortened(text)} ({names.get(type(value), 'a date or time')})"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value, default=str, ensure_ascii=False)


def shortened(text: str) -> str:
    """Return `text`, or its beginning and dots if it is too long for an error line."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Return the names for an error line: `a, b, c`, or `none` if there are none."""
    return ", ".join(names) or "none"
