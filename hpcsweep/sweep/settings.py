"""Types that sweep files and profiles share: times, names fit for a path, text fit for a line of a script."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from hpcsweep.sweep.choices import AUTO, EACH, ContinueBy

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_WORDS = "at most 64 letters, digits, dots, dashes and underscores, a letter or digit first"
TIME = re.compile(r"(?:(\d{1,4})-)?(\d{1,4}):([0-5]\d):([0-5]\d)")
TIME_WORDS = '"HH:MM:SS", "D-HH:MM:SS" or a number of minutes'


class Section(BaseModel):
    """A table of a TOML file: unknown keys are refused, and so is a value of almost the right type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def wrong(expected: str, **where: str) -> PydanticCustomError:
    """Return the error to raise in a validator: `expected` completes the line's "found ..., expected".

    Give `key` and `found` if the validator is that of a whole table.
    """
    return PydanticCustomError("wrong", "{expected}", {"expected": expected, **where})


def seconds(value: object) -> int:
    """Return a wall time in seconds from "HH:MM:SS", "D-HH:MM:SS" or whole minutes, as SLURM writes them."""
    if type(value) is int and value > 0:
        return value * 60
    match = TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(TIME_WORDS)
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    total_s = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if total_s == 0:
        raise wrong(f"more than no time, as {TIME_WORDS}")
    return total_s


def _safe_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise wrong(NAME_WORDS)
    return text


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise wrong("text on one line, without control characters")
    return text


def _one_word(text: str) -> str:
    if not text.isprintable() or not text or any(character.isspace() for character in text):
        raise wrong("one word, without spaces or control characters")
    return text


def _count_or(word: str, meaning: str) -> PlainValidator:
    """Return the check of a setting that is a whole number, at least 1, or one word."""

    def check(value: object) -> int | str:
        if value == word:
            return word
        if type(value) is int and value > 0:
            return value
        raise wrong(f'a whole number, at least 1, or "{word}" ({meaning})')

    return PlainValidator(check)


def _count_or_schema(word: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": word}]})


def one_of(choices: type[StrEnum]) -> WithJsonSchema:
    """Return the JSON schema of a setting that is one of `choices`: the words alone, where it is used."""
    return WithJsonSchema({"type": "string", "enum": [choice.value for choice in choices]})


TimeS = Annotated[
    int,
    BeforeValidator(seconds),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{TIME.pattern}$"}, {"type": "integer", "minimum": 1}]}),
]
Name = Annotated[str, AfterValidator(_safe_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
Line = Annotated[str, AfterValidator(_one_line)]
Word = Annotated[str, AfterValidator(_one_word)]
AtLeastOne = Annotated[int, Field(ge=1, le=1_000_000_000)]
NotNegative = Annotated[int, Field(ge=0)]
Workers = Annotated[int | str, _count_or(EACH, "one per trajectory"), _count_or_schema(EACH)]
WorkersPerGpu = Annotated[int | str, _count_or(AUTO, "as many as fit"), _count_or_schema(AUTO)]
Continue = Annotated[ContinueBy, Field(strict=False), one_of(ContinueBy)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Resources(Section):
    """What each worker is given. In a sweep file it replaces the profile's settings of the same names."""

    time_s: TimeS | None = Field(default=None, alias="time", description=f"Wall time of a worker: {TIME_WORDS}.")
    gpus: NotNegative | None = Field(default=None, description="GPUs of a worker's allocation.")
    cpus: AtLeastOne | None = Field(default=None, description="CPU cores of a worker's allocation.")
    mem_gb: Positive | None = Field(default=None, description="Memory of a worker's allocation in GB (10^9 bytes).")
    partition: Word | None = Field(default=None, description="SLURM partition.")
    workers: Workers | None = Field(
        default=None, description='Size of the array of workers; "each" starts one per trajectory.'
    )
    workers_per_gpu: WorkersPerGpu | None = Field(
        default=None,
        description='Workers that share one GPU within an allocation; "auto" finds out how many its memory holds.',
    )
    continue_: Continue | None = Field(
        default=None,
        alias="continue",
        description="How unfinished work continues when a worker's time ends: it puts itself back into the queue "
        "(requeue), submits a successor (resubmit), has its successors queued beforehand (chain), or waits for "
        "`hpcsweep resume` (manual).",
    )

    def given(self) -> dict[str, Any]:
        """Return the settings that are given, by attribute name."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
