"""What is wrong with a TOML file, in one line: file, key, what was found, what was expected, the nearest right name."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hpcsweep.errors import SweepFileError, nearest
from hpcsweep.kinds import describe, listed

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
REPEATED = ("case", "exclude")  # tables that a sweep file may have several of
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
    """Return the error to raise: the first problem, and how many more there are."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return SweepFileError(f"{file}: {problems[0]}{more}")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in the file `path`; SweepFileError, one line, if it cannot be read or is not TOML."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        siblings = [file.name for file in sorted(path.parent.glob("*.toml"))]
        hint = nearest(path.name, siblings)
        raise SweepFileError(f"{path}: found no such file, expected a TOML file{hint}") from None
    except IsADirectoryError:
        raise SweepFileError(f"{path}: found a folder, expected a TOML file") from None
    except OSError as error:
        raise SweepFileError(f"{path}: found an unreadable file ({error.strerror}), expected a TOML file") from None
    return _parse_toml(path, data)


def _parse_toml(path: Path, data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SweepFileError(
            f"{path}: line {line}: found the byte 0x{data[error.start]:02x}, expected text in UTF-8"
        ) from None
    try:
        return tomllib.loads(text)
    except (
        ValueError,
        RecursionError,
    ) as error:  # also a number of thousands of digits, or brackets without end
        fault = " ".join(str(error).split()) or type(error).__name__
        raise SweepFileError(
            f'{path}: found no valid TOML: {fault}; expected lines such as name = "text" and layers = [2, 3]'
        ) from None


def validate(model: type[Model], table: dict[str, Any], file: str) -> Model:
    """Return `table` as a `model`; SweepFileError with the first fault in one line."""
    try:
        return model.model_validate(table, by_alias=True, by_name=False)
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
    found = "nothing" if detail["type"] == "missing" else describe(detail["input"])
    return Problem(key, found, _expected(path, detail))


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
    if kind == "literal_error":
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
