"""What one submission asks SLURM for, in place of what the sweep and its profile say."""

from __future__ import annotations

from typing import Any, TypedDict

from hpcsweep.errors import SweepFileError, UsageError, nearest
from hpcsweep.sweep.profile import Profile
from hpcsweep.sweep.toml_problems import validate


class Wishes(TypedDict, total=False):
    """The options of `submit` and `resume`, by their names there; None means no wish."""

    time: str | int | None
    workers: str | int | None
    gpus: int | None
    workers_per_gpu: str | int | None
    cpus: int | None
    mem: str | float | None
    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    exclude: str | None
    continue_by: str | None
    report: bool | None


def overlay(profile: Profile, wishes: Wishes) -> Profile:
    """Return the profile with the wishes in it, checked like those of a file; UsageError names the option at fault."""
    for name in wishes:
        if name not in Wishes.__annotations__:
            raise UsageError(f'there is no option "{name}"{nearest(name, Wishes.__annotations__)} of a submission')
    given = {name: value for name, value in wishes.items() if value is not None}
    renamed = {"mem": "mem_gb", "continue_by": "continue"}
    settings: dict[str, Any] = {renamed.get(name, name): value for name, value in given.items()}
    if "mem_gb" in settings:
        settings["mem_gb"] = _gigabytes(str(settings["mem_gb"]))
    for name in ("workers", "workers_per_gpu", "time"):
        if str(settings.get(name, "")).isdecimal():
            settings[name] = int(settings[name])
    try:
        checked = validate(Profile, settings, "options")
    except SweepFileError as error:
        option, _, found = f"{error}".removeprefix("options: ").partition(":")
        raise UsageError(f"--{option.replace('_', '-')}:{found}") from None
    return profile.model_copy(update={name: getattr(checked, name) for name in checked.model_fields_set})


def _gigabytes(text: str) -> float:
    units = {"": 1.0, "G": 1.0, "GB": 1.0, "M": 0.001, "MB": 0.001, "T": 1000.0, "TB": 1000.0}
    number = text.rstrip("GMTBgmtb")
    try:
        return float(number) * units[text[len(number) :].upper()]
    except (ValueError, KeyError):
        raise UsageError(f'--mem: found "{text}", expected gigabytes, such as 32 or 32G') from None
