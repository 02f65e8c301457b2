"""A command as a job: its placeholders are the parameters, and the sweep file's values say their types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpcsweep.errors import JobError, nearest
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.command import Command, parse_command
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.job import JobSchema, Parameter
from hpcsweep.sweep.points import RandomSpec
from hpcsweep.sweep.value_types import Anything, Exact, Kind, ListOf

SHOWN = "the command"
LARGEST_CODE = 10_000_000  # bytes of a file that the command names; a larger one is data, and stays where it is


def read_command(root: Path, file: SweepFile) -> JobSchema:
    """Return the schema of the command of `file`, whose study is the folder `root`.

    Raises JobError, one line, if it is no command, or names a script that is not there.
    """
    command = written_command(file)
    files = command.files(root)
    _require_script(root, command, files)
    code = tuple(name for name in files if (root / name).stat().st_size <= LARGEST_CODE)
    values = _values_by_name(file)
    kinds = {name: _kind(values.get(name, [])) for name in command.parameters}
    shares = bool(file.command_options and file.command_options.shares_epochs)
    if shares and kinds.get(EPOCHS) != Exact(int):
        raise JobError("found shares_epochs = true, expected it with the placeholder {epochs}, a whole number")
    parameters = tuple(Parameter(name, kind.expected(), kind, required=True) for name, kind in kinds.items())
    return JobSchema(command.reference, code, parameters, shares, SHOWN)


def written_command(file: SweepFile) -> Command:
    """Return the command that a sweep file has; JobError if it is none."""
    return parse_command(file.command or [], shell=file.shell)


def _require_script(root: Path, command: Command, files: tuple[str, ...]) -> None:
    script = command.script()
    if script is None or Path(script).is_absolute() or Path(script).as_posix() in files:
        return
    there = [path.relative_to(root).as_posix() for path in sorted(root.rglob(f"*{Path(script).suffix}"))[:1000]]
    raise JobError(
        f'found "{script}" (no such file in the study\'s folder), expected a path from the folder that holds sweeps/'
        + nearest(script, there)
    )


def _values_by_name(file: SweepFile) -> dict[str, list[Any]]:
    """Return the values that the sections have for each name."""
    found: dict[str, list[Any]] = {}
    for name, value in _pairs(file):
        found.setdefault(name, []).append(value)
    return found


def _pairs(file: SweepFile) -> Iterator[tuple[str, Any]]:
    yield from file.fixed.items()
    for table in (file.grid, file.zip, file.vary, file.across):
        yield from ((name, value) for name, values in table.items() for value in values)
    yield from (pair for case in file.case for pair in case.items())
    yield from ((EPOCHS, epochs) for epochs in (file.halving.epochs if file.halving else ()))
    for name, spec in {
        **(file.random.specs if file.random else {}),
        **(file.suggest.space if file.suggest else {}),
    }.items():
        yield from ((name, value) for value in _drawn(spec))


def _drawn(spec: RandomSpec) -> list[Any]:
    """Return values of the type that is drawn."""
    return spec.choice if spec.choice is not None else [0 if spec.whole else 0.5]


def _kind(values: list[Any]) -> Kind:
    """Return the kind that all `values` must be of: that of the first; whole numbers among others are such."""
    if not values or isinstance(values[0], dict):
        return Anything()
    if isinstance(values[0], list):
        return ListOf(Anything())
    types = {type(value) for value in values}
    return Exact(float if types == {int, float} else type(values[0]))
