"""Reading what SLURM prints: durations, array notation, `key=value` records, rows. Pure functions on text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from hpcsweep.machine import zip_equal
from hpcsweep.store.task_files import task_name

NO_LIMIT = frozenset({"unlimited", "infinite", "none", "n/a", "(null)", "partition_limit", "not_set", "invalid", ""})
_DURATION = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
_ARRAY = re.compile(r"(\d+)_\[([^\]]+)\]")
_FIELD = re.compile(r"(?:^|\s)([A-Za-z][\w:/]*)=")


def parse_duration_s(text: str) -> float | None:
    """Return the seconds of SLURM's duration (`minutes`, `m:s`, `h:m:s`, `d-h`, `d-h:m`, `d-h:m:s`); None: no limit.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if text.lower() in NO_LIMIT:
        return None
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"not a duration: {text!r}")
    days, first, second, third = match.groups()
    if days is not None:
        return int(days) * 86400.0 + int(first) * 3600 + int(second or 0) * 60 + int(third or 0)
    if third is not None:
        return int(first) * 3600.0 + int(second) * 60 + int(third)
    return int(first) * 60.0 + int(second or 0)


def format_duration(seconds: float) -> str:
    """Return `d-hh:mm:ss` or `hh:mm:ss`, as SLURM takes it."""
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def parse_time(text: str) -> datetime | None:
    """Return a time that SLURM printed in local time; None for Unknown, N/A, None and the like."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def parse_count(text: str) -> int | None:
    """Return a number such as a limit; None if there is none (empty, UNLIMITED, N/A)."""
    text = text.strip()
    return int(text) if text.isdecimal() else None


def parse_record(line: str) -> dict[str, str]:
    """Return the fields of one `Key=value Key=value` record of `scontrol --oneliner`; values may hold spaces."""
    marks = list(_FIELD.finditer(line))
    ends = [mark.start() for mark in marks[1:]] + [len(line)] * bool(marks)
    return {mark[1]: line[mark.end() : end].strip() for mark, end in zip_equal(marks, ends)}


def parse_config(text: str) -> dict[str, str]:
    """Return the settings of `scontrol show config`."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def array_tasks(job: str) -> Iterator[str]:
    """Yield the elements that a job id stands for: `7` -> `7`, `7_3` -> `7_3`, `7_[0-4:2,9%8]` -> `7_0`, `7_2`, ...

    If squeue cut a list short (`7_[1,3,...]`), these are the elements that it names.
    """
    match = _ARRAY.fullmatch(job.strip())
    if not match:
        yield job.strip()
        return
    for part in match[2].partition("%")[0].split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            for task in range(int(first), int(last or first) + 1, max(int(step), 1) if step.isdecimal() else 1):
                yield task_name(match[1], task)
