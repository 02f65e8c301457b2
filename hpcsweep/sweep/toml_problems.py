"""What is wrong with a TOML file, in one line: file, key, what was found, what was expected, the nearest right name."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hpcsweep.errors import SweepFileError, nearest
from hpcsweep.sweep.value_types import describe, listed, shortened

Model = TypeVar("Model", bound=BaseModel)

EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a string",
    "bool_type": "true or false",
    "list_type": "a list of values, such as [1, 2]",
    "dict_type": "a table of key = value lines",
    "model_type": "a table of key = value lines",
    "too_short": "at least one value",
    "finite_number": "a finite number",
}
PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")  # how tomllib ends its messages
REPEATED = ("case", "exclude", "expected")  # tables that a sweep file may have several of
COMPARISONS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
}


@dataclass(frozen=True)
class Problem:
    """One fault of a file, at a key such as `grid.layers`."""

    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}, expected {self.expected}"


def refuse(file: str, problems: Sequence[Problem | str]) -> SweepFileError:
    """Return the error to raise: the first problem, and the number of further ones."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return SweepFileError(one_line(f"{file}: {problems[0]}{more}"))


def one_line(text: str) -> str:
    """Return `text` with line ends and other control characters escaped, so that it is one harmless line."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def read_toml(path: Path, shown: str = "") -> dict[str, Any]:
    """Return the table in the file `path`; SweepFileError, one line, if it cannot be read or is not TOML.

    The line calls the file `shown`, or `path` if that is not given.
    """
    try:
        return _parse_toml(_read(path))
    except SweepFileError as error:
        raise SweepFileError(one_line(f"{shown or path}: {error}")) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        siblings = [file.name for file in sorted(path.parent.glob("*.toml"))]
        hint = nearest(path.name, siblings)
        raise SweepFileError(f"found no such file, expected a TOML file{hint}") from None
    except IsADirectoryError:
        raise SweepFileError("found a folder, expected a TOML file") from None
    except OSError as error:
        raise SweepFileError(f"found an unreadable file ({error.strerror}), expected a TOML file") from None


def _parse_toml(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SweepFileError(f"line {line}: found the byte 0x{data[error.start]:02x}, expected text in UTF-8") from None
    try:
        return tomllib.loads(text)
    except (
        ValueError,
        RecursionError,
    ) as error:  # also a number of thousands of digits, or brackets without end
        raise SweepFileError(_not_toml(str(error) or type(error).__name__, text.split("\n"))) from None


def _not_toml(fault: str, lines: Sequence[str]) -> str:
    expected = 'expected TOML such as name = "text" or layers = [2, 3]'
    place = PLACE.search(fault)
    if place is None:
        return f"found no valid TOML: {fault}, {expected}"
    number, column = int(place[1]), place[2]
    reason = fault[: place.start()].strip()
    found = shortened(lines[number - 1].strip())
    return f"line {number}, column {column}: found `{found}` ({reason}), {expected}"


def validate(model: type[Model], table: dict[str, Any], file: str) -> Model:
    """Return `table` as a `model`; SweepFileError with the first fault in one line."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors(include_url=False)]
        raise refuse(file, list(dict.fromkeys(problems))) from None


def _problem(model: type[BaseModel], detail: ErrorDetails) -> Problem:
    path = [part for part in detail["loc"] if part != "[key]"]  # pydantic's mark of a table's key, not its value
    key = key_text(path)
    if detail["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        hint = nearest(str(path[-1]), known)
        return Problem(key, "an unknown key", f"one of {listed(known)}{hint}")
    context = detail.get("ctx", {})
    if detail["type"] == "missing":
        return Problem(key, "nothing", f"a value: {_description(model, path)}")
    found = context.get("found") or describe(detail["input"])
    told = context.get("key", "")
    return Problem(told if not key or told.startswith(f"{key}.") else key, found, _expected(path, detail))


def _description(model: type[BaseModel], path: Sequence[int | str]) -> str:
    """Return what the model says of the field at `path`, as the end of a sentence."""
    inner = _model_at(model, path[:-1])
    field = inner.model_fields.get(str(path[-1])) if inner else None
    text = (field.description if field else "") or ""
    return (text[:1].lower() + text[1:]).removesuffix(".")


def key_text(path: Sequence[int | str]) -> str:
    """Return a key as people write it, items counted from 1: `case #2.layers`."""
    text = ""
    for part in path:
        text += f" #{part + 1}" if isinstance(part, int) else f".{part}" if text else part
    return text


def _expected(path: Sequence[int | str], detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "wrong":
        return str(context["expected"])
    if kind == "list_type" and len(path) == 1 and path[0] in REPEATED:
        return f"tables headed [[{path[0]}]], in double brackets"
    if kind in COMPARISONS:
        return COMPARISONS[kind].format(**context)
    if kind in ("literal_error", "enum"):
        return "one of " + str(context["expected"]).replace("'", '"').replace(" or ", ", ")
    return EXPECTED.get(kind, detail["msg"])


def _known_keys(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    inner = _model_at(model, path)
    return [field.alias or name for name, field in inner.model_fields.items()] if inner else []


def _model_at(model: type[BaseModel] | None, path: Sequence[int | str]) -> type[BaseModel] | None:
    for part in path:
        if model is None:
            return None
        if isinstance(part, str):
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            model = _model_in(fields.get(part, typing.get_type_hints(model).get("__pydantic_extra__")))
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
